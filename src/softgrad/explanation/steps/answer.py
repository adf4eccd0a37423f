"""The answer, which stands before the steps: probabilities, loss and gradient, and a picture of them."""

from __future__ import annotations

from collections.abc import Iterator

from softgrad.explanation.document import Answer, Table
from softgrad.explanation.error_bounds import Bounded
from softgrad.explanation.formula import Frac, Math, Squared, Sub, Sum, Vec, Words, loss_by, row
from softgrad.explanation.steps.batch import Batch, array_table, mean_of_rows
from softgrad.explanation.steps.row_values import RowValues
from softgrad.explanation.steps.shared import num, p, t

CLASSES = 8  # how many are in the answer: those with the largest probability or target
ROWS = 3  # of a batch: how many have their probabilities and a picture in the answer


def answer_of(batch: Batch, rows: int) -> Answer:
    """The answer for one row, or for the first rows of a batch and their mean."""
    first = batch.row_values[: min(rows, ROWS)]
    if batch.problem.rows == 1:
        (at,) = first
        of_row = () if batch.is_weighted else (_loss(at), "=")
        lines = [_probabilities(at), row("L", "=", *of_row, num(batch.loss)), _gradient(batch, at)]
        return Answer(tuple(lines), (_picture(at, ""),))
    lines = [row(Words(f"row {r}:   "), _probabilities(at)) for r, at in enumerate(first)]
    lines.append(row("L", "=", mean_of_rows(batch), "=", num(batch.loss)))
    pictures = (_picture(at, f"Row {r}: ") for r, at in enumerate(first))
    return Answer(tuple(lines), (*pictures, array_table(batch, "dz", batch.grad)))


def _probabilities(at: RowValues) -> Math:
    scores = row("z", "slash", "T") if at.temperature != 1 else "z"
    return row("p", "=", "softmax", "(", scores, ")", "=", _entries(at, at.p))


def _loss(at: RowValues) -> Math:
    if at.loss == "squared_error":
        return row(Frac("1", "2"), Sum("i", Squared(row(p("i"), "-", t("i")))))
    if at.loss == "kl_divergence":
        ratio: Math = t("i") if at.weight is None else Frac(t("i"), Sub("w", "i"))
        return row(Sum("i", row(t("i"), "(", "log", ratio, "-", "log", p("i"), ")")))
    if at.label is not None:
        return row("negative", "log", p(at.label))
    return row("negative", Sum("i", row(t("i"), "log", p("i"))))


def _gradient(batch: Batch, at: RowValues) -> Math:
    values = _entries(at, batch.row_grad(0))
    plain = at.temperature == 1 and not batch.is_weighted
    return row(loss_by("z"), "=", *((_formula(at), "=") if plain else ()), values)


def _formula(at: RowValues) -> Math:
    if not at.simplifies:
        return row("p", "(", loss_by("p"), "-", "⟨", loss_by("p"), ",", "p", "⟩", ")")
    return row("p", "-", "t") if at.weight is None else row("p", Sum("i", t("i")), "-", "t")


def _picture(at: RowValues, of: str) -> Table:
    """The probabilities, the target and the gradient of each class shown, as bars."""
    is_difference = at.simplifies and at.weight is None and at.temperature == 1
    gradient = row("p", "-", "t") if is_difference else loss_by("z")
    left_out = at.z.value.size - len(_main(at))
    what = "p - t" if is_difference else "∂L/∂z"
    return Table(
        f"{of}p, t and {what}",
        (Words("class"), "p", "t", gradient),
        tuple(_bars(at)),
        "bars",
        left_out=f"{left_out:,} of {at.z.value.size:,} classes are left out" if left_out else "",
    )


def _bars(at: RowValues) -> Iterator[tuple[Math, ...]]:
    for i in _main(at):
        yield str(i), num(at.p, i), num(at.t, i), num(at.grad, i)


def _main(at: RowValues) -> list[int]:
    """The classes in the answer."""
    return sorted(sorted(at.shown, key=lambda i: (-max(at.p.value[i], at.t.value[i]), i))[:CLASSES])


def _entries(at: RowValues, values: Bounded) -> Vec:
    main = _main(at)
    return Vec(tuple(num(values, i) for i in main), at.z.value.size - len(main))
