"""The steps of the batch: the rows that are not shown in full, and the mean over all rows.

    L = 1/m sum_r L_r,    dL/dz_r = 1/m dL_r/dz_r

Source: Goodfellow et al., Deep Learning (2016), 5.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from softgrad import losses
from softgrad._arrays import Array
from softgrad.check.derivatives.extrapolation import Numerical
from softgrad.check.derivatives.numerical import along
from softgrad.explanation.arguments import Problem
from softgrad.explanation.document import Compared, Step, Table, Wrong
from softgrad.explanation.error_bounds import EPS, Bounded, computed
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
from softgrad.explanation.steps.row_values import TINY, VECTOR, RowValues
from softgrad.explanation.steps.shared import WRITTEN_OUT, close, differ, largest, num, wrong_of
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
    mine: Array | None = None  # the reader's own gradient of the first row

    def by_differences(self, directions: Iterable[Array]) -> Bounded:
        """Derivatives of the mean loss along directions (m, K) in the logits, computed from values of the loss."""
        found = list(map(self._along, directions))
        return Bounded(np.array([float(one.value) for one in found]), np.array([float(one.error) for one in found]))

    def _along(self, direction: Array) -> Numerical:
        problem, rows = self.problem, np.flatnonzero(direction.any(axis=1))  # other rows do not change the difference
        scores = np.stack([self.row_values[r].shifted.value for r in rows])
        target, options = problem.target_of(rows), {**problem.options, "temperature": 1.0}

        def value(scores: Array) -> Any:
            return getattr(losses, problem.loss)(scores, target, reduction="sum", **options) / problem.divisor

        return along(value, scores, direction[rows] / problem.temperature)

    @property
    def is_weighted(self) -> bool:
        """Whether the mean over the rows has weights, or divides by another number than that of the rows."""
        return self.problem.factors is not None or self.problem.divisor != self.problem.rows

    def factor_of(self, r: int) -> float:
        """The weight of a row."""
        return 1.0 if self.problem.factors is None else float(self.problem.factors[r])

    def row_grad(self, r: int) -> Bounded:
        """The gradient of one row, (K)."""
        return Bounded(*(part[:, r] if self.problem.layout == "columns" else part[r] for part in self.grad))


def batch_of(problem: Problem, row_values: tuple[RowValues, ...], shown: int) -> Batch:
    """The batch with its mean loss and gradient, computed by softgrad's loss function."""
    target: Any = problem.labels if problem.given is None else problem.given
    axis = -1 if problem.layout == "rows" else 0
    factors = np.ones(problem.rows) if problem.factors is None else problem.factors
    z, error = problem.z, np.stack([at.grad.error for at in row_values]) * factors[:, None] / problem.divisor
    if problem.layout == "columns":
        z, error, target = z.T, error.T, target if problem.given is None else target.T
    loss, grad = getattr(losses, f"{problem.loss}_with_grad")(z, target, axis=axis, **problem.options)
    loss_error = sum(float(at.loss_value.error) * by for at, by in zip(row_values, factors, strict=True))
    most = np.max([np.maximum(at.p.value, at.t.value) for at in row_values], axis=0)
    far = np.stack([at.far for at in row_values])
    grad = np.where((far.T if problem.layout == "columns" else far) & (np.abs(grad) < TINY), 0.0, grad)
    classes = np.argsort(-most, kind="stable")[:shown]
    return Batch(
        problem,
        row_values,
        Bounded(grad, error + 2 * EPS * np.abs(grad)),
        Bounded(loss, np.asarray(loss_error / problem.divisor + 2 * EPS * abs(float(loss)))),
        tuple(sorted(map(int, classes))),
    )


def with_readers(batch: Batch, mine: Array) -> Batch:
    """The batch with the reader's own gradient, so that the mistake that gives it is opened."""
    problem = batch.problem
    of_rows = np.atleast_2d(np.asarray(mine, np.float64))
    of_rows = of_rows.T if problem.layout == "columns" and not problem.is_vector else of_rows
    for r, at in enumerate(batch.row_values):
        scale = problem.divisor * problem.temperature / (batch.factor_of(r) or 1.0)
        at.mine = of_rows[r] * scale
    return batch._replace(mine=of_rows[0])


def remaining_rows(batch: Batch, in_full: int) -> Step:
    """The rows that are not shown in full, as a table."""
    remaining = range(in_full, batch.problem.rows)
    lines: list[tuple[Math, ...]] = [
        (str(r), _target(batch, r), num(at.loss_value), *(num(at.grad, i) for i in batch.shown))
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


def mean_of_rows(batch: Batch) -> Math:
    """The mean over the rows as a formula."""
    if not batch.is_weighted:
        return row(Frac("1", "m"), Sum("r", Sub("L", "r")))
    of_row: Math = Sub("L", "r") if batch.problem.factors is None else row(Sub("c", "r"), Sub("L", "r"))
    return row(Frac("1", "D"), Sum("r", of_row))


def mean_step(batch: Batch) -> Step:
    """The mean over the batch, with its factor 1/m; or the weighted mean."""
    problem, i, first = batch.problem, batch.shown[0], batch.row_values[0]
    m, weighted = problem.rows, batch.is_weighted
    shown = batch.row_values[:WRITTEN_OUT]
    row_losses: list[Math] = [_times_factor(batch, r, num(at.loss_value)) for r, at in enumerate(shown)]
    sum_of_losses = total(row_losses, m - len(row_losses))
    by = Frac("1", Num(problem.divisor, 0.0) if weighted else str(m))
    of_first: tuple[Math, ...] = (by, "·", _times_factor(batch, 0, factor(num(first.grad, i))), "=")
    of_first = () if m == 1 and not weighted else of_first
    of_row = Partial(Sub("L", "r"), Sub("z", "ri"))
    c = () if problem.factors is None else (Sub("c", "r"),)
    return Step(
        "The weighted mean over the batch" if weighted else "The mean over the batch and its factor 1/m",
        _why_weighted(problem)
        if weighted
        else "The loss of a batch is the mean of the losses of its rows, so the gradient of each row has a factor of "
        "1/m." + (" Here m is 1, so nothing changes." if m == 1 else ""),
        (
            row("L", "=", mean_of_rows(batch)),
            row(loss_by(Sub("z", "ri")), "=", Frac("1", "D" if weighted else "m"), "·", *c, of_row),
        ),
        (
            row("L", "=", *(() if m == 1 and not weighted else (by, "(", sum_of_losses, ")", "=")), num(batch.loss)),
            row(loss_by(Sub("z", f"0,{i}")), "=", *of_first, num(batch.row_grad(0), i)),
        ),
        (array_table(batch, "dz", batch.grad),),
        _compared(batch),
        wrong=_wrong_means(batch),
    )  # fmt: skip


def _times_factor(batch: Batch, r: int, value: Math) -> Math:
    return value if batch.problem.factors is None else row(Num(batch.factor_of(r), 0.0), "·", value)


def _why_weighted(problem: Problem) -> str:
    factors = (
        "The loss of each row is multiplied by c_r, the weight of its target. " if problem.factors is not None else ""
    )
    if problem.labels is None:
        return f"{factors}The mean divides by the number D of rows."
    return f"{factors}The mean divides by D, the sum of the weights of the classes of all rows."


def _compared(batch: Batch) -> tuple[Compared, ...]:
    """The gradient of the mean at the first row, compared with central differences of the mean."""
    if not batch.row_values[0].is_comparable:
        return ()
    shown = list(batch.shown)
    first = np.eye(1, batch.problem.rows)
    found = batch.by_differences(np.outer(first, np.eye(1, batch.problem.classes, j)) for j in shown)
    entries = tuple(num(found, k) for k in range(len(shown)))
    apart = largest(batch.row_grad(0).value[shown], found.value)
    return (Compared(row(loss_by("z"), Words(", row 0,")), Vec(entries, batch.problem.classes - len(shown)), apart),)


def _wrong_means(batch: Batch) -> tuple[Wrong, ...]:
    """Wrong gradients of the first row: 1/m missing, 1/m applied twice, the mean taken over all entries, no weight."""
    problem, right = batch.problem, batch.row_grad(0)
    divisor = "sum_w" if problem.labels is not None and problem.weight is not None else "m"
    names = {"m": problem.rows, "K": problem.classes, "sum_w": problem.divisor, "c": batch.factor_of(0)}
    found = []
    for name, line in _wrong_lines_of_mean(divisor, batch.is_weighted, problem.factors is not None):
        gives = computed(lambda dz, line=line: run([line], {**names, "dz": dz})["dz"], batch.row_values[0].grad)
        if differ(gives.value, right.value):
            one = wrong_of(name, line, VECTOR, _row_0(batch, gives), _row_0(batch, right))
            found.append(replace(one, is_readers=batch.mine is not None and close(batch.mine, gives.value)))
    return tuple(found)


def _wrong_lines_of_mean(divisor: str, is_weighted: bool, has_factors: bool) -> Iterator[tuple[str, str]]:
    if not is_weighted:
        for name in ("mean-missing", "mean-twice", "divided-by-size"):
            yield name, wrong_line(MEAN, name)
        return
    if divisor == "sum_w":
        yield "class-weight-normalisation", f"dz = {'c * ' if has_factors else ''}dz / m"
        yield "weighted-mean-missing", f"dz = {'c * ' if has_factors else ''}dz"
    for name in ("class-weight-missing", "class-weight-twice") if has_factors else ():
        yield name, f"{wrong_line('dz = c * dz', name)} / {divisor}"


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
