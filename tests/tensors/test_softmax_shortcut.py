"""The short way to softmax, log_softmax and logsumexp: the bits of the long way, and the calls that it leaves to it."""

import inspect
import itertools

import pytest

import softgrad as sg
from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.torch import softmax_derivatives  # noqa: E402
from tensors.odd_tensors import Subclass, left_by_torch_func, strided  # noqa: E402

NAMES = ["softmax", "log_softmax", "logsumexp"]
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
CALLS = {  # name: (shape, options)
    "rows": ((6, 5), {}),
    "one row": ((5,), {}),
    "rows longer than a tile": ((3, 1000), {"axis": 1}),
    "classes first": ((5, 6), {"axis": 0, "temperature": 0.5}),
    "an inner axis": ((2, 5, 3, 4), {"axis": -3}),
    "one class": ((4, 1), {"temperature": 2}),
}


def short(name):
    return inspect.getclosurevars(getattr(st, name)).nonlocals["shortly"]


@pytest.mark.parametrize("name", NAMES)
def test_both_ways_give_the_same_bits_and_gradients(name):
    for (shape, options), dtype in itertools.product(CALLS.values(), DTYPES):
        z = (3 * torch.randn(shape)).to(dtype)
        assert torch.equal(short(name)((z,), options), getattr(st, name)(strided(z), **options))
        results, grads, upstream = [], [], torch.randn(shape)
        for way in (lambda z: z, strided):
            at = z.clone().requires_grad_()
            results.append(getattr(st, name)(way(at), **options))
            g = upstream if name != "logsumexp" else upstream.select(options.get("axis", -1), 0)
            grads += torch.autograd.grad(results[-1], at, g.to(dtype))
        assert results[0].dtype == results[1].dtype and torch.equal(*results)
        assert torch.equal(*grads), (shape, dtype)


@pytest.mark.parametrize("name", NAMES)
def test_a_result_of_the_short_way_has_its_node_and_second_derivatives(name):
    z = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    result = short(name)((z,), {})
    assert result.requires_grad and isinstance(result.grad_fn, torch.autograd.function.BackwardCFunction)
    assert torch.autograd.gradcheck(getattr(st, name), z) and torch.autograd.gradgradcheck(getattr(st, name), z)
    with torch.no_grad():
        assert not short(name)((z,), {}).requires_grad
    with torch.inference_mode():
        assert torch.equal(short(name)((z,), {}), result)


@pytest.mark.parametrize("name", NAMES)
def test_the_backward_pass_has_a_short_way(name, monkeypatch):
    vjp, taken = softmax_derivatives.SHORT_PRODUCTS[name], []
    monkeypatch.setitem(softmax_derivatives.SHORT_PRODUCTS, name, lambda *args: taken.append(vjp(*args)) or taken[-1])
    at = Z.clone().requires_grad_()
    result = getattr(st, name)(at)
    result.backward(torch.ones(result.shape))
    assert torch.equal(at.grad, taken[0])
    y, g = (Z if name == "logsumexp" else getattr(torch, name)(Z, 1)), torch.randn(result.shape)
    options = {"axis": -1, "temperature": 2.0}
    wanted = getattr(sg, f"{name}_vjp")(y.numpy(), g.numpy(), **options)
    assert vjp((y, g), options) is None  # recorded
    with torch.no_grad():
        assert vjp((y, g), options).numpy().tobytes() == wanted.tobytes()
        for upstream in (strided(g), g.flatten()[0].expand(g.shape)):
            assert torch.equal(vjp((y, upstream), options), vjp((y, upstream.clone()), options))
        for other in (g.double(), g[:3], torch.zeros(g.shape, dtype=torch.int64), g.to_sparse(), torch._neg_view(g)):
            assert vjp((y, other), options) is None
        with torch.autograd.forward_ad.dual_level():
            assert vjp((y, g), options) is None
        if name != "logsumexp":
            assert vjp((100 - Z, g), options) is None  # no probabilities


Z = torch.randn(4, 3)


def freed():
    view = torch.randn(8)[3:]
    view.untyped_storage().resize_(0)
    return view


LONG = {  # name: (logits, options)
    "gaps": (strided(Z), {}),
    "a list": (Z.tolist(), {}),
    "integers": (torch.arange(4), {}),
    "a negative view": (torch._neg_view(Z), {}),
    "a subclass": (Z.as_subclass(Subclass), {}),
    "zeros without memory": (torch._efficientzerotensor((4, 3)), {}),
    "memory that was freed": (freed(), {}),
    "left by torch.func": (left_by_torch_func(Z), {}),
    "meta": (torch.empty(4, 3, device="meta"), {}),
    "sparse": (Z.to_sparse(), {}),
    "no rows": (Z[:0], {}),
    "no axes": (torch.zeros(()), {}),
    "an axis too far": (Z, {"axis": 2}),
    "two axes": (Z, {"axis": (0, 1)}),
    "a mask": (Z, {"where": torch.ones(4, 3, dtype=torch.bool)}),
    "a tensor as temperature": (Z, {"temperature": torch.tensor(2.0)}),
    "no temperature": (Z, {"temperature": 0.0}),
    "class axes kept": (Z, {"keepdims": True}),
    "many axes": (torch.zeros((1,) * 17), {}),
    "many entries, in memory of NumPy": (torch.zeros(2**10, 2**10), {}),
}


@pytest.mark.parametrize("case", LONG)
def test_the_other_calls_go_the_long_way(case):
    logits, options = LONG[case]
    for name in NAMES:
        assert short(name)((logits,), options) is None
    assert short("softmax")((), {}) is None and short("softmax")((Z, Z), {}) is None


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.torch.jit.trace:DeprecationWarning")
@pytest.mark.parametrize("transform", ["grad", "forward mode", "jit.trace", "dispatch mode"])
def test_transforms_and_modes_go_the_long_way(transform):
    found = []

    def call(z):
        found.append(short("softmax")((Z,), {}))
        return z.sum()

    if transform == "grad":
        torch.func.grad(call)(Z)
    elif transform == "forward mode":
        with torch.autograd.forward_ad.dual_level():
            call(Z)
    elif transform == "jit.trace":
        torch.jit.trace(call, Z, check_trace=False)
    else:
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False):
            call(Z)
    assert found == [None]
    assert short("softmax")((Z,), {}) is not None


class WideTensors(torch.overrides.TorchFunctionMode):
    """Returns other tensors than it is asked for: shorter ones would not hold the result."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        return result.double() if function in (torch.empty_like, torch.Tensor.new_empty) else result


def test_a_mode_that_replaces_tensors_goes_the_long_way():
    y, vjp = torch.softmax(Z, 1), softmax_derivatives.SHORT_PRODUCTS["softmax"]
    wanted = [getattr(st, name)(Z) for name in NAMES]
    with torch.no_grad(), WideTensors():
        assert [short(name)((Z,), {}) for name in NAMES] == [None] * 3 and vjp((y, Z), {}) is None
        results = [getattr(st, name)(Z) for name in NAMES]
    assert all(map(torch.equal, results, wanted))


def test_errors_are_those_of_the_long_way():
    with pytest.raises(sg.AxisError, match=r"softmax: axis is 2, but logits.shape is \(4, 3\)"):
        st.softmax(Z, axis=2)
    with pytest.raises(TypeError, match="softmax: unexpected option 'dim'; here it is axis"):
        st.softmax(Z, dim=1)
    with pytest.raises(TypeError, match="softmax: unexpected option 'keepdims'"):
        st.softmax(Z, keepdims=False)
