"""Dates in a graph: the texts are split, and the calendar is computed with integers.

Years begin with March here, so that the day that February may have is the last one of a year. Then

    y = year - [month <= 2]        m = (month + 9) mod 12, from 0 for March
    days = 365 y + y/4 - y/100 + y/400 + (153 m + 2)/5 + day - 1

are the days since 1 March of the year 0, with integer divisions, and the day of the week, from 0 for Monday, is
(days + 2) mod 7. Seconds count as parts of a day.

A text that is no date is an error of the cast to integers. A day that a month does not have is one of the next month.

Source: E. G. Richards, Mapping Time (1998), chapter 25.
"""

from __future__ import annotations

from datetime import date, datetime

import numpy as np

from softgrad.cli.exporting.columns import is_missing
from softgrad.cli.exporting.graph import Graph
from softgrad.data import written
from softgrad.data.kinds import DateColumn


def dates(graph: Graph, text: str, column: DateColumn) -> str:
    """The columns of x for the dates, which are texts of shape (N, 1)."""
    text = graph.op("Reshape", text, graph.constant([-1]))
    absent = is_missing(graph, text)
    since = datetime.fromisoformat(column.since)
    readable = since.strftime(written.DATES[column.format][0])
    text = graph.op("Where", absent, graph.constant(readable), text)
    day, clock = _pieces(graph, text, " ", 2)
    if column.format == "year-month-day":  # 2024-01-31T12:30
        day, after = _pieces(graph, day, "T", 2)
        clock = graph.op("StringConcat", clock, after)
    for sign in ("Z", "+", "-"):  # 2024-01-31T12:30Z, 2024-01-31T12:30+01:00
        clock = _pieces(graph, clock, sign, 2)[0]
    separator = next(c for c in column.format if not c.isalpha())
    pieces = [graph.cast(piece, np.int64) for piece in _pieces(graph, day, separator, 3)]
    fields = dict(zip(column.format.split(separator), pieces, strict=True))
    days = _days(graph, fields["year"], fields["month"], fields["day"])
    weekday = graph.op("Mod", graph.op("Add", days, graph.constant(2)), graph.constant(7))
    elapsed = graph.op("Sub", days, graph.constant(_days_of(since.date())))
    parts = [graph.cast(part, np.float64) for part in (fields["year"], fields["month"], weekday, elapsed)]
    time = _part_of_day(graph, clock)
    parts[-1] = graph.op("Add", parts[-1], time)
    parts = [*parts, time][: len(column.means)]
    rows = [graph.op("Unsqueeze", part, graph.constant([1])) for part in parts]
    centred = graph.op("Sub", graph.op("Concat", *rows, axis=1), graph.constant(list(column.means)))
    scaled = graph.op("Div", centred, graph.constant(list(column.scales)))
    absent = graph.op("Unsqueeze", absent, graph.constant([1]))
    standardised = graph.op("Where", absent, graph.constant(0.0), scaled)
    if not column.missing:
        return standardised
    return graph.op("Concat", standardised, graph.cast(absent, np.float64), axis=1)


def _pieces(graph: Graph, text: str, separator: str, count: int) -> list[str]:
    """The first pieces of the texts, which are of shape (N); pieces that a text does not have are empty."""
    padded = graph.op("StringConcat", text, graph.constant(separator * (count - 1)))
    split = graph.op("StringSplit", padded, delimiter=separator, others=1)
    return [graph.op("Gather", split, graph.constant(i), axis=1) for i in range(count)]


def _days(graph: Graph, year: str, month: str, day: str) -> str:
    def of(kind: str, value: str, number: int) -> str:
        return graph.op(kind, value, graph.constant(number))

    y = graph.op("Sub", year, graph.cast(of("LessOrEqual", month, 2), np.int64))
    days = graph.op("Add", of("Mul", y, 365), of("Div", y, 4))
    days = graph.op("Add", graph.op("Sub", days, of("Div", y, 100)), of("Div", y, 400))
    m = of("Mod", of("Add", month, 9), 12)
    months = of("Div", of("Add", of("Mul", m, 153), 2), 5)
    return of("Sub", graph.op("Add", graph.op("Add", days, months), day), 1)


def _part_of_day(graph: Graph, clock: str) -> str:
    """The time of day, such as 12:30, as a part of the day."""
    zero = graph.constant("0")
    fields = [graph.op("StringConcat", zero, field) for field in _pieces(graph, clock, ":", 3)]
    hours, minutes, seconds = (graph.cast(field, np.float64) for field in fields)
    minutes = graph.op("Add", graph.op("Mul", hours, graph.constant(60.0)), minutes)
    seconds = graph.op("Add", graph.op("Mul", minutes, graph.constant(60.0)), seconds)
    return graph.op("Div", seconds, graph.constant(86400.0))


def _days_of(day: date) -> int:
    """The days since 1 March of the year 0."""
    return day.toordinal() + 305
