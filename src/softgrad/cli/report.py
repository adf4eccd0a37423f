"""`softgrad report`: the report of a training run, as a page and as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from softgrad.cli.console import output
from softgrad.cli.training.reports import write_report


def report(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that softgrad train wrote.")],
) -> None:
    """Write the report of a training run into its folder: report.html, and the same as report.md.

    It shows the results, the losses of the epochs, the calibration, the worst mistakes, which columns matter, and how
    the columns were read. The page needs no network. softgrad train writes it too, unless it is told --no-report.
    """
    output(f"report in {write_report(run)}")
