"""What a line can call by name: the numbers and arrays that its function holds. For words: nothing is decided by it."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np

from softgrad.check.mutate.texts import Texts
from softgrad.check.trace.graph import Graph
from softgrad.check.trace.operations import count
from softgrad.check.user.tensors import is_tensor, numbers_of
from softgrad.formulas.numbers import Array

MOST_NAMES = 60
FEWEST = 5  # a length that is less may equal another number by chance
ARITHMETIC: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
HOLDERS = ("self", "ctx")  # whose attributes are names too
WITHIN = 1e-9  # relative: a number is the one wanted
FORMS: tuple[tuple[str, Callable[[float], float]], ...] = (  # of a quantity, and what it is
    ("{e} * {q}", lambda q: q),
    ("{e} / {q}", lambda q: 1 / q),
    ("{e} * 2 * {q}", lambda q: 2 * q),
    ("{e} * 2 / {q}", lambda q: 2 / q),
    ("{e} / (2 * {q})", lambda q: 0.5 / q),
    ("{e} * (1 - {q})", lambda q: 1 - q),
    ("{e} / (1 - {q})", lambda q: 1 / (1 - q)),
    ("-{e} * {q}", lambda q: -q),
    ("-{e} / {q}", lambda q: -1 / q),
)
PLAIN = {"2 * {e}": 2.0, "{e} / 2": 0.5, "3 * {e}": 3.0, "4 * {e}": 4.0}
SQUARES = ("square", "norm", "var", "std")
AVERAGES = ("mean", "var", "std")


class Scope:
    """The numbers and arrays that a statement can use.

    Args:
        held: what the function around it held when it returned.
        tree: the function.
        statement: of the function.
        graph: of the forward pass; a number that it does not use explains nothing.
    """

    def __init__(self, held: Mapping[str, Any], tree: ast.AST, statement: ast.stmt, graph: Graph) -> None:
        usable = _usable(tree, statement, held)
        self.numbers: dict[str, float] = {}
        self.arrays: dict[str, Array] = {}
        self.sequences: dict[str, Any] = {}
        self.of_torch = False  # whether there are tensors: they have other words
        for name, value in list(held.items())[:MOST_NAMES]:
            if name not in usable:
                continue
            if name in HOLDERS and hasattr(value, "__dict__"):
                for one, inner in list(vars(value).items())[:MOST_NAMES]:
                    self._add(f"{name}.{one}", inner)
            self._add(name, value)
        self._used: set[float] = set()
        self._counts: set[float] = set()
        self._texts: dict[str, float] = {}
        self._squares = False
        self._note(graph)

    def _add(self, name: str, value: Any) -> None:
        array = numbers_of(value)
        if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
            self.numbers[name] = float(value)
        elif array is not None and array.dtype.kind in "fiu":
            self.of_torch |= is_tensor(value)
            if array.ndim:
                self.arrays[name] = self.sequences[name] = array
            elif is_tensor(value):
                self.numbers[name] = float(array)
        elif isinstance(value, list | tuple | dict):
            self.sequences[name] = value

    def _note(self, graph: Graph) -> None:
        """Notes the numbers that the forward pass uses."""
        texts = Texts({})
        for node in graph.live:
            self._squares |= node.op in SQUARES or (
                node.op in ("multiply", "einsum") and len(node.parents) == 2 and node.parents[0] is node.parents[1]
            )
            if node.op in AVERAGES:
                self._counts.add(float(count(node)))
            for k, parent in enumerate(node.parents):
                if parent.op == "constant" and parent.value.size == 1 and parent.value.dtype.kind in "fiu":
                    value = float(parent.value.reshape(()))
                    self._used.add(abs(value))
                    text = texts.quantity(node, k)
                    if text and node.op in ("multiply", "divide") and self._value(text) == value:
                        self._texts[text] = value

    def _value(self, text: str) -> float | None:
        """What a text of the forward pass is with the numbers held here; None where they do not make it."""
        try:
            return self._evaluated(ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError, TypeError, KeyError, IndexError, ZeroDivisionError, OverflowError):
            return None

    def _evaluated(self, tree: ast.expr) -> float:
        if isinstance(tree, ast.Name | ast.Attribute) and ast.unparse(tree) in self.numbers:
            return self.numbers[ast.unparse(tree)]
        if isinstance(tree, ast.Constant) and isinstance(tree.value, int | float):
            return float(tree.value)
        if isinstance(tree, ast.Call) and len(tree.args) == 1 and not tree.keywords:
            if ast.unparse(tree.func) in ("np.sqrt", "math.sqrt"):
                return math.sqrt(self._evaluated(tree.args[0]))
            if isinstance(tree.func, ast.Attribute) and tree.func.attr == "size":
                return float(self.arrays[ast.unparse(tree.func.value)].shape[int(ast.literal_eval(tree.args[0]))])
            if ast.unparse(tree.func) == "len":
                return float(len(self.arrays[ast.unparse(tree.args[0])]))
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute) and tree.func.attr == "numel":
            return float(self.arrays[ast.unparse(tree.func.value)].size)
        if isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Attribute) and tree.value.attr == "shape":
            shape = self.arrays[ast.unparse(tree.value.value)].shape
            return float(shape[int(ast.literal_eval(tree.slice))])
        if isinstance(tree, ast.Attribute) and tree.attr == "size" and ast.unparse(tree.value) in self.arrays:
            return float(self.arrays[ast.unparse(tree.value)].size)
        if isinstance(tree, ast.BinOp) and type(tree.op) in ARITHMETIC:
            return ARITHMETIC[type(tree.op)](self._evaluated(tree.left), self._evaluated(tree.right))
        raise ValueError

    def quantities(self) -> Iterator[tuple[str, float]]:
        """The numbers by name, then the lengths of arrays, of those that the forward pass uses."""
        for name, q in self.numbers.items():
            if q not in (0.0, 1.0, -1.0) and self._is_used(q):
                yield name, q
        for name, value in self.arrays.items():
            for axis, n in enumerate(value.shape):
                if n > 1 and self._is_used(n) and value.shape.count(n) == 1:
                    yield f"len({name})" if axis == 0 else f"{name}.shape[{axis}]", float(n)
            if value.ndim > 1 and value.size > 1 and self._is_used(value.size):
                yield f"{name}.numel()" if self.of_torch else f"{name}.size", float(value.size)

    def _is_used(self, q: float) -> bool:
        used = any(_close(abs(q), one) or (abs(q) > 2 and one and _close(abs(q), 1 / one)) for one in self._used)
        return used or float(q) in self._counts

    def multiples(self, factor: float) -> list[str]:
        """How an expression {e} times a factor may be written, if that is clear."""
        if _close(factor, -1.0):
            return ["-{e}"]
        quoted = [
            f"{{e}} {sign} {_tight(text)}"
            for text, value in self._texts.items()
            for sign, one in (("*", value), ("/", 1 / value if value else 0.0))
            if _close(one, factor) and value not in (1.0, -1.0)
        ]
        if quoted:
            return quoted if len(quoted) == 1 or abs(math.log2(abs(factor))) > 1.5 else []
        plain = [form for form, value in PLAIN.items() if _close(value, factor) and self._is_plain(value)]
        found: list[tuple[str, str]] = []
        numbers: set[str] = set()
        is_small = False
        for name, q in self.quantities():
            for form, function in FORMS:
                if q != 1 and _close(function(q), factor):
                    found.append((form, form.replace("{q}", name)))
                    numbers |= {name} & set(self.numbers)
                    is_small = abs(q) < FEWEST
        if len(numbers) > 1 or (numbers and is_small and len(found) > 1):
            return []  # several things are as large
        for name, value in self.arrays.items():
            for axis, n in enumerate(value.shape):
                if n > 1 and _close(1 / math.sqrt(n), factor) and any(_close(math.sqrt(n), one) for one in self._used):
                    root = f"{name}.shape[{axis}] ** 0.5" if self.of_torch else f"np.sqrt({name}.shape[{axis}])"
                    found.append(("root", f"{{e}} / {root}"))
        if plain:
            return plain if not found or "*" in plain[0] else []
        return [text for _, text in found] if len({form for form, _ in found}) == 1 else []

    def _is_plain(self, value: float) -> bool:
        return any(_close(one, value) or _close(one, 1 / value) for one in self._used) or (
            value == 2.0 and self._squares
        )

    def called(self, value: Array) -> list[str]:
        """The arrays that have these numbers; of a single number, the quantities."""
        if value.size == 1:
            return [name for name, q in self.quantities() if _close(q, float(value.ravel()[0]))]
        size = float(np.abs(value).max(initial=0.0))
        if (value == value.flat[0]).all():  # zeros and ones are everywhere
            return []
        return [
            name
            for name, one in self.arrays.items()
            if one.shape == value.shape and np.allclose(one, value, rtol=WITHIN, atol=1e-12 * size)
        ]


def _usable(tree: ast.AST, statement: ast.stmt, held: Collection[str]) -> set[str]:
    """The names that have, at a statement, the values that they have at the end."""
    stored = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)}
    before = set(held) - stored  # of the function around it
    changed: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            before.add(node.arg)
        elif isinstance(node, ast.For | ast.comprehension):
            changed |= {one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)}
        elif isinstance(node, ast.AugAssign | ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for one in (inner for target in targets for inner in ast.walk(target)):
                if isinstance(one, ast.Name) and (node.end_lineno or node.lineno) < statement.lineno:
                    before.add(one.id)
                elif isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
                    changed.add(one.id)
    return before - changed


def _tight(text: str) -> str:
    """A text that stands in a product."""
    is_one = isinstance(ast.parse(text, mode="eval").body, ast.Name | ast.Attribute | ast.Subscript | ast.Call)
    return text if is_one else f"({text})"


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= WITHIN * max(abs(a), abs(b))
