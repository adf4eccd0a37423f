"""The language in which the catalogue writes a backward pass: lines of Python, read by Python's own `ast`.

    dz = p * (dp - sum_k(p * dp))           rows of K classes; m rows
    dW = x.T @ dz

A line is a text, so that it can be run on the reader's numbers, changed in one place (`changes.py`), and shown: as it
stands for a formula, and with `sum_k` and its like written out for a line of NumPy. `_k` is along the classes, `_m`
along the rows, `_all` over everything.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Names = dict[str, Any]


class Layout(NamedTuple):
    """Which axis the classes are on; every other axis counts the rows."""

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


def run(lines: Iterable[str], names: Names) -> Names:
    """Runs the lines on the names, and returns them with what the lines assigned. Numbers may overflow in silence."""
    with np.errstate(all="ignore"):
        for line in lines:
            target, code = _compiled(line)
            names[target] = eval(code, {"__builtins__": {}}, names)
    return names


def functions(layout: Layout) -> Names:
    """What the lines may call, each along the axes of this layout."""
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
        "first_one": one_at(0),
        "last_one": one_at(-1),
        **({"sum_last": along(np.sum, -1), "softmax_last": softmax(-1)} if layout.ndim > 2 else {}),
        **_PLAIN,
    }
    return named


_PLAIN: Mapping[str, Any] = {
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
}


def _shifted(x: Any, by: int, axis: int) -> Any:
    """Rolled, with 0 where an entry would come in from the other end."""
    rolled = np.moveaxis(np.roll(x, by, axis=axis), axis, -1).copy()
    rolled[..., 0 if by > 0 else -1] = 0
    return np.moveaxis(rolled, -1, axis)


def _known(y: Array, classes: int) -> Any:
    return (y >= 0) & (y < classes)


def _rows(v: Any, layout: Layout) -> Any:
    """A value for each row, shaped to be broadcast over its classes."""
    return np.expand_dims(v, layout.class_axis) if np.ndim(v) == layout.ndim - 1 else v


def _one_hot(y: Array, layout: Layout, classes: int) -> Array:
    """1 at each row's class; a row of zeros where the class is none of 0..K-1."""
    return np.moveaxis((np.asarray(y)[..., None] == np.arange(classes)).astype(float), -1, layout.class_axis)


@lru_cache(maxsize=8192)
def _compiled(line: str) -> tuple[str, CodeType]:
    target, expression = split(line)
    return target, compile(expression, "<line>", "eval")


def split(line: str) -> tuple[str, str]:
    """A line's target and its expression."""
    target, _, expression = line.partition(" = ")
    return target, expression


def as_formula(line: str) -> str:
    """The line as mathematics."""
    for name, sign in _SIGNS:
        line = line.replace(name, sign)
    return line


_SIGNS = (("sum_k(", "Σ_k("), ("sum_m(", "Σ_m("), ("sum_all(", "Σ("), (".T", "ᵀ"), (" @ ", " "), (" ** 2", "²"))


def as_numpy(line: str, layout: Layout, *, keepdims: bool = False) -> str:
    """The line with every function of the language written as NumPy has it."""
    target, expression = split(line)
    tree = _Written(layout, keepdims).visit(ast.parse(expression, mode="eval"))
    return f"{target} = {ast.unparse(ast.fix_missing_locations(tree))}"


class _Written(ast.NodeTransformer):
    """Replaces the calls of the language by those of NumPy."""

    def __init__(self, layout: Layout, keepdims: bool) -> None:
        self._layout = layout
        self._keepdims = keepdims

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """One call, its arguments first."""
        self.generic_visit(node)
        name, inside = ast.unparse(node.func), ", ".join(map(ast.unparse, node.args))
        return ast.parse(self._text(name, inside), mode="eval").body

    def _text(self, name: str, inside: str) -> str:
        k, m = self._layout.class_axis, self._layout.batch_axes
        rows = m[0] if len(m) == 1 else m
        if name in ("sum_k", "mean_k", "max_k"):
            text = f"np.{name[:-2]}({inside}, axis={k}, keepdims=True)"
        elif name in ("sum_m", "mean_m"):
            text = (
                f"np.{name[:-2]}({inside}, axis={rows}{', keepdims=True' if self._keepdims else ''})" if m else inside
            )
        elif name in ("sum_all", "mean_all"):
            text = f"np.{name[:-4]}({inside})"
        elif name == "rows":
            text = f"np.expand_dims({inside}, {k})" if self._layout.ndim > 1 else inside
        elif name == "pick":
            weight, label = inside.split(", ")
            text = f"np.expand_dims({weight}[{label}], {k})" if self._layout.ndim > 1 else f"{weight}[{label}]"
        elif name == "classes":
            text = f"{inside}[:, None]" if self._layout.ndim == 2 and k == 0 else inside
        elif name == "one_hot":
            text = f"np.eye(K)[{inside}]"
            if k % self._layout.ndim != self._layout.ndim - 1:
                text = f"np.moveaxis({text}, -1, {k})" if self._layout.ndim > 2 else f"{text}.T"
        elif name in ("first_k", "last_k", "first_m", "last_m"):
            one, axis = 0 if name.startswith("first") else -1, k if name.endswith("k") else rows
            text = f"np.take({inside}, [{one}], axis={axis})" if name.endswith("k") or m else inside
        elif name in ("shift", "shift_back"):
            text = f"np.roll({inside}, {1 if name == 'shift' else -1}, axis={k})"
        elif name in ("ones", "zeros"):
            text = f"np.{name}_like({inside})"
        elif name in ("exp", "log", "tanh", "where", "outer", "maximum", "sqrt", "abs", "sign"):
            text = f"np.{name}({inside})"
        elif name == "softmax":
            text = f"softmax({inside}, axis={k})"
        else:
            text = f"{name}({inside})"
        return text
