"""Draws the pictures of a report, for light and dark pages: `python docs/report_picture.py`. A test compares words."""

import contextlib
import inspect
import io
import re
import runpy
from pathlib import Path

from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.syntax import Syntax
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme

EXAMPLE = Path(__file__).parent / "examples" / "diagonal_alone.py"
FOLDER = Path(__file__).parent / "images"
THEMES = {"report.svg": (DEFAULT_TERMINAL_THEME, "ansi_light"), "report-dark.svg": (SVG_EXPORT_THEME, "ansi_dark")}
WIDTH = 98  # columns; a report has 96
FONT_FACES = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)  # rich loads its font from another server


def draw(theme: TerminalTheme, code_theme: str) -> str:
    """The backward pass of the example, and its report as a terminal shows it, in SVG."""
    with contextlib.redirect_stdout(io.StringIO()):
        example = runpy.run_path(str(EXAMPLE))
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    code = inspect.getsource(example["softmax_backward"])
    call = next(line for line in EXAMPLE.read_text().splitlines() if "check_vjp" in line)
    console.print(Syntax(f"{code}\n{call}\nprint(report)", "python", theme=code_theme, background_color="default"))
    console.print()
    console.print(example["report"])
    svg = console.export_svg(
        title="", theme=theme, code_format=FONT_FACES.sub("", CONSOLE_SVG_FORMAT), unique_id="report"
    )
    return re.sub(r"[ \t]+\n", "\n", svg)


if __name__ == "__main__":
    for name, themes in THEMES.items():
        (FOLDER / name).write_text(draw(*themes))
