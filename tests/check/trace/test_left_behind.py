"""After a trace, and in other threads during one, everything is as it was."""

import copy
import math
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

from check.trace.measured import functions_of
from softgrad.check.trace import trace_backward, trace_forward
from softgrad.check.trace.array import Traced
from softgrad.check.trace.replacements import _all

special = pytest.importorskip("scipy.special")
X = np.random.default_rng(0).normal(size=(3, 4))
SCALE = np.ones(4)
from math import exp  # noqa: E402

from numpy import zeros  # noqa: E402


class Layer:
    shared = np.zeros(4)

    def __init__(self):
        self.w, self.cache, self.steps = np.full((4, 4), 0.5), {"old": np.ones(2)}, [np.zeros(3)]

    def forward(self, x):
        self.cache["x"] = x
        self.seen = x @ self.w * SCALE * exp(0.5)
        self.steps.append(self.seen)
        self.shared[:] = self.seen[0]
        self.w += 0.0
        SCALE[0] += 1
        return float(np.sum(zeros(4) + self.seen)) * self.seen

    def backward(self, x, y, g):
        return g @ self.w.T


def everything(layer):
    return {
        "np": {name: getattr(np, name) for name in dir(np) if name[0] != "_"},
        "math": dict(vars(math)),
        "scipy.special": {name: getattr(special, name) for name in dir(special)},
        "np.vectorize": dict(vars(np.vectorize)),
        "globals": {name: value for name, value in globals().items() if name != "__builtins__"},
        "layer": dict(vars(layer)),
        "class": dict(vars(Layer)),
    }


@pytest.mark.parametrize("trace", [trace_forward, lambda f, a: trace_backward(f, a, np.ones(X.shape))])
def test_nothing_is_left_behind(trace):
    layer = Layer()
    functions = functions_of(layer.forward, (X,), layer.backward)
    before = everything(layer)
    numbers = [one.copy() for one in (layer.w, SCALE, Layer.shared, X)]
    assert trace(functions, functions.arrays()) is not None
    after = everything(layer)
    for place, held in before.items():
        assert after[place].keys() == held.keys()
        assert [name for name, value in held.items() if after[place][name] is not value] == []
    assert layer.cache.keys() == {"old"}
    assert [type(one) for one in (layer.cache["old"], *layer.steps, layer.w, SCALE)] == [np.ndarray] * 4
    for one, then in zip((layer.w, SCALE, Layer.shared, X), numbers, strict=True):
        np.testing.assert_array_equal(one, then)


def test_nothing_is_left_behind_after_an_exception():
    def forward(x):
        np.zeros(3)
        raise ZeroDivisionError

    functions = functions_of(forward, (X,))
    before = everything(Layer())
    assert trace_forward(functions, functions.arrays()) is None
    after = everything(Layer())
    assert [name for name in before["np"] if after["np"][name] is not before["np"][name]] == []


def test_another_thread_gets_plain_arrays():
    found = {}

    def elsewhere():
        found["zeros"] = np.zeros(3)
        found["array"] = np.array([1.0, 2.0])
        found["exp"] = math.exp(1.0)
        found["softmax"] = special.softmax(np.ones(2))

    def forward(x):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert isinstance(np.zeros(3), Traced)
        return x * 2

    functions = functions_of(forward, (X,))
    assert trace_forward(functions, functions.arrays()) is not None
    assert {type(one) for one in found.values()} <= {np.ndarray, float}


def test_traces_in_several_threads_at_once():
    results = {}
    barrier = threading.Barrier(4, timeout=120)

    def run(number):
        def forward(x):
            barrier.wait()
            h = np.zeros((4, 3, 4))
            for i in range(4):
                h[i] = np.tanh(x * (number + 1) + h[i - 1])
            barrier.wait()
            return h[3]

        functions = functions_of(forward, (X,))
        functions.output(functions.arrays())
        graph = trace_forward(functions, functions.arrays())
        results[number] = (graph.gradients(np.ones(X.shape))[0,], len(graph.nodes))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({nodes for _, nodes in results.values()}) == 1
    assert np.zeros.__module__ != "softgrad.check.trace.makers"
    assert [name for _, name, value in _all() if value in (np.zeros, np.array, math.exp)] == []


def test_a_traced_array_that_survives_is_a_plain_one():
    kept = []

    def forward(x):
        kept.append(x * 2)
        return x

    functions = functions_of(lambda x: forward(x), (X,))
    assert trace_forward(functions, functions.arrays()) is not None
    hidden = []
    other = functions_of(lambda x, hide=hidden.append: (hide(x * 2), x)[1], (X,))
    assert trace_forward(other, other.arrays()) is not None
    (array,) = hidden
    assert type(array + 1) is np.ndarray
    assert type(array @ array.T) is np.ndarray
    assert type(np.sum(array)) is np.float64
    assert type(array.mean(axis=0)) is np.ndarray
    array[0] = 3
    assert array.sum() == np.sum(np.asarray(array))


def test_replaced_ufuncs_are_like_ufuncs():
    def forward(x):
        for one in (np.exp, np.add, copy.deepcopy(np.tanh), pickle.loads(pickle.dumps(np.exp))):
            assert isinstance(one, np.ufunc)
            assert one.nout == 1
        assert repr(np.exp) == "<ufunc 'exp'>"
        return np.exp(x)

    functions = functions_of(forward, (X,))
    assert trace_forward(functions, functions.arrays()).untraced == ()


def test_no_call_is_made_beyond_the_limit():
    functions = functions_of(lambda x: x * 2, (X,))
    functions.calls.limit = 1
    assert trace_backward(functions, functions.arrays(), np.ones(X.shape)) is None
    assert functions.calls.made == 0
    assert trace_forward(functions, functions.arrays()) is not None
    assert functions.calls.made == 1


def test_functions_of_the_users_own_modules_are_followed(tmp_path, monkeypatch):
    (tmp_path / "own_maths.py").write_text(
        "from math import exp\n"
        "import numpy as np\n"
        "SEEN = np.zeros((3, 4))\n"
        "def first(x):\n"
        "    SEEN[:] = x\n"
        "    return float(exp(SEEN[0, 0]))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import own_maths

    before = dict(vars(own_maths))
    functions = functions_of(lambda x: own_maths.first(x) * x, (X,))
    graph = trace_forward(functions, functions.arrays())
    assert len([node for node in graph.live if node.op == "exp"]) == 1
    assert all(value is before[name] for name, value in vars(own_maths).items())
    assert vars(own_maths).keys() == before.keys()
    assert not own_maths.SEEN.any()


def test_parts_of_scipy_are_not_imported():
    program = """
import sys
import numpy as np
import scipy.special
import softgrad as sg
report = sg.check_vjp(lambda x: x**3, lambda x, y, dy: 2 * x**2 * dy, np.array([0.5, -1.2, 2.0]))
assert report.backward_line is not None or report.mistakes
print([name for name in ("scipy.signal", "scipy.stats") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
