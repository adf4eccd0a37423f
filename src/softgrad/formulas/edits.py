"""Every edit of a line: the same line with one thing changed, as somebody who gets it wrong might write it.

A factor or a term is dropped, doubled, inverted, or has the other sign; a quantity is swapped for another of the same
shape; a sum runs over other axes, or becomes a mean, one entry, or no sum; a transpose is left out or put in; two
factors of a matrix product are exchanged; a matrix product becomes elementwise, or the other way round; the whole is
multiplied by a constant.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from softgrad.formulas.language import split, substituted


class Edit(NamedTuple):
    """A line with one change."""

    line: str  # after the change
    kind: str  # "without", "twice", "inverted", "sign", "instead", "reduced", "transposed", "exchanged", "product" ...
    part: str  # what was changed, as text
    replacement: str = ""


# Factors that a derivation forgets or leaves behind.
CONSTANTS = (
    "* -1", "* 2", "/ 2", "* m", "/ m", "* K", "/ K", "* (m * K)", "/ (m * K)", "* T", "/ T",
    "* log(2)", "/ log(2)", "* log(10)", "/ log(10)",
)  # fmt: skip

# What people write in the place of a quantity, beside other quantities of the same shape.
STAND_INS: Mapping[str, tuple[str, ...]] = {
    "p": (
        "softmax(p)",
        "softmax(z)",
        "softmax_m(z)",
        "softmax_last(z)",
        "softmax_all(z)",
        "exp(z)",
        "sigmoid(z)",
        "1 - p",
        "first_m(p)",
        "mean_m(p)",
        "sqrt(p)",
        "p ** 2",
    ),
    "dp": ("1", "first(dp)", "first_m(dp)", "first_k(dp)", "sum_k(dp)", "mean_k(dp)", "sum_all(dp)", "abs(dp)"),
    "da": ("1", "first(da)", "first_m(da)", "sum_all(da)", "abs(da)"),
    "g": ("1", "first(g)", "sum_all(g)", "mean_all(g)"),
    "t": ("shift(t)", "shift_back(t)", "1 - t", "last_one(t)"),
    "q": ("shift(q)", "shift_back(q)"),
    "sum_w": ("m", "sum_all(w)", "K"),
    "n": ("m", "1"),
    "m": ("K", "m * K", "m_0", "m_1", "m_2"),
    "z": ("softmax(z)",),
    "a": ("softmax(z)",),
    "K": ("(K - 1)", "m"),
}
# What people write in the place of a sum.
REDUCED = (
    "sum_k", "sum_m", "sum_last", "sum_all", "mean_k", "mean_m", "mean_all", "first_k", "last_k", "first_m", "last_m"
)  # fmt: skip


@lru_cache(maxsize=1024)
def edits(line: str, alike: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> tuple[Edit, ...]:
    """All edits of one line, without duplicates.

    Args:
        line: a line.
        alike: for each quantity of the line, the other quantities that have its shape.
    """
    target, expression = split(line)
    root = ast.parse(expression, mode="eval").body
    swaps = {name: (*STAND_INS.get(_stem(name), ()), *others) for name, others in alike}
    seen = {ast.unparse(root)}
    found: list[Edit] = []
    for tree, kind, part, replacement in _edited(root, swaps):
        text = ast.unparse(tree)
        if text not in seen:
            seen.add(text)
            found.append(Edit(f"{target} = {text}", kind, part, replacement))
    for name in swaps:  # in all places at once
        for other in swaps[name]:
            text = substituted(expression, {name: other})
            if text not in seen:
                seen.add(text)
                found.append(Edit(f"{target} = {text}", "instead", name, other))
    for constant in CONSTANTS:
        text = ast.unparse(_expression(f"({expression}) {constant}"))
        if text not in seen:
            found.append(Edit(f"{target} = {text}", "times", target, constant))
    if "@" in expression:
        found.append(Edit(f"{target} = ({expression}).T", "transposed", target, f"{target}.T"))
    return tuple(found)


def _stem(name: str) -> str:
    return name.rstrip("0123456789")


Edited = tuple[ast.expr, str, str, str]  # an expression after an edit; the edit's kind, part and replacement


def _edited(node: ast.expr, swaps: Mapping[str, Sequence[str]]) -> Iterator[Edited]:
    """The expression after each edit of it and of its parts."""
    yield from _edited_itself(node, swaps)
    for name, child in ast.iter_fields(node):
        if isinstance(child, ast.expr):
            for changed, kind, part, replacement in _edited(child, swaps):
                yield _rebuilt(node, name, changed), kind, part, replacement
        elif isinstance(child, list):
            for i, one in enumerate(child):
                for changed, kind, part, replacement in _edited(one, swaps) if isinstance(one, ast.expr) else ():
                    yield _rebuilt(node, name, [*child[:i], changed, *child[i + 1 :]]), kind, part, replacement


def _rebuilt(node: ast.expr, field: str, value: object) -> ast.expr:
    return type(node)(**dict(ast.iter_fields(node)) | {field: value})


def _edited_itself(node: ast.expr, swaps: Mapping[str, Sequence[str]]) -> Iterator[Edited]:
    """The expression after each edit of its outermost operation."""
    if isinstance(node, ast.BinOp):
        yield from _of_operation(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand, "sign", ast.unparse(node.operand), ""
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value, "transposed", ast.unparse(node), ast.unparse(node.value)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.Name):
        for other in swaps.get(node.id, ()):
            yield _expression(other), "instead", node.id, other


def _of_operation(node: ast.BinOp) -> Iterator[Edited]:
    left, right = node.left, node.right
    a, b = ast.unparse(left), _inside(right)
    if isinstance(node.op, ast.Add | ast.Sub):
        sign = "+" if isinstance(node.op, ast.Add) else "-"
        other = ast.Sub() if sign == "+" else ast.Add()
        yield left, "without", f"{sign} {b}", ""
        yield (right if sign == "+" else ast.UnaryOp(ast.USub(), right)), "without", f"+ {a}", ""
        yield ast.BinOp(left, other, right), "sign", b, ""
        yield ast.BinOp(left, node.op, ast.BinOp(ast.Constant(2), ast.Mult(), right)), "twice", f"{sign} {b}", ""
        yield ast.BinOp(ast.BinOp(ast.Constant(2), ast.Mult(), left), node.op, right), "twice", f"+ {a}", ""
    elif isinstance(node.op, ast.Mult):
        yield left, "without", f"* {b}", ""
        yield right, "without", f"* {_inside(left)}", ""
        yield ast.BinOp(node, ast.Mult(), right), "twice", f"* {b}", ""
        yield ast.BinOp(left, ast.Mult(), node), "twice", f"* {_inside(left)}", ""
        yield ast.BinOp(left, ast.Div(), right), "inverted", f"* {b}", ""
        yield ast.BinOp(left, ast.Mult(), ast.BinOp(ast.Constant(1), ast.Sub(), right)), "instead", b, f"1 - {b}"
        yield ast.BinOp(left, ast.MatMult(), right), "product", f"{a} * {b}", "@"
    elif isinstance(node.op, ast.Div):
        yield left, "without", f"/ {b}", ""
        yield ast.BinOp(node, ast.Div(), right), "twice", f"/ {b}", ""
        yield ast.BinOp(left, ast.Mult(), right), "inverted", f"/ {b}", ""
    elif isinstance(node.op, ast.MatMult):
        yield ast.BinOp(right, ast.MatMult(), left), "exchanged", f"{a} @ {b}", ""
        yield ast.BinOp(left, ast.Mult(), right), "product", f"{a} @ {b}", "*"
        yield from _of_product(left, right)
    elif isinstance(node.op, ast.Pow):
        yield left, "without", f"** {b}", ""


def _of_product(left: ast.expr, right: ast.expr) -> Iterator[Edited]:
    """A product that sums over the samples, formed with one sample only."""
    a, b = ast.unparse(left), ast.unparse(right)
    for one in ("last_m", "first_m"):
        if a.endswith(".T"):
            yield _expression(f"{one}({a[:-2]}).T @ {one}({b})"), "reduced", f"{a} @ {b}", one
        elif b.endswith(".T"):
            yield _expression(f"{one}({a}) @ {one}({b[:-2]}).T"), "reduced", f"{a} @ {b}", one


def _of_call(node: ast.Call) -> Iterator[Edited]:
    name, inside = ast.unparse(node.func), node.args[0] if node.args else ast.Constant(0)
    if name.startswith("sum_"):
        for other in REDUCED:
            if other != name:
                yield ast.Call(ast.Name(other, ast.Load()), [inside], []), "reduced", ast.unparse(node), other
        yield inside, "reduced", ast.unparse(node), "nothing"


def _inside(node: ast.expr) -> str:
    text = ast.unparse(node)
    return f"({text})" if isinstance(node, ast.BinOp | ast.Compare) else text


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
