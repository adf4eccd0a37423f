"""What flows back through an operation, as a formula in the user's names.

d(e) stands for the gradient of an expression e: what arrives there from behind.
"""

from __future__ import annotations

from softgrad.check.mutate.texts import Texts
from softgrad.check.trace.node import Node

UNARY = {  # of the operand {x} and the result {y}
    "exp": "{d} * {y}",
    "log": "{d} / {x}",
    "log1p": "{d} / (1 + {x})",
    "expm1": "{d} * ({y} + 1)",
    "sqrt": "{d} / (2 * {y})",
    "square": "{d} * 2 * {x}",
    "tanh": "{d} * (1 - {y} ** 2)",
    "expit": "{d} * {y} * (1 - {y})",
    "sin": "{d} * np.cos({x})",
    "cos": "-{d} * np.sin({x})",
    "negative": "-{d}",
    "absolute": "{d} * np.sign({x})",
    "fabs": "{d} * np.sign({x})",
    "reciprocal": "-{d} * {y} ** 2",
    "arctan": "{d} / (1 + {x} ** 2)",
    "cast": "{d}",
    "positive": "{d}",
}
BINARY = {  # of the operands {a} and {b} and the result {y}: for each operand
    "add": ("{d}", "{d}"),
    "subtract": ("{d}", "-{d}"),
    "multiply": ("{d} * {b}", "{d} * {a}"),
    "divide": ("{d} / {b}", "-{d} * {a} / {b} ** 2"),
    "maximum": ("{d} * ({a} > {b})", "{d} * ({b} > {a})"),
    "minimum": ("{d} * ({a} < {b})", "{d} * ({b} < {a})"),
    "power": ("{d} * {b} * {a} ** ({b} - 1)", "{d} * {y} * np.log({a})"),
}


def bracketed(text: str) -> str:
    """A text that can be a factor."""
    plain = text.replace("_", "a").replace(".", "a")
    if plain.isalnum() or (text.endswith((")", "]")) and _is_one_call(text)):
        return text
    return f"({text})"


def _is_one_call(text: str) -> bool:
    depth, opened = 0, False
    for i, one in enumerate(text):
        if one in "([":
            depth, opened = depth + 1, True
        elif one in ")]":
            depth -= 1
            if depth == 0 and i < len(text) - 1 and text[i + 1] not in ".([":
                return False
        elif depth == 0 and one in " +-*/@":
            return False
    return opened


def gradient_of(text: str) -> str:
    """How the gradient of an expression is written."""
    return f"d({text})"


def right_flow(node: Node, k: int, texts: Texts) -> str:
    """What should flow from a node to its k-th operand."""
    y = texts.of(node)
    d = gradient_of(y)
    operands = [bracketed(texts.operand(node, i)) for i in range(len(node.parents))]
    if node.op in UNARY:
        text = UNARY[node.op].format(d=d, x=operands[0], y=bracketed(y))
    elif node.op in BINARY and k < 2:
        text = BINARY[node.op][k].format(d=d, a=operands[0], b=operands[1], y=bracketed(y))
    elif node.op == "einsum" and len(node.parents) == 2:
        text = _product(node, k, d, operands)
    elif node.op == "sum":
        text = f"{d} at every entry of {texts.operand(node, 0)}"
    elif node.op == "mean":
        n = node.parents[0].value.size // max(node.value.size, 1)
        text = f"{d} / {n} at every entry of {texts.operand(node, 0)}"
    elif node.op in ("gather", "assemble"):
        text = f"{d}, put back where it was taken from"
    else:
        text = f"{d} times the derivative of {y}"
    if node.op in UNARY.keys() | BINARY.keys() and node.shape != node.parents[k].shape:
        text += f", summed to the shape of {texts.operand(node, k)}"
    return text


def _product(node: Node, k: int, d: str, operands: list[str]) -> str:
    terms, result = node.static["subscripts"].split("->")
    left, right = terms.split(",")
    if len(left) == len(right) == len(result) == 2 and left[1] == right[0] and result == left[0] + right[1]:
        return f"{d} @ {operands[1]}.T" if k == 0 else f"{operands[0]}.T @ {d}"
    if len(left) == 2 and len(right) == 1 and left[1] == right[0]:
        return f"np.outer({d}, {operands[1]})" if k == 0 else f"{operands[0]}.T @ {d}"
    if len(left) == 1 and len(right) == 2 and left[0] == right[0]:
        return f"{operands[1]} @ {d}" if k == 0 else f"np.outer({operands[0]}, {d})"
    if not result and left == right:
        return f"{d} * {operands[1 - k]}"
    own, other = (left, right) if k == 0 else (right, left)
    missing = "".join(one for one in own if one not in other + result)
    if missing:
        return f"{d} times {operands[1 - k]}"
    order = f"{result},{other}->{own}"
    return f"np.einsum('{order}', {d}, {operands[1 - k]})"
