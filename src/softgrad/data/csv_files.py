"""Tables from CSV files."""

from __future__ import annotations

import codecs
import csv
import io
from contextlib import suppress
from itertools import count, islice
from typing import TypeAlias

import numpy as np

from softgrad._messages import counted, quoted
from softgrad._numerals import to_number
from softgrad.data.columns import are_numbers
from softgrad.data.table import Table
from softgrad.errors import DataError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
UNNAMED = "unnamed"  # what a column without a name is called
MOST_TITLE_LINES = 20

Rows: TypeAlias = list[tuple[int, list[str]]]  # each with the number of its last line


def read_csv(source: str, data: bytes) -> Table:
    """The table that a CSV file holds.

    Args:
        source: what messages call the file.
        data: its content.

    Raises:
        DataError: the file is empty or no text; its lines differ in length.
    """
    text, encoding = _decode(source, data)
    text, title = _without_title(text)
    separator, rows = _rows(source, text)
    if not rows:
        raise DataError(f"{source} is empty; wanted column names in the first line, then one row per line")
    (_, header), *rows = rows
    names = _different(header)
    if not rows:
        raise DataError(f"{source} has column names but no rows; wanted one row per line below them")
    word = SEPARATORS[separator]
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{source}, line {line} has {counted(len(row), 'cell')}, but the first line names "
                f"{counted(len(header), 'column')}; wanted one cell per column, with quotes around cells that contain "
                f"{word}"
            )
    by_column = zip(*(row for _, row in rows), strict=True)
    columns = {name: np.array(cells) for name, cells in zip(names, by_column, strict=True)}
    notes = [] if encoding == "UTF-8" else [f"the file is not UTF-8 text, so it is read as {encoding}"]
    if title:
        notes.append(f"line {title + 1} names the columns; what stands above them is left out")
    if are_numbers(names):
        first = quoted(names[0])
        notes.append(
            f"the first line is taken for names of columns, such as {first}; if it is a row, write names above it"
        )
    for i, (given, name) in enumerate(zip(header, names, strict=True), start=1):
        if given != name:
            reason = f"is another {quoted(given)}" if given else "has no name"
            notes.append(f"column {i} of the file {reason}, so it is called {quoted(name)}")
    return Table(source, columns, np.array([line for line, _ in rows]), None, separator, tuple(notes))


def _different(header: list[str]) -> list[str]:
    """The names of the columns, of which no two are the same and none is empty."""
    names: list[str] = []
    for given in header:
        choices = (f"{given or UNNAMED} ({i})" if i > 1 else given or UNNAMED for i in count(1))
        names.append(next(name for name in choices if name not in names and (name == given or name not in header)))
    return names


def _decode(source: str, data: bytes) -> tuple[str, str]:
    """The text of a file, and the name of its encoding."""
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in data and not utf_16:
        raise DataError(f"{source} is not text: byte {data.index(0)} is 0; give the path of a CSV file")
    encodings = {"utf-16": "UTF-16"} if utf_16 else {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}
    for codec, name in encodings.items():
        with suppress(UnicodeDecodeError):
            return data.decode(codec), name
    raise DataError(f"{source} is not text in {' or '.join(encodings.values())}; save the file as CSV in UTF-8")


def _without_title(text: str) -> tuple[str, int]:
    """The text with blank lines in place of a title, and the number of lines above the names of the columns.

    A title is one cell in a line, as spreadsheets write it above a table. At least three names, of which none is a
    number, follow it.
    """
    start, titled = 0, False
    for above, line in enumerate(islice(io.StringIO(text, newline=""), MOST_TITLE_LINES)):
        if (
            line.count('"') % 2 or len(line) > csv.field_size_limit()
        ):  # a cell of several lines; _parse says what is wrong
            return text, 0
        rows = (next(csv.reader([line.rstrip("\r\n")], delimiter=separator), []) for separator in SEPARATORS)
        cells = max(([cell for cell in row if cell.strip()] for row in rows), key=len)
        if len(cells) > 1:
            named = len(cells) > 2 and not any(to_number(cell.strip()) is not None for cell in cells)
            return ("\n" * above + text[start:], above) if titled and named else (text, 0)
        start, titled = start + len(line), titled or bool(cells)
    return text, 0


def _rows(source: str, text: str) -> tuple[str, Rows]:
    """The separator, and the rows with their lines. Of several in the first line, the first with which all rows fit."""
    first = next((line for line in text.splitlines() if line.strip(" ")), "")
    candidates = [separator for separator in SEPARATORS if separator in first] or [","]
    for separator in candidates if len(candidates) > 1 else []:
        with suppress(DataError):
            rows = _parse(source, text, separator)
            if len({len(row) for _, row in rows}) == 1:
                return separator, rows
    return candidates[0], _parse(source, text, candidates[0])


def _parse(source: str, text: str, separator: str) -> Rows:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        return [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row not in ([], [""])]
    except csv.Error as error:
        raise DataError(
            f"{source}, line {reader.line_num}: {error}; wanted CSV, with quotes around cells that contain "
            f"{SEPARATORS[separator]}"
        ) from error
