"""Report: what a check of a gradient found.

report.ok          True, False, or None: it cannot be checked, and `facts` says why
report.where       the worst entry: which gradient, index, got, wanted
report.mistake     what was done wrong, and the line as it should be; None where no known mistake fits
report.backward_line   the line of the user's backward pass where it goes wrong
report.forward_line    the line of the forward pass whose derivative is wrong
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn

from softgrad.check.report.html import as_html, as_html_page
from softgrad.check.report.mistake import Curve, Mistake, Place
from softgrad.check.report.pictures import Pictures
from softgrad.check.report.plot import draw
from softgrad.check.report.source import SourceLine
from softgrad.check.report.summary import Summary, summarise
from softgrad.check.report.text import WIDTH, spans

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.text import Text


@dataclass(frozen=True, repr=False)
class Report:
    """What a check found. Printed it is a short text, in colour on a terminal; a notebook shows it as HTML.

    A report is neither true nor false: `assert sg.check_vjp(...)` would pass for every gradient, so bool() of it
    raises. Ask `report.ok`, or call `sg.testing.assert_vjp`.
    """

    function: str  # "check_vjp"
    ok: bool | None  # None: cannot be checked, and the facts say why
    error: float  # the largest relative error
    where: Place | None = None
    mistakes: tuple[Mistake, ...] = ()  # all that fit, the most specific first
    facts: tuple[str, ...] = ()
    method: str = ""  # "complex step, every entry"
    checked: Mapping[str, tuple[int, ...]] = field(default_factory=dict, hash=False)  # name of a gradient to its shape
    calls: int = 0  # of the two functions, both together
    curves: Callable[[], Mapping[str, Curve]] | None = field(default=None, compare=False)  # error against step size
    backward_line: SourceLine | None = None  # where the backward pass goes wrong; None where that is not known
    forward_line: SourceLine | None = None  # the line of the forward pass whose derivative is wrong
    right: tuple[str, ...] = ()  # the names of the gradients that are
    language: str = "NumPy"  # of the lines to write instead
    errors: Mapping[str, float] = field(default_factory=dict, compare=False)  # name of a gradient to its relative error
    pictures: Callable[[], Pictures] | None = field(default=None, compare=False)  # what the page draws

    @property
    def mistake(self) -> Mistake | None:
        """The most specific mistake that fits."""
        return self.mistakes[0] if self.mistakes else None

    def text(self, *, width: int = WIDTH) -> str:
        """What print shows, without colours; prose wrapped to `width` columns."""
        return "".join(text for text, _ in spans(self._summary(), width))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draws the error against the step size: a right gradient makes a V, a wrong one a plateau.

        Args:
            ax: axes of matplotlib to draw on; new ones by default.

        Returns:
            The axes, for a title of your own or to save the figure.

        Raises:
            ValueError: the gradient could not be checked, so there is nothing to draw.
            MissingPackageError: matplotlib is not installed; the extra `plot` installs it.
        """
        if self.curves is None:
            raise ValueError(f"{self.function}: plot() has nothing to draw; no error was measured at any step size")
        return draw(self.curves(), self._summary().headline, ax)

    def to_html(self) -> str:
        """The report as an HTML page: what print shows, with two pictures.

        The line to write stands beside yours. One picture shows which entries of the gradient are wrong, the other the
        error of the worst entry against the step size: a right gradient makes a V, a wrong one a plateau. For the
        pictures forward is called again, within `max_calls`; the last line says how often. Where no calls are left, or
        forward has changed since the check, they are left out.

        Returns:
            The page, with no scripts and nothing to download.

        Example:
            >>> report = sg.check_vjp(np.sin, lambda x, y, g: g * np.cos(x), np.array([0.5, 1.0]))
            >>> page = report.to_html()
            >>> page[:15], "check_vjp: right" in page
            ('<!DOCTYPE html>', True)
        """
        return as_html_page(self._summary().headline, [self.html_fragment()])

    def html_fragment(self, *titles: str) -> str:
        """One <div> element, which is what a notebook shows; titles say above it what was checked."""
        return as_html(self._summary(), self.pictures() if self.pictures is not None else None, titles)

    def to_dict(self) -> dict[str, Any]:
        """The report without its curves, as JSON takes it; NaN and infinities are the strings "nan", "inf", "-inf"."""
        where = None
        if self.where is not None:
            got, wanted = _number(self.where.got), _number(self.where.wanted)
            where = {"name": self.where.name, "index": [int(i) for i in self.where.index], "got": got, "wanted": wanted}
        return {
            "function": self.function,
            "ok": None if self.ok is None else bool(self.ok),
            "error": _number(self.error),
            "where": where,
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
            "facts": list(self.facts),
            "method": self.method,
            "checked": {name: [int(n) for n in shape] for name, shape in self.checked.items()},
            "calls": int(self.calls),
            "backward_line": _line(self.backward_line),
            "forward_line": _line(self.forward_line),
        }

    def _summary(self) -> Summary:
        return summarise(
            self.function,
            self.ok,
            self.error,
            self.where,
            self.mistakes,
            self.facts,
            self.checked,
            self.method,
            self.calls,
            self.backward_line,
            self.language,
            self.right,
            self.errors,
        )

    def __getstate__(self) -> dict[str, Any]:
        # Both call the user's functions, which need not be picklable.
        return {**vars(self), "curves": None, "pictures": None}

    def __str__(self) -> str:
        if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or find_spec("rich") is None:
            return self.text()
        width = min(WIDTH, shutil.get_terminal_size().columns)
        try:
            from rich.console import Console
        except ModuleNotFoundError:  # an extra installs it
            return self.text(width=width)
        console = Console(highlight=False, soft_wrap=True)
        with console.capture() as captured:
            console.print(self._styled(width), end="")
        return captured.get()

    def __repr__(self) -> str:
        name = f", {self.mistake.name}" if self.mistake else ""
        return f"<Report {self._summary().headline}{name}>"

    def __rich__(self) -> Text:
        return self._styled(WIDTH)

    def _repr_html_(self) -> str:
        return self.html_fragment()

    def __bool__(self) -> NoReturn:
        asserts = self.function.replace("check", "assert")
        instead = f", or softgrad.testing.{asserts} in a test" if asserts.startswith("assert") else ""
        raise TypeError(f"{self.function}: a report is neither true nor false; use report.ok{instead}")

    def _styled(self, width: int) -> Text:
        from rich.text import Text

        return Text.assemble(*spans(self._summary(), width))


def _line(line: SourceLine | None) -> dict[str, Any] | None:
    if line is None:
        return None
    return {
        "file": line.file,
        "number": line.number,
        "text": line.text,
        "function": line.function,
        "notes": list(line.notes),
        "mended": line.mended,
    }


def _number(value: float) -> float | str:
    value = float(value)
    return value if math.isfinite(value) else str(value)
