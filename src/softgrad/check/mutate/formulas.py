"""What flows back through an operation, as a formula in the user's names.

d(e) stands for the gradient of an expression e: what arrives there from behind.
"""

from __future__ import annotations

from softgrad.check.mutate.texts import Texts
from softgrad.check.trace.node import Node

UNARY = {  # of the operand {x}, which is {p} inside a call, and the result {y}
    "exp": "{d} * {y}",
    "log": "{d} / {x}",
    "log1p": "{d} / (1 + {x})",
    "expm1": "{d} * ({y} + 1)",
    "sqrt": "{d} / (2 * {y})",
    "square": "{d} * 2 * {x}",
    "tanh": "{d} * (1 - {y} ** 2)",
    "expit": "{d} * {y} * (1 - {y})",
    "sin": "{d} * np.cos({p})",
    "cos": "-{d} * np.sin({p})",
    "negative": "-{d}",
    "absolute": "{d} * np.sign({p})",
    "fabs": "{d} * np.sign({p})",
    "reciprocal": "-{d} * {y} ** 2",
    "arctan": "{d} / (1 + {x} ** 2)",
    "cast": "{d}",
    "sinh": "{d} * np.cosh({p})",
    "cosh": "{d} * np.sinh({p})",
    "log2": "{d} / ({x} * np.log(2))",
    "log10": "{d} / ({x} * np.log(10))",
    "arcsinh": "{d} / np.sqrt({x} ** 2 + 1)",
    "erf": "{d} * 2 / math.sqrt(math.pi) * np.exp(-{x} ** 2)",
    "ndtr": "{d} * np.exp(-{x} ** 2 / 2) / math.sqrt(2 * math.pi)",
    "log_expit": "{d} * (1 - np.exp({y}))",
    "positive": "{d}",
}
LONGEST_TERM = 4  # axes in a formula
BINARY = {  # of the operands {a} and {b} and the result {y}: for each operand
    "add": ("{d}", "{d}"),
    "subtract": ("{d}", "-{d}"),
    "multiply": ("{d} * {b}", "{d} * {a}"),
    "divide": ("{d} / {b}", "-{d} * {a} / {b} ** 2"),
    "maximum": ("{d} * ({a} > {b})", "{d} * ({b} > {a})"),
    "minimum": ("{d} * ({a} < {b})", "{d} * ({b} < {a})"),
    "logaddexp": ("{d} * np.exp({a} - {y})", "{d} * np.exp({b} - {y})"),
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
    """What should flow from a node to its k-th operand, in words; "" where that is not known."""
    y = texts.of(node)
    d = gradient_of(y)
    operands = [bracketed(texts.operand(node, i)) for i in range(len(node.parents))]
    if node.op in UNARY:
        text = UNARY[node.op].format(d=d, x=operands[0], p=texts.operand(node, 0), y=bracketed(y))
    elif node.op in BINARY and k < 2:
        text = BINARY[node.op][k].format(d=d, a=operands[0], b=operands[1], y=bracketed(y))
    elif node.op == "einsum" and any(_is_within(one) for one in node.parents):
        return ""  # a part of a function, such as a convolution, whose arguments are not the operands
    elif node.op == "einsum" and len(node.parents) == 2:
        text = _product(node, k, d, operands)
    elif node.op == "sum":
        text = f"{d} at every entry of {texts.operand(node, 0)}"
    elif node.op == "mean":
        n = node.parents[0].value.size // max(node.value.size, 1)
        text = f"{d} / {n} at every entry of {texts.operand(node, 0)}"
    elif node.op == "clip" and k == 0 and len(operands) == 3:
        text = f"{d} * ({operands[1]} < {operands[0]}) * ({operands[0]} < {operands[2]})"
    elif node.op == "norm":
        text = f"{d} * {operands[0]} / {bracketed(y)}"
    elif node.op in ("max", "min"):
        text = f"{d} at the {'largest' if node.op == 'max' else 'smallest'} entry of {texts.operand(node, 0)}"
    elif node.op == "cumsum":
        text = f"np.cumsum({d}[::-1])[::-1]" if len(node.shape) == 1 else f"the sum of {d} from each entry to the end"
    elif node.op == "where":
        text = f"{d} where the condition is {'true' if k == 0 else 'false'}"
    elif node.op == "gather":
        return _view(node, d, texts)
    elif node.op == "assemble":
        part = f"the part of {d} that {texts.operand(node, k)} stands in"
        text = f"the upstream gradient of {texts.operand(node, k)}" if node.joins_outputs else part
    else:
        return ""
    if node.op in UNARY.keys() | BINARY.keys() and node.shape != node.parents[k].shape:
        text += f", summed to the shape of {texts.operand(node, k)}"
    return text


def _is_within(node: Node) -> bool:
    """Whether a value is a view that a function makes for itself."""
    return node.op == "gather" and node.site is not None and bool(node.site.inside)


def _view(node: Node, d: str, texts: Texts) -> str:
    """Of an index, a slice, a reshape or a transpose."""
    parent, index = texts.operand(node, 0), texts.index(node)
    whole = node.value.size == node.parents[0].value.size
    if index and len(set(node.static["index"].ravel().tolist())) < node.value.size:
        return f"0, then np.add.at({gradient_of(parent)}, {bracketed(index) if ',' in index else index}, {d})"
    if index:
        return f"{d}, added (+=) at [{index}]"
    if whole and node.shape == node.parents[0].shape[::-1]:
        return f"{d}.T"
    if texts.of(node) == parent:
        return ""  # within a function: neither of them has a name
    if whole and node.shape == node.parents[0].shape:
        return f"{d}, each entry where it came from in {parent}"
    if whole:
        return f"{d} in the shape and the order of {parent}"
    return f"{d}, added (+=) where it was taken from"


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
    if len(own) > LONGEST_TERM:
        return ""  # the windows of a convolution
    missing = "".join(one for one in own if one not in other + result)
    if missing:
        return f"{d} times {operands[1 - k]}"
    order = f"{result},{other}->{own}"
    return f"np.einsum('{order}', {d}, {operands[1 - k]})"
