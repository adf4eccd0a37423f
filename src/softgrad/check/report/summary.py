"""What there is to show of a report. It is made once; text.py, html.py and plot.py show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from softgrad.check.report.mistake import Mistake, Place
from softgrad.check.report.source import SourceLine

SHAPES_SHOWN = 6


class Gradient(NamedTuple):
    """One gradient that was judged."""

    name: str
    shape: tuple[int, ...]
    ok: bool
    error: str


class Summary(NamedTuple):
    """The parts of a report in their order. A part that is empty is not shown."""

    ok: bool | None
    headline: str  # right, wrong, or cannot be checked
    place: str  # the worst entry
    line: SourceLine | None  # of the backward pass, where it goes wrong
    title: str  # of the mistake
    explanation: str
    lines: tuple[tuple[str, str], ...]  # labels, and lines to copy
    remarks: tuple[str, ...]  # on other mistakes
    facts: tuple[str, ...]
    footer: str  # what was checked, and how
    gradients: tuple[Gradient, ...] = ()  # where each of them has an error of its own


def summarise(
    function: str,
    ok: bool | None,
    error: float,
    where: Place | None,
    mistakes: Sequence[Mistake],
    facts: Sequence[str],
    checked: Mapping[str, tuple[int, ...]],
    method: str,
    calls: int,
    line: SourceLine | None = None,
    language: str = "NumPy",
    right: Sequence[str] = (),
    errors: Mapping[str, float] | None = None,
) -> Summary:
    """The summary of a report with these fields."""
    first = mistakes[0] if mistakes else None
    mended = "" if line is None else line.mended
    remarks = []
    for label, also in (("Also wrong", True), ("Fits as well", False)):
        titles = [other.title for other in mistakes[1:] if (other.also or mistakes[0].also) is also]
        if titles:
            remarks.append(f"{label}: {'; '.join(titles)}")
    if ok is False and first is None:
        remarks.append("None of the known mistakes fits.")
    return Summary(
        ok=ok,
        headline=_headline(function, ok, error, where),
        place=str(where) if where is not None and not ok else "",
        line=line,
        title=first.title if first else "",
        explanation=first.explanation if first else "",
        lines=_lines(first, language) if first else ((f"in {language}", mended),) if mended else (),
        remarks=tuple(remarks),
        facts=tuple(facts),
        footer=_footer(checked, method, calls),
        gradients=tuple(
            Gradient(name, tuple(map(int, checked.get(name, ()))), name in right, f"{error:.1e}")
            for name, error in (errors or {}).items()
        ),
    )


def _headline(function: str, ok: bool | None, error: float, where: Place | None) -> str:
    if ok is None:
        return f"{function}: cannot be checked"
    measured = f"largest relative error {error:.1e}"
    if ok:
        return f"{function}: right, {measured}"
    return f"{function}: wrong" + (f", {measured}" if where is not None else "")


def _lines(mistake: Mistake, language: str) -> tuple[tuple[str, str], ...]:
    labelled = {"found": mistake.evidence, "should be": mistake.formula, f"in {language}": mistake.fix}
    return tuple((label, text) for label, text in labelled.items() if text)


def _footer(checked: Mapping[str, tuple[int, ...]], method: str, calls: int) -> str:
    shapes = [f"{name} {tuple(map(int, shape))}" for name, shape in checked.items()]
    if len(shapes) > SHAPES_SHOWN:
        shapes[SHAPES_SHOWN:] = [f"{len(shapes) - SHAPES_SHOWN} more"]
    what = f"checked {', '.join(shapes)}" if shapes else ""
    counted = f"{calls:,} calls" if calls else ""
    return "; ".join(filter(None, [": ".join(filter(None, [what, method])), counted]))
