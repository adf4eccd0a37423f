"""Runs the user's functions on traced arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.trace import functions as _functions  # noqa: F401  (its tables are looked up when a function is called)
from softgrad.check.trace.array import Traced, node_of, plain, traced, traced_array
from softgrad.check.trace.graph import Graph, ancestry, groups_of
from softgrad.check.trace.held import held_traced
from softgrad.check.trace.node import Node, Site
from softgrad.check.trace.replacements import replaced
from softgrad.check.trace.session import Session, recorded
from softgrad.check.user.arguments import Key, laid_out
from softgrad.check.user.functions import UserFunctions
from softgrad.formulas.numbers import Array


class BackwardTrace(NamedTuple):
    """One run of forward and of backward.

    Attributes:
        graph: of the forward pass.
        nodes: every array that backward computed, in order, and what forward computed for the gradients alone. Their
            parents may be nodes of the forward pass: layers share caches, and the inputs and the output are the same.
        upstream: the node of grad_output; None for a loss.
        returned: the node of each gradient that backward returned.
        untraced: operations through which the trace was lost.
        of_forward: the nodes that were made before backward was called.
    """

    graph: Graph
    nodes: list[Node]
    upstream: Node | None
    returned: dict[Key, Node]
    untraced: tuple[str, ...]
    of_forward: frozenset[Node]

    @property
    def groups(self) -> dict[Site, list[Node]]:
        """The nodes of each site of backward."""
        return groups_of(self.nodes)


def trace_forward(functions: UserFunctions, arrays: Mapping[Key, Array]) -> Graph | None:
    """The graph of forward at these arrays; None where the trace was lost."""
    trace = _run(functions, arrays, None, backward=False)
    return None if trace is None else trace.graph


def trace_backward(functions: UserFunctions, arrays: Mapping[Key, Array], upstream: Array) -> BackwardTrace | None:
    """The graph of forward, and what backward computes after it; None where the trace was lost."""
    trace = _run(functions, arrays, upstream, backward=True)
    if trace is None or any(one not in trace.of_forward for one in trace.returned.values()):
        return trace
    # One function computes the loss and the gradients: what it writes into arrays is marked from the start.
    return _run(functions, arrays, upstream, backward=True, marks_writes=True)


def _run(
    functions: UserFunctions,
    arrays: Mapping[Key, Array],
    upstream: Array | None,
    *,
    backward: bool,
    marks_writes: bool = False,
) -> BackwardTrace | None:
    if functions.calls.made + 1 + backward > functions.calls.limit:
        return None
    session = Session(sys._getframe())
    session.marks_writes = marks_writes
    try:
        with (
            functions.kept() as objects,
            np.errstate(all="ignore"),
            replaced(),
            recorded(session),
            held_traced(session, objects, functions.arguments.inputs),
        ):
            found = _traced(session, functions, arrays, upstream, backward)
    except (Exception, SystemExit):
        return None
    return None if session.is_full else found


def _traced(
    session: Session, functions: UserFunctions, arrays: Mapping[Key, Array], upstream: Array | None, backward: bool
) -> BackwardTrace | None:
    keys = {leaf.key: leaf.given for leaf in functions.leaves}
    inputs = {
        key: session.node("input", (), array, active=True) for key, array in arrays.items() if array.dtype.kind == "f"
    }

    def arguments() -> list[Any]:
        given = functions.arguments.with_arrays(arrays)
        return [_with_traces(one, (i,), inputs, keys) for i, one in enumerate(given)]

    with functions.randomness.rewound():
        value = functions.run_forward(arguments())
    if not isinstance(value, Traced):
        return None
    output = node_of(session, value)
    if not np.array_equal(output.value, plain(value), equal_nan=True):  # something wrote into memory unseen
        return None
    graph = Graph(session.nodes, inputs, output, tuple(session.untraced))
    if not backward:
        return BackwardTrace(graph, [], None, {}, graph.untraced, frozenset())
    given, above = _handed(session, functions, output, upstream)
    begin, session.marks_writes = len(session.nodes), True
    with functions.randomness.rewound():
        grads = functions.run_backward([*arguments(), *given])
    returned = {key: node_of(session, grad) for key, grad in grads.items()}
    nodes = [*_for_gradients(graph, session.nodes[:begin], returned.values()), *session.nodes[begin:]]
    return BackwardTrace(graph, nodes, above, returned, tuple(session.untraced), frozenset(session.nodes[:begin]))


def _for_gradients(graph: Graph, nodes: Sequence[Node], returned: Iterable[Node]) -> list[Node]:
    """What forward computed for the gradients and not for the output: all of them, where it returns both."""
    of_output, of_gradients = ancestry([graph.output]), ancestry(returned)
    return [one for one in nodes if one.site is not None and one in of_gradients and one not in of_output]


def _handed(
    session: Session, functions: UserFunctions, output: Node, upstream: Array | None
) -> tuple[list[Any], Node | None]:
    """The output and its gradient as backward gets them, and the node of the gradient."""
    if not functions.takes_upstream:
        return [], None
    above = session.node("input", (), np.asarray(upstream, dtype=float), active=True)
    return [_argument(node, node.value) for node in (output, above)], above


def _argument(node: Node, like: Array) -> Any:
    """An array of the user's, as a traced one: in the order of memory of the one given; a number if it has no axis."""
    if not node.value.ndim:
        return traced(node.value.copy(), node)
    return traced_array(laid_out(node.value, like), node)


def _with_traces(value: Any, path: Key, inputs: Mapping[Key, Node], given: Mapping[Key, Array]) -> Any:
    if path in inputs:
        return _argument(inputs[path], given[path])
    if isinstance(value, dict):
        return {key: _with_traces(one, (*path, key), inputs, given) for key, one in value.items()}
    if isinstance(value, list | tuple):
        entries = [_with_traces(one, (*path, i), inputs, given) for i, one in enumerate(value)]
        return type(value)._make(entries) if hasattr(value, "_make") else type(value)(entries)
    return value
