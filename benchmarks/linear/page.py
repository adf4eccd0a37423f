"""The tables: the times of every line, and each measure beside what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import tables
from benchmarks.linear.ask import CHUNKED, EAGER, FILTERED, LOSS_ULPS, PRODUCTS, ROOMY, SOFTGRAD
from benchmarks.questions import Size
from benchmarks.record import Record, Row

if TYPE_CHECKING:
    from rich.table import Table


class Measure(NamedTuple):
    """One line of the table: a number that is to be at most so large."""

    name: str
    wanted: float
    of: Callable[[Row], float | None]
    form: str = ".2f"


def _ratio(line: str, other: str) -> Callable[[Row], float | None]:
    def of(row: Row) -> float | None:
        a, b = row.median(line), row.median(other)
        return None if a is None or b is None else a / b

    return of


def _error(line: str, *names: str) -> Callable[[Row], float | None]:
    def of(row: Row) -> float | None:
        found = [row.found.get(f"{line}: {name}") for name in names]
        return None if None in found else max(filter(None, found), default=0.0)

    return of


def _worse_than_torch(row: Row) -> float | None:
    ratios = []
    for name in ("dx", "dw"):
        ours, theirs = (row.found.get(f"{line}: {name}") for line in (SOFTGRAD, EAGER))
        if ours is None or theirs is None:
            return None
        ratios.append(ours / theirs)
    return max(ratios)


MEASURES = (
    Measure("time against the three products alone", 1.10, _ratio(SOFTGRAD, PRODUCTS)),
    Measure("time against torch, all logits", 0.85, _ratio(SOFTGRAD, EAGER)),
    Measure("time against torch, chunks of 512", 0.95, _ratio(SOFTGRAD, CHUNKED)),
    Measure("the same with as much memory as that", 0.95, _ratio(ROOMY, CHUNKED)),
    Measure("peak memory beyond inputs, gradients, MiB", 72, lambda row: row.megabytes.get(SOFTGRAD), ".0f"),
    Measure("filter_eps: time against exact", 0.65, _ratio(FILTERED, SOFTGRAD)),
    Measure("filter_eps: relative error of the gradients", 1e-3, _error(FILTERED, "dx", "dw"), ".1e"),
    Measure("loss of exact logits, ulp", 4, lambda row: row.found.get(LOSS_ULPS)),
    Measure("error of the gradients against torch's", 1.0, _worse_than_torch),
)


def times(records: Mapping[str, Record]) -> Table:
    """Seconds, medians of the rounds; and MiB at the peak."""
    drawn = tables.empty(["", "head", "N x D x V", "seconds", "fastest", "MiB", "error dx", "error dw"])
    for record in records.values():
        for row in record.rows:
            for line in row.seconds:
                errors = (_error(line, name)(row) for name in ("dx", "dw"))
                drawn.add_row(
                    line,
                    record.title.partition(": ")[2],
                    _size(row),
                    _number(row.median(line), ".3f"),
                    _number(min(row.seconds[line]), ".3f"),
                    _number(row.megabytes.get(line), ".0f"),
                    *(_number(error or None, ".1e") for error in errors),
                )
    return drawn


def measures(records: Mapping[str, Record]) -> Table:
    """What was found beside what is wanted."""
    drawn = tables.empty(["measure", "head", "N x D x V", "wanted", "found", ""])
    for measure, record, row, value in _found(records):
        verdict = "reached" if value <= measure.wanted else "FALLS SHORT"
        head = record.title.partition(": ")[2]
        drawn.add_row(measure.name, head, _size(row), f"{measure.wanted:g}", f"{value:{measure.form}}", verdict)
    return drawn


def _found(records: Mapping[str, Record]) -> Iterator[tuple[Measure, Record, Row, float]]:
    for measure in MEASURES:
        for record in records.values():
            for row in record.rows:
                if (value := measure.of(row)) is not None:
                    yield measure, record, row, value


def _size(row: Row) -> str:
    return str(Size(row.rows, row.classes, row.features))


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
