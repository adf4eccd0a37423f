"""Where an operation stands: lines, loops, calls."""

import copy
import functools
import heapq

import numpy as np

from check.trace.measured import functions_of
from softgrad.check.trace import trace_backward, trace_forward

X = np.random.default_rng(0).normal(size=(3, 4))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))  # sigmoid


def gates(x):
    first = sigmoid(x)  # first gate
    second = (
        np.tanh(x)  # second gate
        + sigmoid(2 * x)  # third gate
    )
    total = np.zeros(4)
    for row in first * second:  # product
        total = np.tanh(  # loop
            total + row
        )
    return np.array([np.sqrt(value * value + 1) for value in total])  # comprehension


def line_of(mark):
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123
        return next(i for i, text in enumerate(file, 1) if text.rstrip().endswith(f"# {mark}"))


def graph_of(function, *arrays):
    functions = functions_of(function, arrays)
    graph = trace_forward(functions, functions.arrays())
    assert graph is not None
    return graph


GRAPH = graph_of(gates, X)


def nodes(op):
    return [node for node in GRAPH.nodes if node.op == op]


def test_the_line_is_that_of_the_expression():
    assert [node.site.number for node in nodes("tanh")] == [line_of("second gate"), *[line_of("loop")] * 3]
    assert {node.site.file for node in nodes("tanh")} == {__file__}
    assert {node.site.function for node in nodes("tanh")} == {"gates"}


def test_the_span_is_that_of_the_expression():
    (node,) = [node for node in nodes("multiply") if node.site.number == line_of("product")]
    first, last, begin, end = node.site.span
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123
        assert first == last
        assert file.read().splitlines()[first - 1][begin:end] == "first * second"


def test_a_loop_is_one_group_with_its_repetitions():
    (group,) = [group for site, group in GRAPH.groups.items() if site.number == line_of("loop") and site.op == "tanh"]
    assert [node.repetition for node in group] == [0, 1, 2]


def test_a_long_loop_is_one_group():
    """Python replaces instructions by faster ones after some repetitions."""

    def run(x):
        total = 0.0
        for i in range(300):
            total = np.tanh(total + x[i % 3, i % 4]) * 0.5
        return total

    groups = graph_of(run, X).groups
    assert {site.op: len(group) for site, group in groups.items()} == {
        "gather": 300,
        "add": 300,
        "tanh": 300,
        "multiply": 300,
    }


def test_calls_of_a_helper_are_told_apart():
    exps = nodes("exp")
    assert {node.site.number for node in exps} == {line_of("sigmoid")}
    assert [node.caller.number for node in exps] == [line_of("first gate"), line_of("third gate")]
    assert [node.repetition for node in exps] == [0, 0]


def test_pythons_own_library_is_not_the_users():
    def run(x):
        return functools.partialmethod(lambda self, y: y * 2).func(None, copy.deepcopy([x])[0]) + bisected(x)

    def bisected(x):
        return heapq.nlargest(1, list(x[0]), key=lambda one: one * 2)[0]

    graph = graph_of(lambda x: run(x) * x, X)
    assert all(node.site.file == __file__ for node in graph.nodes if node.site)
    assert all(call.file == __file__ for node in graph.nodes for call in node.callers)


def test_a_comprehension_belongs_to_its_function():
    roots = nodes("sqrt")
    assert {node.site.function for node in roots} == {"gates"}
    assert [node.repetition for node in roots] == [0, 1, 2, 3]


def test_operations_inside_a_function_of_numpy_are_told_apart():
    graph = graph_of(lambda x: np.cov(x), X)
    assert all(len(group) == 1 for group in graph.groups.values())
    assert any(site.inside for site in graph.groups)


def test_one_operation_of_numpy_is_the_users_own():
    graph = graph_of(
        lambda x: x.sum(0) + np.max(x, axis=0) + (x.clip(0) @ x.mean(0))[0] + np.linalg.norm(x) + x[0].dot(x.T)[0], X
    )
    assert {site.inside for site in graph.groups} == {""}


def test_operations_of_a_definition_are_told_apart():
    graph = graph_of(lambda x: np.interp(x[0], [-3.0, 0.0, 3.0], x[1, :3]) + np.convolve(x[0], x[2], "same"), X)
    assert all(len(group) == 1 for group in graph.groups.values())
    inside = {site.op for site in graph.groups if site.inside}
    assert {"subtract", "divide", "einsum"} <= inside


def test_what_is_not_traced_is_told_with_its_line():
    def run(x):
        total = np.linalg.qr(x.T)[0].T  # factors
        return total + np.round(x) + np.fft.fft(x).real  # complex

    lines = [f"np.linalg.qr, line {line_of('factors')}", f"np.fft.fft, line {line_of('complex')}"]
    assert list(graph_of(run, X).untraced) == lines


def test_backward_takes_nodes_of_forward():
    class Layer:
        def forward(self, x):
            self.y = np.tanh(x)
            return self.y

        def backward(self, x, y, g):
            d = g * (1 - self.y**2)
            d[0] = 0
            return d

    layer = Layer()
    functions = functions_of(layer.forward, (X,), layer.backward)
    upstream = np.ones(X.shape)
    trace = trace_backward(functions, functions.arrays(), upstream)
    assert trace.untraced == ()
    (square,) = [node for node in trace.nodes if node.op == "square"]
    assert square.parents == (trace.graph.output,)
    (product,) = [node for node in trace.nodes if node.op == "multiply"]
    assert product.parents[0] is trace.upstream
    assert trace.returned[0,].op == "assemble"
    np.testing.assert_array_equal(trace.returned[0,].value, functions.gradients(functions.arrays(), upstream).grads[0,])


def test_the_nodes_of_a_group_are_of_one_operation():
    def run(x):
        h = np.zeros((4, 4))
        for i in range(3):
            h[i + 1] = h[i : i + 2].sum(axis=0) + x[i]
        return h

    graph = graph_of(run, X)
    assert {"gather", "assemble"} <= {node.op for node in graph.nodes}
    assert all(node.op == site.op for site, group in graph.groups.items() for node in group)


def test_all_depths_of_a_recursion_are_one_group():
    def nested(x, depth):
        return x if not depth else np.sin(nested(x, depth - 1))

    graph = graph_of(lambda x: nested(x, 50), X)
    places = {(node.site, node.callers) for node in graph.nodes if node.op == "sin"}
    assert len(places) == 2  # the outermost one is called from elsewhere
