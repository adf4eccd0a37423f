"""A line of the user's source, as a report shows it. Nothing is decided by the text: it is only shown."""

from __future__ import annotations

import ast
import linecache
import textwrap
import warnings
from dataclasses import dataclass

from softgrad.check.user.raised import in_words

AROUND = 3  # lines shown before and after
STARTS = ("def ", "async def ", "class ")


@dataclass(frozen=True)
class SourceLine:
    """One line of the user's source."""

    file: str  # as Python has it: a path, or a name such as "<stdin>"
    number: int
    text: str  # without indentation and comment; "" where no source can be found
    function: str  # the function that it stands in
    notes: tuple[str, ...] = ()  # what is known of it: which inputs are right, what it should compute
    around: tuple[str, ...] = ()  # the source around it
    first: int = 0  # the number of the first line of `around`
    mended: str = ""  # the statement as it should be; "" where that is not known

    @property
    def statement_rows(self) -> tuple[int, int]:
        """The numbers of the first and the last row of the statement, as far as `around` shows it."""
        own = self.number - self.first
        spans = [(a, b) for a in range(own + 1) for b in range(own + 1, len(self.around) + 1)]
        for a, b in sorted(spans, key=lambda span: span[1] - span[0]):
            if _is_statement(self.around[a:b]):
                return self.first + a, self.first + b - 1
        return self.number, self.number

    @property
    def function_rows(self) -> tuple[int, int]:
        """The numbers of the first and the last row of `around` that belong to the function of the statement."""
        first, last = self.statement_rows
        if self.function == "<lambda>":
            return first, last
        above, below = self.around[: first - self.first], self.around[last - self.first + 1 :]
        begin = next((i for i in reversed(range(len(above))) if above[i].lstrip().startswith(STARTS)), 0)
        margin = _margin(above[begin]) if above and above[begin].lstrip().startswith(STARTS) else 0
        end = next((i for i, row in enumerate(below) if row.strip() and _margin(row) <= margin), len(below))
        while end and not below[end - 1].strip():
            end -= 1
        inside = _margin(self.around[first - self.first]) > margin if self.around else False
        return (self.first + begin, last + end) if inside else (self.first, self.first + len(self.around) - 1)

    @property
    def statement(self) -> str:
        """The statement, without the comment of a single row; "" where no source can be found."""
        first, last = self.statement_rows
        if first == last or not self.around:
            return self.text
        return "\n".join(row.strip() for row in self.around[first - self.first : last - self.first + 1])

    @property
    def place(self) -> str:
        """Where it is, in words: "rnn.py, line 31, in backward"."""
        return in_words(self.file, self.number, self.function)

    @property
    def shown(self) -> str:
        """The place and the text of the line."""
        return f"{self.place}:   {self.text}" if self.text else self.place


def source_line(file: str, number: int, function: str, notes: tuple[str, ...] = ()) -> SourceLine:
    """A line by its place. What cannot be read is left empty."""
    try:
        rows = linecache.getlines(file)
    except Exception:  # a loader of the user's own
        rows = []
    if not 1 <= number <= len(rows):
        return SourceLine(file, number, "", function, notes)
    first = max(1, number - AROUND)
    around = tuple(row.rstrip() for row in rows[first - 1 : number + AROUND])
    return SourceLine(file, number, _without_comment(rows[number - 1]), function, notes, around, first)


def _margin(row: str) -> int:
    return len(row) - len(row.lstrip())


def _is_statement(rows: tuple[str, ...]) -> bool:
    """Whether rows are one statement that is complete."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes, say
            body = ast.parse(textwrap.dedent("\n".join(rows))).body
    except (SyntaxError, ValueError):
        return False
    return len(body) == 1 and not hasattr(body[0], "body")


def _without_comment(row: str) -> str:
    """A row of source without indentation and without a comment at its end."""
    in_quotes = ""
    for i, char in enumerate(row):
        if in_quotes:
            in_quotes = "" if char == in_quotes and row[i - 1] != "\\" else in_quotes
        elif char in "\"'":
            in_quotes = char
        elif char == "#":
            return row[:i].strip() or row.strip()
    return row.strip()
