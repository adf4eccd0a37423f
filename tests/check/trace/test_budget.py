"""What a trace costs is bounded, in operations and in numbers kept."""

import numpy as np
import pytest

from check.trace.measured import functions_of
from softgrad.check.trace import session, trace_backward, trace_forward
from softgrad.check.user.cached import without_cache

X = np.random.default_rng(0).normal(size=(3, 4))
DATA = [np.ones((300, 1000)) for _ in range(40)]


def test_a_trace_ends_after_too_many_operations(monkeypatch):
    monkeypatch.setattr(session, "MOST_NODES", 50)

    def steps(number):
        def forward(x):
            for _ in range(number):
                x = x * 1.01
            return x

        return functions_of(forward, (X,))

    short, long = steps(20), steps(100)
    assert trace_forward(short, short.arrays()) is not None
    assert trace_forward(long, long.arrays()) is None
    np.testing.assert_allclose(long.output(long.arrays()), X * 1.01**100)


def test_a_trace_ends_after_too_many_numbers(monkeypatch):
    monkeypatch.setattr(session, "MOST_ENTRIES", 1000)
    functions = functions_of(lambda x: np.tile(x, (100, 1)) * 2, (X,))
    assert trace_forward(functions, functions.arrays()) is None


@pytest.mark.parametrize("used", [0, 1])
def test_large_arrays_that_are_held_cost_nothing_until_they_are_used(used):
    def forward(w):
        return sum((one.dot(w) for one in DATA[:used]), 0.0) + w.sum()

    functions = functions_of(forward, (np.ones(1000),))
    graph = trace_forward(functions, functions.arrays())
    assert sum(node.value.size for node in graph.nodes) < 10_000 + used * DATA[0].size
    np.testing.assert_array_equal(graph.gradients(np.ones(graph.output.shape))[0,], [600 if used else 1] * 1000)


def test_a_cache_that_is_handed_over():
    def forward(x):
        return np.tanh(x), (x, np.tanh(x))

    def backward(dout, cache):
        return dout * (1 - cache[1] ** 2)

    functions = functions_of(*(lambda pair: (pair[0], (X,), pair[1]))(without_cache(forward, backward)))
    trace = trace_backward(functions, functions.arrays(), np.ones(X.shape))
    assert trace.returned[0,].active
    # What forward computes for the cache alone is a part of the backward pass.
    of_forward = [node.op for node in trace.nodes if node.site and node.site.function == "forward"]
    assert of_forward == ["tanh"]
