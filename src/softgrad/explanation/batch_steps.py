"""The steps of the batch: the rows that are not shown in full, and the mean over all of them.

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
from softgrad.explanation.known import Known, computed
from softgrad.explanation.point import VECTOR, Point
from softgrad.explanation.shown import WRITTEN_OUT, differ, largest, num, wrong_of
from softgrad.explanation.step import Compared, Step, Table, Wrong
from softgrad.explanation.wrong import wrong_line
from softgrad.formulas.language import run

MEAN = "dz = dz / m"
ROWS_IN_TABLE = 20


class Batch(NamedTuple):
    """m rows with the gradient of each, the classes that are shown, and the layout in which arrays are shown."""

    problem: Problem
    points: tuple[Point, ...]
    grad: Known  # of the mean, in the layout of the batch: (m, K) or (K, m)
    loss: Known
    shown: tuple[int, ...]

    def by_differences(self, moves: Iterable[Array]) -> Known:
        """Derivatives of the mean loss as the logits go along each move, (m, K) in rows, from its values alone."""
        found = list(map(self._along, moves))
        return Known(*(np.array([float(one[part]) for one in found]) for part in (0, 1)))

    def _along(self, move: Array) -> Numerical:
        rows = np.flatnonzero(move.any(axis=1))  # no other has an effect on the difference
        problem = self.problem
        z = np.stack([self.points[r].shifted.value for r in rows])
        target: Any = problem.t[rows] if problem.labels is None else problem.labels[rows]

        def value(z: Array) -> Any:
            return getattr(losses, problem.loss)(z, target, reduction="sum") / problem.rows

        return along(value, z, move[rows])

    def row_grad(self, r: int) -> Known:
        """The gradient at one row, (K)."""
        return Known(*(part[:, r] if self.problem.layout == "columns" else part[r] for part in self.grad))


def batch_of(problem: Problem, points: tuple[Point, ...], shown: int) -> Batch:
    """The batch with the gradient of its mean loss, as the loss's own function returns it."""
    target: Any = problem.t if problem.labels is None else problem.labels
    axis = -1 if problem.layout == "rows" else 0
    z, error = problem.z, np.stack([at.dz.error for at in points]) / problem.rows
    if problem.layout == "columns":
        z, error, target = z.T, error.T, target if problem.labels is not None else target.T
    loss, grad = getattr(losses, f"{problem.loss}_with_grad")(z, target, axis=axis)
    loss_error = sum(float(at.loss_value.error) for at in points) / problem.rows
    most = np.max([np.maximum(at.p.value, at.t.value) for at in points], axis=0)
    classes = np.argsort(-most, kind="stable")[:shown]
    return Batch(
        problem, points, Known(grad, error), Known(loss, np.asarray(loss_error)), tuple(sorted(map(int, classes)))
    )


def rest_of_batch(batch: Batch, in_full: int) -> Step:
    """The rows that are not shown in full, as a table."""
    rest = range(in_full, batch.problem.rows)
    lines: list[tuple[Math, ...]] = [
        (str(r), _target(batch, r), num(at.loss_value), *(num(at.dz, i) for i in batch.shown))
        for r, at in ((r, batch.points[r]) for r in rest[:ROWS_IN_TABLE])
    ]
    head: tuple[Math, ...] = (Words("row"), Words("target"), "L", *(loss_by(Sub("z", str(i))) for i in batch.shown))
    left_out = [
        _left_out(len(rest) - len(lines), "rows"),
        _left_out(batch.problem.classes - len(batch.shown), "classes"),
    ]
    return Step(
        "Loss and gradient of each further row",
        "Each row goes through the same steps, and no row has an effect on another.",
        tables=(Table("", head, tuple(lines), left_out=", ".join(filter(None, left_out))),),
    )


def _target(batch: Batch, r: int) -> Math:
    if batch.problem.labels is not None:
        return str(int(batch.problem.labels[r]))
    return Vec(tuple(num(batch.points[r].t, i) for i in batch.shown), batch.problem.classes - len(batch.shown))


def _left_out(count: int, what: str) -> str:
    return f"{count:,} more {what}" if count else ""


def mean_step(batch: Batch) -> Step:
    """The batch and its 1/m."""
    m, points = batch.problem.rows, batch.points
    rows = [num(at.loss_value) for at in points[:WRITTEN_OUT]]
    i, first = batch.shown[0], points[0]
    return Step(
        "The mean over the batch and its 1/m",
        "The loss of a batch is the mean of its rows' losses, so every row's gradient carries 1/m, once."
        + (" Here m is 1, and it changes nothing." if m == 1 else ""),
        (
            row("L", "=", Frac("1", "m"), Sum("r", Sub("L", "r"))),
            row(loss_by(Sub("z", "ri")), "=", Frac("1", "m"), "·", Partial(Sub("L", "r"), Sub("z", "ri"))),
        ),
        (
            row("L", "=", Frac("1", str(m)), "(", total(rows, m - len(rows)), ")", "=", num(batch.loss)),
            row(loss_by(Sub("z", f"0,{i}")), "=", Frac("1", str(m)), "·", factor(num(first.dz, i)), "=",
                num(batch.row_grad(0), i)),
        ),
        (array_table(batch, "dz", batch.grad),),
        (_compared(batch),),
        wrong=_wrong_means(batch),
    )  # fmt: skip


def _compared(batch: Batch) -> Compared:
    """The first row's gradient of the mean beside differences of the mean."""
    shown = list(batch.shown)
    first = np.eye(1, batch.problem.rows)
    found = batch.by_differences(np.outer(first, np.eye(1, batch.problem.classes, j)) for j in shown)
    entries = tuple(num(found, k) for k in range(len(shown)))
    apart = largest(batch.row_grad(0).value[shown], found.value)
    return Compared(row(loss_by("z"), Words(", row 0,")), Vec(entries, batch.problem.classes - len(shown)), apart)


def _wrong_means(batch: Batch) -> tuple[Wrong, ...]:
    """The first row with 1/m left out, applied twice, and with the mean over every entry."""
    names = {"m": batch.problem.rows, "K": batch.problem.classes}
    right = batch.row_grad(0)
    found = []
    for name in ("mean-missing", "mean-twice", "divided-by-size"):
        line = wrong_line(MEAN, name)
        gives = computed(lambda dz, line=line: run([line], {**names, "dz": dz})["dz"], batch.points[0].dz)
        if differ(gives.value, right.value):
            found.append(wrong_of(name, line, VECTOR, _row_0(batch, gives), _row_0(batch, right)))
    return tuple(found)


def _row_0(batch: Batch, known: Known) -> Math:
    entries = tuple(num(known, i) for i in batch.shown)
    return row(Words("row 0: "), Vec(entries, batch.problem.classes - len(entries)))


AXES = {"z": ("row", "class"), "x": ("row", "feature"), "W": ("feature", "class"), "b": ("class",)}
PLURALS = {"row": "rows", "sample": "samples", "class": "classes", "feature": "features"}


def array_table(batch: Batch, name: str, known: Known) -> Table:
    """An array in its own layout, under its shape; the axes are named at its edge.

    Args:
        batch: the batch, in whose layout the array lies.
        name: "x", "W", "dz", "dW", "db" or "dx".
        known: the array.
    """
    columns = batch.problem.layout == "columns"
    axes = AXES[name[-1]][:: -1 if columns else 1]
    ranges = {"row": range(min(batch.problem.rows, ROWS_IN_TABLE)), "class": batch.shown, "feature": range(2)}
    value, error = (part.reshape(part.shape if len(axes) == 2 else (part.size, 1)) for part in known)
    first, second = ranges[axes[0]], ranges[axes[1]] if len(axes) == 2 else range(1)
    called = ["sample" if columns and axis == "row" else axis for axis in axes]
    lines: list[tuple[Math, ...]] = [
        (str(a), *(Num(float(value[a, b]), float(error[a, b])) for b in second)) for a in first
    ]
    left_out = (_left_out(value.shape[n] - len(ranges[axis]), PLURALS[called[n]]) for n, axis in enumerate(axes))
    return Table(
        f"{name} {known.value.shape}",
        (Words(", ".join(called)), *(map(str, second) if len(axes) == 2 else [Words(name)])),
        tuple(lines),
        left_out=", ".join(filter(None, left_out)),
    )
