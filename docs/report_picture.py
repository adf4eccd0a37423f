"""Draws the picture in the README: `python docs/report_picture.py`. A test compares it with the report."""

import contextlib
import inspect
import io
import re
import runpy
from pathlib import Path

from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.syntax import Syntax

EXAMPLE = Path(__file__).parent / "examples" / "diagonal_alone.py"
PICTURE = Path(__file__).parent / "images" / "report.svg"
WIDTH = 98  # columns; a report has 96
FONT_FACES = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)  # rich loads its font from another server


def draw() -> str:
    """The backward pass of the example, and its report as a terminal shows it, in SVG."""
    with contextlib.redirect_stdout(io.StringIO()):
        example = runpy.run_path(str(EXAMPLE))
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    code = inspect.getsource(example["softmax_backward"])
    call = next(line for line in EXAMPLE.read_text().splitlines() if "check_vjp" in line)
    console.print(Syntax(f"{code}\n{call}\nprint(report)", "python", theme="ansi_dark", background_color="default"))
    console.print()
    console.print(example["report"])
    svg = console.export_svg(title="", code_format=FONT_FACES.sub("", CONSOLE_SVG_FORMAT), unique_id="report")
    return re.sub(r"[ \t]+\n", "\n", svg)


if __name__ == "__main__":
    PICTURE.write_text(draw())
