"""Values that one call of the user's computes on its way, such as the sigmoid in silu(x) = x * sigmoid(x)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from softgrad.check.trace.node import Node

WRITTEN = {  # by operation; {0} and {1} are the operands
    "expit": "sigmoid({0})",
    "tanh": "np.tanh({0})",
    "exp": "np.exp({0})",
    "log": "np.log({0})",
    "log1p": "np.log1p({0})",
    "expm1": "np.expm1({0})",
    "erf": "erf({0})",
    "logaddexp": "np.logaddexp({0}, {1})",
    "sqrt": "np.sqrt({0})",
    "negative": "-{0}",
    "multiply": "({0} * {1})",
    "add": "({0} + {1})",
}


def inner_values(nodes: Iterable[Node]) -> set[Node]:
    """The values that another operation of the same expression takes, as far as they can be written.

    Args:
        nodes: of a graph, in the order of computation.
    """
    found: set[Node] = set()
    for node in nodes:
        for one in node.parents:
            if one.op in WRITTEN and _share_an_expression(one, node):
                own = [operand for operand in one.parents if _share_an_expression(operand, one)]
                if found.issuperset(own):
                    found.add(one)
    return found


def _share_an_expression(one: Node, node: Node) -> bool:
    if one.site is None or node.site is None or node.site.span is None:
        return False
    is_same = (one.site.file, one.site.span, one.callers) == (node.site.file, node.site.span, node.callers)
    return is_same and one.repetition == node.repetition  # not that of the iteration before


def written(node: Node, text: Callable[[Node], str]) -> str:
    """An inner value as a formula of its operands."""
    return WRITTEN[node.op].format(*map(text, node.parents))
