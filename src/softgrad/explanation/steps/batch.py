"""The steps of the batch: the rows that are not shown in full, and the mean over all rows.

    L = 1/m sum_r L_r,    dL/dz_r = 1/m dL_r/dz_r

Source: Goodfellow et al., Deep Learning (2016), 5.9.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from softgrad import losses
from softgrad._arrays import Array
from softgrad.check.derivatives.extrapolation import Numerical
from softgrad.check.derivatives.numerical import along
from softgrad.explanation.arguments import Problem
from softgrad.explanation.document import Compared, Step, Table, Wrong
from softgrad.explanation.error_bounds import Bounded, computed
from softgrad.explanation.formula import (
    Frac,
    Math,
    Num,
    Partial,
    Sub,
    Sum,
    Vec,
    Words,
    factor,
    loss_by,
    row,
    total,
)
from softgrad.explanation.steps.row_values import VECTOR, RowValues
from softgrad.explanation.steps.shared import WRITTEN_OUT, differ, largest, num, wrong_of
from softgrad.explanation.steps.wrong_lines import wrong_line
from softgrad.formulas.language import run

MEAN = "dz = dz / m"
ROWS_IN_TABLE = 20


class Batch(NamedTuple):
    """The values of m rows, the loss and gradient of their mean, and the classes that are shown."""

    problem: Problem
    row_values: tuple[RowValues, ...]
    grad: Bounded  # of the mean, in the layout of the batch: (m, K) or (K, m)
    loss: Bounded
    shown: tuple[int, ...]

    def by_differences(self, directions: Iterable[Array]) -> Bounded:
        """Derivatives of the mean loss along directions (m, K) in the logits, computed from values of the loss."""
        found = list(map(self._along, directions))
        return Bounded(np.array([float(one.value) for one in found]), np.array([float(one.error) for one in found]))

    def _along(self, direction: Array) -> Numerical:
        problem, rows = self.problem, np.flatnonzero(direction.any(axis=1))  # other rows do not change the difference
        z = np.stack([self.row_values[r].shifted.value for r in rows])
        target: Any = problem.t[rows] if problem.labels is None else problem.labels[rows]

        def value(z: Array) -> Any:
            return getattr(losses, problem.loss)(z, target, reduction="sum") / problem.rows

        return along(value, z, direction[rows])

    def row_grad(self, r: int) -> Bounded:
        """The gradient of one row, (K)."""
        return Bounded(*(part[:, r] if self.problem.layout == "columns" else part[r] for part in self.grad))


def batch_of(problem: Problem, row_values: tuple[RowValues, ...], shown: int) -> Batch:
    """The batch with its mean loss and gradient, computed by softgrad's loss function."""
    target: Any = problem.t if problem.labels is None else problem.labels
    axis = -1 if problem.layout == "rows" else 0
    z, error = problem.z, np.stack([at.dz.error for at in row_values]) / problem.rows
    if problem.layout == "columns":
        z, error, target = z.T, error.T, target if problem.labels is not None else target.T
    loss, grad = getattr(losses, f"{problem.loss}_with_grad")(z, target, axis=axis)
    loss_error = sum(float(at.loss_value.error) for at in row_values) / problem.rows
    most = np.max([np.maximum(at.p.value, at.t.value) for at in row_values], axis=0)
    classes = np.argsort(-most, kind="stable")[:shown]
    return Batch(
        problem,
        row_values,
        Bounded(grad, error),
        Bounded(loss, np.asarray(loss_error)),
        tuple(sorted(map(int, classes))),
    )


def remaining_rows(batch: Batch, in_full: int) -> Step:
    """The rows that are not shown in full, as a table."""
    remaining = range(in_full, batch.problem.rows)
    lines: list[tuple[Math, ...]] = [
        (str(r), _target(batch, r), num(at.loss_value), *(num(at.dz, i) for i in batch.shown))
        for r, at in ((r, batch.row_values[r]) for r in remaining[:ROWS_IN_TABLE])
    ]
    head: tuple[Math, ...] = (Words("row"), Words("target"), "L", *(loss_by(Sub("z", str(i))) for i in batch.shown))
    left_out = [
        _left_out(len(remaining) - len(lines), "rows"),
        _left_out(batch.problem.classes - len(batch.shown), "classes"),
    ]
    return Step(
        "Loss and gradient of each remaining row",
        "Each row goes through the same steps. No row affects another.",
        tables=(Table("", head, tuple(lines), left_out=", ".join(filter(None, left_out))),),
    )


def _target(batch: Batch, r: int) -> Math:
    if batch.problem.labels is not None:
        return str(int(batch.problem.labels[r]))
    return Vec(tuple(num(batch.row_values[r].t, i) for i in batch.shown), batch.problem.classes - len(batch.shown))


def _left_out(count: int, what: str) -> str:
    return f"{count:,} more {what}" if count else ""


def mean_step(batch: Batch) -> Step:
    """The mean over the batch, with its factor 1/m."""
    m, i, first = batch.problem.rows, batch.shown[0], batch.row_values[0]
    row_losses = [num(at.loss_value) for at in batch.row_values[:WRITTEN_OUT]]
    return Step(
        "The mean over the batch and its factor 1/m",
        "The loss of a batch is the mean of the losses of its rows, so the gradient of each row has a factor of 1/m."
        + (" Here m is 1, so nothing changes." if m == 1 else ""),
        (
            row("L", "=", Frac("1", "m"), Sum("r", Sub("L", "r"))),
            row(loss_by(Sub("z", "ri")), "=", Frac("1", "m"), "·", Partial(Sub("L", "r"), Sub("z", "ri"))),
        ),
        (
            row("L", "=", Frac("1", str(m)), "(", total(row_losses, m - len(row_losses)), ")", "=", num(batch.loss)),
            row(loss_by(Sub("z", f"0,{i}")), "=", Frac("1", str(m)), "·", factor(num(first.dz, i)), "=",
                num(batch.row_grad(0), i)),
        ),
        (array_table(batch, "dz", batch.grad),),
        (_compared(batch),),
        wrong=_wrong_means(batch),
    )  # fmt: skip


def _compared(batch: Batch) -> Compared:
    """The gradient of the mean at the first row, compared with central differences of the mean."""
    shown = list(batch.shown)
    first = np.eye(1, batch.problem.rows)
    found = batch.by_differences(np.outer(first, np.eye(1, batch.problem.classes, j)) for j in shown)
    entries = tuple(num(found, k) for k in range(len(shown)))
    apart = largest(batch.row_grad(0).value[shown], found.value)
    return Compared(row(loss_by("z"), Words(", row 0,")), Vec(entries, batch.problem.classes - len(shown)), apart)


def _wrong_means(batch: Batch) -> tuple[Wrong, ...]:
    """The wrong gradients of the first row: 1/m missing, 1/m applied twice, the mean taken over all entries."""
    names = {"m": batch.problem.rows, "K": batch.problem.classes}
    right = batch.row_grad(0)
    found = []
    for name in ("mean-missing", "mean-twice", "divided-by-size"):
        line = wrong_line(MEAN, name)
        gives = computed(lambda dz, line=line: run([line], {**names, "dz": dz})["dz"], batch.row_values[0].dz)
        if differ(gives.value, right.value):
            found.append(wrong_of(name, line, VECTOR, _row_0(batch, gives), _row_0(batch, right)))
    return tuple(found)


def _row_0(batch: Batch, values: Bounded) -> Math:
    entries = tuple(num(values, i) for i in batch.shown)
    return row(Words("row 0: "), Vec(entries, batch.problem.classes - len(entries)))


AXES = {"z": ("row", "class"), "x": ("row", "feature"), "W": ("feature", "class"), "b": ("class",)}
PLURALS = {"row": "rows", "sample": "samples", "class": "classes", "feature": "features"}


def array_table(batch: Batch, name: str, values: Bounded) -> Table:
    """A table of an array. Its title has the name and the shape; its first cell names the axes.

    Args:
        batch: the batch, which has the same layout as the array.
        name: "x", "W", "dz", "dW", "db" or "dx".
        values: the array.
    """
    columns = batch.problem.layout == "columns"
    axes = AXES[name[-1]][:: -1 if columns else 1]
    ranges = {"row": range(min(batch.problem.rows, ROWS_IN_TABLE)), "class": batch.shown, "feature": range(2)}
    value, error = (part.reshape(part.shape if len(axes) == 2 else (part.size, 1)) for part in values)
    first, second = ranges[axes[0]], ranges[axes[1]] if len(axes) == 2 else range(1)
    called = ["sample" if columns and axis == "row" else axis for axis in axes]
    lines: list[tuple[Math, ...]] = [
        (str(a), *(Num(float(value[a, b]), float(error[a, b])) for b in second)) for a in first
    ]
    left_out = (_left_out(value.shape[n] - len(ranges[axis]), PLURALS[called[n]]) for n, axis in enumerate(axes))
    return Table(
        f"{name} of shape {values.value.shape}",
        (Words(", ".join(called)), *(map(str, second) if len(axes) == 2 else [Words(name)])),
        tuple(lines),
        left_out=", ".join(filter(None, left_out)),
    )
