"""The language of the lines: Python expressions, parsed and run by Python itself.

    dz = p * (dp - sum_k(p * dp))           m rows of K classes
    dW = x.T @ dz

A line is text, so that it can be run on arrays, edited (edits.py) and shown (notation.py). In the names of functions,
`_k` stands for "along the classes", `_m` for "along the rows", `_all` for "over all entries".
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from softgrad.formulas.numbers import Array

Names = dict[str, Any]  # what each name of a line stands for

# What an edited line may raise: its shapes do not fit, or it uses a name that is not there.
IMPOSSIBLE = (ValueError, IndexError, TypeError, NameError, KeyError, ZeroDivisionError, AttributeError)


class Layout(NamedTuple):
    """Which axis holds the classes; all other axes count rows."""

    class_axis: int = -1
    ndim: int = 2

    @property
    def batch_axes(self) -> tuple[int, ...]:
        """The axes that count rows; none for a vector."""
        return tuple(axis for axis in range(self.ndim) if axis != self.class_axis % self.ndim)

    def __str__(self) -> str:
        if self.ndim == 1:
            return "a vector"
        if self.ndim > 2:
            return f"classes on axis {self.class_axis} of {self.ndim}"
        return "rows (m, K)" if self.class_axis % self.ndim == self.ndim - 1 else "columns (K, m)"


def split(line: str) -> tuple[str, str]:
    """The target and the expression of a line."""
    target, _, expression = line.partition(" = ")
    return target, expression


def run(lines: Iterable[str], names: Names) -> Names:
    """Runs the lines on the names and returns them, with what was assigned. Overflow raises no warning."""
    with np.errstate(all="ignore"):
        for line in lines:
            target, code = _compiled(line)
            names[target] = eval(code, {"__builtins__": {}}, names)
    return names


@lru_cache(maxsize=8192)
def _compiled(line: str) -> tuple[str, CodeType]:
    target, expression = split(line)
    return target, compile(expression, "<line>", "eval")


def substituted(text: str, replacements: Mapping[str, str]) -> str:
    """A line or an expression with names replaced by other names, or by expressions."""
    return ast.unparse(_Substituted(replacements).visit(ast.parse(text)))


class _Substituted(ast.NodeTransformer):
    def __init__(self, replacements: Mapping[str, str]) -> None:
        self._replacements = replacements

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """The name, or its replacement."""
        if node.id not in self._replacements:
            return node
        replacement = ast.parse(self._replacements[node.id], mode="eval").body
        return ast.Name(replacement.id, node.ctx) if isinstance(replacement, ast.Name) else replacement


def functions(layout: Layout) -> Names:
    """The functions that a line may call, along the axes of this layout.

    Reductions keep the axis that they reduce, so that the result broadcasts. `rows(v)` and `classes(v)` shape a vector
    with one number per row, or per class, so that it broadcasts; `per_row(x)` drops the class axis; `pick(w, y)` is the
    weight of each row's class; `shift` and its like move the classes by one; `next_m` puts in the place of each row the
    one after it, and 0 in the place of the last.
    """
    k, m = layout.class_axis, layout.batch_axes

    def along(reduce: Callable[..., Any], axis: Any) -> Callable[[Any], Any]:
        return lambda x: reduce(x, axis=axis, keepdims=True) if np.ndim(x) == layout.ndim else x

    def at(index: int, axis: int) -> Callable[[Any], Any]:
        return lambda x: np.take(x, [index], axis=axis) if np.ndim(x) == layout.ndim else x

    def softmax(axis: Any) -> Callable[[Any], Any]:
        def of(z: Any) -> Any:
            e = np.exp(z - np.max(z, axis=axis, keepdims=True))
            return e / np.sum(e, axis=axis, keepdims=True)

        return of

    def log_softmax(z: Any) -> Any:
        shifted = z - np.max(z, axis=k, keepdims=True)
        return shifted - np.log(np.sum(np.exp(shifted), axis=k, keepdims=True))

    def masked_softmax(z: Any, mask: Any) -> Any:
        return softmax(k)(np.where(mask, z, -np.inf))

    def one_at(index: int) -> Callable[[Any], Any]:
        def of(x: Any) -> Any:
            one = np.zeros(np.shape(x))
            np.moveaxis(one, k, -1)[..., index] = 1
            return one

        return of

    first_row = m[0] if m else 0
    named: Names = {
        "sum_k": along(np.sum, k),
        "sum_m": along(np.sum, m),
        "mean_k": along(np.mean, k),
        "mean_m": along(np.mean, m),
        "max_k": along(np.max, k),
        "max_m": along(np.max, m),
        "first_k": at(0, k),
        "last_k": at(-1, k),
        "first_m": at(0, first_row) if m else lambda x: x,
        "last_m": at(-1, first_row) if m else lambda x: x,
        "softmax": softmax(k),
        "softmax_m": softmax(m) if m else softmax(k),
        "softmax_all": softmax(None),
        "log_softmax": log_softmax,
        "masked_softmax": masked_softmax,
        "one_hot": lambda y: _one_hot(y, layout, named["K"]),
        "pick": lambda w, y: _rows(np.where(_known(y, len(w)), w[np.where(_known(y, len(w)), y, 0)], 0.0), layout),
        "rows": lambda v: _rows(v, layout),
        "classes": lambda v: np.reshape(v, [-1 if a == k % layout.ndim else 1 for a in range(layout.ndim)]),
        "per_row": lambda x: np.squeeze(x, axis=k),
        "shift": lambda x: np.roll(x, 1, axis=k),
        "shift_back": lambda x: np.roll(x, -1, axis=k),
        "unwrapped_shift": lambda x: _shifted(x, 1, k),
        "unwrapped_shift_back": lambda x: _shifted(x, -1, k),
        "next_m": lambda x: _shifted(x, -1, m[-1]) if m else np.zeros_like(x),
        "first_one": one_at(0),
        "last_one": one_at(-1),
        **(
            {"sum_last": along(np.sum, -1), "sum_before_last": along(np.sum, -2), "softmax_last": softmax(-1)}
            if layout.ndim > 2
            else {}
        ),
        **_PLAIN,
    }
    return named


_PLAIN: Mapping[str, Any] = {  # the same for every layout
    "sum_all": np.sum,
    "mean_all": np.mean,
    "first": lambda x: np.ravel(x)[0],
    "abs": np.abs,
    "sign": np.sign,
    "ones": np.ones_like,
    "zeros": np.zeros_like,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sin": np.sin,
    "where": np.where,
    "maximum": np.maximum,
    "outer": np.outer,
    "clip": np.clip,
    "sigmoid": lambda x: np.where(x >= 0, 1, np.exp(-np.abs(x))) / (1 + np.exp(-np.abs(x))),
    "softplus": lambda x: np.logaddexp(0, x),
    "relu": lambda x: np.maximum(x, 0),
    "turned": lambda x: np.swapaxes(x, -1, -2),
    "causal": lambda z: _causal(z),
    "lookup": lambda table, ids: table[ids],
    "summed_by_row": lambda dy, ids, table: _summed_by_row(dy, ids, table),
    "last_by_row": lambda dy, ids, table: _last_by_row(dy, ids, table),
    "occurrences": lambda ids, table: _occurrences(ids, table),
    "bag_sum": lambda rows: np.sum(rows, axis=-2),
    "bag_size": lambda ids: float(np.shape(ids)[-1]),
    "each": lambda dy, ids: np.broadcast_to(np.expand_dims(dy, -2), (*np.shape(ids), np.shape(dy)[-1])),
}


def _summed_by_row(dy: Any, ids: Any, table: Any) -> Any:
    """The rows of dy, each added to the row of the table that it was looked up from."""
    sums = np.zeros(np.shape(table))
    np.add.at(sums, ids, dy)
    return sums


def _last_by_row(dy: Any, ids: Any, table: Any) -> Any:
    """The same where the last of several wins: `dW[ids] = dy`."""
    last = np.zeros(np.shape(table))
    last[ids] = dy
    return last


def _occurrences(ids: Any, table: Any) -> Any:
    """How often each row of the table is looked up, at least 1."""
    return np.maximum(np.bincount(np.ravel(ids), minlength=len(table)), 1)[:, None]


def _causal(z: Any) -> Any:
    """Which keys a query may look at: those up to its own place."""
    return np.tri(*np.shape(z)[-2:])


def _shifted(x: Any, by: int, axis: int) -> Any:
    """np.roll, with 0 for the entry that would wrap around."""
    rolled = np.moveaxis(np.roll(x, by, axis=axis), axis, -1).copy()
    rolled[..., 0 if by > 0 else -1] = 0
    return np.moveaxis(rolled, -1, axis)


def _known(y: Array, classes: int) -> Any:
    """Which labels are classes 0..K-1; the others mark ignored rows."""
    return (y >= 0) & (y < classes)


def _rows(v: Any, layout: Layout) -> Any:
    """One value per row, shaped to broadcast over the classes."""
    return np.expand_dims(v, layout.class_axis) if np.ndim(v) == layout.ndim - 1 else v


def _one_hot(y: Array, layout: Layout, classes: int) -> Array:
    """1 at the class of each row; a row of zeros for a class outside 0..K-1."""
    return np.moveaxis((np.asarray(y)[..., None] == np.arange(classes)).astype(float), -1, layout.class_axis)
