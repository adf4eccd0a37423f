"""The tables of the losses of linear layers: the times of every line, and the measures with their wanted values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import tables
from benchmarks.linear.measure import (
    BFLOAT16,
    CHUNKED,
    EAGER,
    EAGER_BFLOAT16,
    FILTERED,
    FOUR_PRODUCTS,
    LOSS_ULPS,
    MORE_MEMORY,
    PRODUCTS,
    SOFTGRAD,
    TENSORS,
    TOKENS,
)
from benchmarks.questions import Size
from benchmarks.record import Record, Row

if TYPE_CHECKING:
    from rich.table import Table


class Measure(NamedTuple):
    """A number in the table, and the largest value that is wanted."""

    name: str
    wanted: float
    value: Callable[[Row], float | None]
    form: str = ".2f"


def _ratio(line: str, other: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        a, b = row.median(line), row.median(other)
        return None if a is None or b is None else a / b

    return value


def _memory(line: str, other: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        a, b = row.megabytes.get(line), row.megabytes.get(other)
        return None if a is None or not b else a / b

    return value


def _error(line: str, *names: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        errors = [row.errors.get(f"{line}: {name}") for name in names]
        return None if None in errors else max(filter(None, errors), default=0.0)

    return value


def _error_over_torch(row: Row) -> float | None:
    """The larger of the ratios for dx and dw."""
    ratios = []
    for name in ("dx", "dw"):
        softgrad_error, torch_error = (row.errors.get(f"{line}: {name}") for line in (SOFTGRAD, EAGER))
        if softgrad_error is None or torch_error is None:
            return None
        ratios.append(softgrad_error / torch_error)
    return max(ratios)


MEASURES = (
    Measure("time / time of the three products alone", 1.10, _ratio(SOFTGRAD, PRODUCTS)),
    Measure("time / time of torch, all logits", 0.85, _ratio(SOFTGRAD, EAGER)),
    Measure("time / time of torch, chunks of 512", 0.95, _ratio(SOFTGRAD, CHUNKED)),
    Measure("the same, with as much memory as torch", 0.95, _ratio(MORE_MEMORY, CHUNKED)),
    Measure("peak memory without inputs and gradients, MiB", 72, lambda row: row.megabytes.get(SOFTGRAD), ".0f"),
    Measure("time with filter_eps / time without", 0.65, _ratio(FILTERED, SOFTGRAD)),
    Measure("relative error of the gradients with filter_eps", 1e-3, _error(FILTERED, "dx", "dw"), ".1e"),
    Measure("error of the loss of exact logits, ulp", 4, lambda row: row.errors.get(LOSS_ULPS)),
    Measure("softgrad.torch: time / time of torch, all logits", 1.0, _ratio(TENSORS, EAGER)),
    Measure("softgrad.torch: peak memory, MiB", 72, lambda row: row.megabytes.get(TENSORS), ".0f"),
    Measure("bfloat16: time / time of torch, all logits", 1.0, _ratio(BFLOAT16, EAGER_BFLOAT16)),
    Measure("bfloat16: peak memory / that of torch", 0.1, _memory(BFLOAT16, EAGER_BFLOAT16), ".3f"),
    Measure("tokens: time / time of the four products alone", 1.15, _ratio(TOKENS, FOUR_PRODUCTS)),
    Measure("tokens: peak memory, MiB", 72, lambda row: row.megabytes.get(TOKENS), ".0f"),
    Measure("error of the gradients / error of torch", 1.0, _error_over_torch),
)


def times(records: Mapping[str, Record]) -> Table:
    """The table of times in seconds, median and minimum over the rounds, with peak memory and errors."""
    table = tables.empty(["", "head", "N x D x V", "seconds", "fastest", "MiB", "error dx", "error dw"])
    for record in records.values():
        for row in record.rows:
            for line in row.seconds:
                errors = (_error(line, name)(row) for name in ("dx", "dw"))
                table.add_row(
                    line,
                    record.title.partition(": ")[2],
                    _size(row),
                    _number(row.median(line), ".3f"),
                    _number(min(row.seconds[line]), ".3f"),
                    _number(row.megabytes.get(line), ".0f"),
                    *(_number(error or None, ".1e") for error in errors),
                )
    return table


def measures(records: Mapping[str, Record]) -> Table:
    """The table of measures, with the value that is wanted and the value that was found."""
    table = tables.empty(["measure", "head", "N x D x V", "wanted", "found", ""])
    for measure, record, row, value in _measured(records):
        verdict = "reached" if value <= measure.wanted else "FALLS SHORT"
        head = record.title.partition(": ")[2]
        table.add_row(measure.name, head, _size(row), f"{measure.wanted:g}", f"{value:{measure.form}}", verdict)
    return table


def _measured(records: Mapping[str, Record]) -> Iterator[tuple[Measure, Record, Row, float]]:
    for measure in MEASURES:
        for record in records.values():
            for row in record.rows:
                if (value := measure.value(row)) is not None:
                    yield measure, record, row, value


def _size(row: Row) -> str:
    return str(Size(row.rows, row.classes, row.features))


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
