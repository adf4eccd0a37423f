"""A check leaves whatever the functions hold as it was, to the bit, and a second check gives the same report."""

import contextlib
import copy
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import softmax

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 4)), np.array([0, 2, 1, 1, 0])
W = RNG.normal(size=(4, 3))


def backward(p, dp):
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


class Cached:
    """A layer that keeps what its backward pass needs, as attributes, in a dict and in a buffer."""

    log = []  # noqa: RUF012 (shared by all layers, on purpose)

    def __init__(self):
        self.W, self.x, self.p, self.kept = W.copy(), None, None, {"calls": 0}
        self.total, self.running = np.zeros(3), np.zeros(3)

    def forward(self, x):
        self.x, self.p = x, softmax(x @ self.W)
        self.kept["last"], self.kept["calls"] = self.p, self.kept["calls"] + 1
        self.running = 0.9 * self.running + self.p.mean(axis=0)
        self.log.append(x)
        if not np.iscomplexobj(self.p):
            self.total += self.p.sum(axis=0)
        return self.p

    def backward(self, x, p, dp):
        self.grad = {"W": self.x.T @ backward(self.p, dp)}
        return backward(self.p, dp) @ self.W.T


class Slotted:
    __slots__ = ("__secret", "p")

    def __init__(self):
        self.__secret = 0

    def forward(self, z):
        self.p, self.__secret = softmax(z), self.__secret + 1
        return self.p

    def backward(self, z, p, dp):
        return backward(self.p, dp)


@dataclass(frozen=True)
class Frozen:
    kept: dict = field(default_factory=dict)

    def forward(self, z):
        self.kept["p"] = softmax(z)
        return self.kept["p"]

    def backward(self, z, p, dp):
        return backward(self.kept["p"], dp)


class Module:
    """A network of layers in lists, whose parameters are set from outside."""

    def __init__(self):
        self.blocks = [[SimpleNamespace(params={"W": W.copy()}, cache=[]) for _ in range(1)]]

    def loss(self, w):
        layer = self.blocks[0][0]
        layer.params["W"], layer.cache[:] = w, [X @ w]
        return -np.log(softmax(layer.cache[0])[np.arange(5), Y]).mean()

    def grad(self, w):
        self.loss(w)
        layer = self.blocks[0][0]
        return X.T @ (softmax(layer.cache[0]) - np.eye(3)[Y]) / 5


def closure():
    kept, seen, count = {}, [], 0

    def forward(z):
        nonlocal count
        count += 1
        kept["p"] = softmax(z)
        seen.append(z.dtype)
        return kept["p"]

    def held():
        return kept, seen, count

    return forward, lambda z, p, dp: backward(kept["p"], dp), held


LAST = None


def with_a_global(z):
    global LAST, MADE_BY_THE_CALL
    LAST = MADE_BY_THE_CALL = softmax(z)
    return LAST


def network():
    net = sg.nn.Network([sg.nn.Dense(6), sg.nn.Tanh(), sg.nn.Dense(3)], dtype=np.float64).initialize(4, seed=0)
    parameters = net.parameters

    def loss(w):
        kept, parameters["layers.2.weight"][...] = parameters["layers.2.weight"].copy(), w
        value = net.loss_with_grads(X, Y).loss
        del kept
        return value

    def grad(w):
        loss(w)
        return net.loss_with_grads(X, Y).grads["layers.2.weight"]

    return net, loss, grad


def flat(value, seen=None):
    """The state of an object in plain data: types, identities, and every bit of its arrays."""
    seen = {} if seen is None else seen
    if id(value) in seen:
        return seen[id(value)]
    seen[id(value)] = f"seen {len(seen)}"
    if isinstance(value, np.ndarray):
        return id(value), str(value.dtype), value.shape, value.strides, value.tobytes()
    if isinstance(value, dict):
        return id(value), [(key, flat(one, seen)) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return id(value), [flat(one, seen) for one in value]
    if hasattr(value, "__dict__") and not callable(value):
        return id(value), flat(vars(value), seen)
    slots = getattr(type(value), "__slots__", None)
    if slots is not None and not callable(value):
        return id(value), [repr(getattr(value, "p", None)), repr(getattr(value, "_Slotted__secret", None))]
    return repr(value)


def of_layer(layer):
    """An array of the input's shape is a Python attribute; the check is of the two methods."""
    return lambda **options: sg.check_vjp(layer.forward, layer.backward, X, **options), layer


def of_closure():
    forward, vjp, held = closure()
    return lambda **options: sg.check_vjp(forward, vjp, X, **options), held


def of_module():
    module = Module()
    return lambda **options: sg.check_grad(module.loss, module.grad, W, **options), module


def of_network():
    net, loss, grad = network()
    w = net.parameters["layers.2.weight"].copy()
    return lambda **options: sg.check_grad(loss, grad, w, **options), net


def of_an_input():
    """The object is an input itself, passed on as it is."""
    layer = Cached()
    check = lambda **options: sg.check_vjp(  # noqa: E731
        lambda x, layer: layer.forward(x), lambda x, layer, p, dp: (layer.backward(x, p, dp), None), X, layer, **options
    )
    return check, layer


HOLDERS = {  # name: makes (a check of functions, what they hold)
    "a layer with caches": lambda: of_layer(Cached()),
    "slots": lambda: of_layer(Slotted()),
    "a frozen dataclass": lambda: of_layer(Frozen()),
    "a closure": of_closure,
    "a module of lists of layers": of_module,
    "our network": of_network,
    "an object among the inputs": of_an_input,
}


def state(held):
    parts = held() if callable(held) else (held,)
    return [flat(one) for one in (*parts, Cached.log)]


@pytest.mark.parametrize("name", HOLDERS)
def test_everything_is_as_it_was_and_a_second_check_agrees(name):
    check, held = HOLDERS[name]()
    before = state(held)
    first = check()
    assert first.ok is True, first.text()
    assert state(held) == before
    assert check().to_dict() == first.to_dict()
    first.curves()
    assert state(held) == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("after", [1, 4, 30])
def test_after_an_exception_too(error, after):
    class Failing(Cached):
        def forward(self, x):
            super().forward(x)
            if self.kept["calls"] > after:
                raise error("stop")
            return self.p

    layer = Failing()
    before = state(layer)
    with contextlib.suppress(sg.CheckError, KeyboardInterrupt):
        of_layer(layer)[0]()
    assert state(layer) == before


def test_globals_are_put_back():
    global LAST
    LAST = kept = np.ones(3)
    assert sg.check_vjp(with_a_global, lambda z, p, dp: backward(LAST, dp), X).ok is True
    assert LAST is kept
    assert "MADE_BY_THE_CALL" not in globals()


def test_a_functions_own_attributes():
    def forward(z):
        forward.p = softmax(z)
        return forward.p

    forward.p = None
    assert sg.check_vjp(forward, lambda z, p, dp: backward(forward.p, dp), X).ok is True
    assert forward.p is None


def test_an_array_that_a_call_changes_in_place():
    buffer = np.full(X.shape, -0.0)
    before = buffer.tobytes()

    def forward(z):
        assert not np.iscomplexobj(z)
        np.exp(z, out=buffer)
        return buffer.copy()

    assert sg.check_vjp(forward, lambda z, y, g: g * y, X).ok is True
    assert buffer.tobytes() == before


def test_what_is_in_a_cycle_or_deep_is_found():
    node = SimpleNamespace(inner=None, value=None)
    node.inner = node
    chain = node
    for _ in range(200):
        chain = SimpleNamespace(inner=chain)

    def forward(z):
        node.value = np.sin(z)
        return node.value

    def deep():
        return chain

    before = copy.copy(vars(node))
    assert sg.check_vjp(forward, lambda x, y, g: (deep(), g * np.cos(x))[1], X).ok is True
    assert vars(node) == before


def test_names_of_the_users_own_modules(tmp_path, monkeypatch):
    (tmp_path / "own_layers.py").write_text(
        "import numpy as np\n"
        "class Net: pass\n"
        "net, steps, last = Net(), [], None\n"
        "def forward(z):\n"
        "    global last\n"
        "    net.z, last = z, np.exp(z)\n"
        "    steps.append(z)\n"
        "    return last\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import own_layers

    report = sg.check_vjp(lambda z: own_layers.forward(z), lambda z, y, g: g * own_layers.last, X)
    assert report.ok is True
    assert (vars(own_layers.net), own_layers.steps, own_layers.last) == ({}, [], None)


def with_parameters(net, method):
    """Two functions that put a parameter into a network and call it, as people do without check_layer."""

    def loss(w):
        net.params["W1"] = w
        result = getattr(net, method)(X, Y)
        return result[0] if isinstance(result, tuple) else result

    def grad(w):
        net.params["W1"] = w
        result = net.gradient(X, Y) if hasattr(net, "gradient") else getattr(net, method)(X, Y)[1]
        return result["W1"]

    return loss, grad


class Held:
    """Its forward pass keeps what it computes in a dict, in a list that grows, and in a buffer."""

    def __init__(self):
        self.params, self.cache, self.steps = {"W1": W.copy(), "W2": np.eye(3)}, {}, []
        self.buffer, self.seen = np.zeros((5, 3)), SimpleNamespace(last=None)

    def loss(self, x, y):
        z = x @ self.params["W1"] @ self.params["W2"]
        self.cache["z"], self.cache["p"], self.seen.last = z, softmax(z), z
        self.steps.append(z)
        if not np.iscomplexobj(z):
            self.buffer += z
        return -np.log(self.cache["p"][np.arange(5), y]).mean()

    def gradient(self, x, y):
        self.loss(x, y)
        d = (self.cache["p"] - np.eye(3)[y]) / 5
        self.grads = {"W1": x.T @ d @ self.params["W2"].T}
        return self.grads


class HeldInSlots(Held):
    __slots__ = ("extra",)

    def loss(self, x, y):
        self.extra = self.params["W1"]
        return super().loss(x, y)


@dataclass
class HeldInDataclass:
    params: dict = field(default_factory=lambda: {"W1": W.copy()})
    cache: list = field(default_factory=list)

    def loss(self, x, y):
        p = softmax(x @ self.params["W1"])
        self.cache[:] = [x, p]
        return -np.log(p[np.arange(5), y]).mean(), {"W1": x.T @ (p - np.eye(3)[y]) / 5}


@pytest.mark.parametrize("make", [Held, HeldInSlots, HeldInDataclass])
def test_no_complex_number_stays_in_a_network(make):
    net = make()
    loss, grad = with_parameters(net, "loss")
    before = flat(net)
    first = sg.check_grad(loss, grad, W)
    assert first.ok is True, first.text()
    assert flat(net) == before
    assert sg.check_grad(loss, grad, W).to_dict() == first.to_dict()
    assert flat(net) == before
    backward = {} if hasattr(net, "gradient") else {"backward": True}
    layer = sg.check_layer(net, X, Y, forward="loss", **backward)
    assert layer.ok is True, layer.text()
    assert "W1" in layer.checked
    assert flat(net) == before
