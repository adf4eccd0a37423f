"""`softgrad explore`: the derivation as a page with sliders, in the user's browser."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from softgrad import explanation
from softgrad.cli.numbers import integer_option
from softgrad.errors import MissingPackageError

PAGE = Path(explanation.__file__).parent / "explore.py"


def explore(
    port: Annotated[int | None, integer_option("Port of the server.  [default: a free port]", min=1, max=65535)] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
) -> None:
    """Open a page that explains the gradient, with a slider for each logit. Ctrl-C stops the server."""
    if find_spec("marimo") is None:
        raise MissingPackageError("explore: marimo is not installed; python -m pip install 'softgrad[explore]'")
    command = [sys.executable, "-m", "marimo", "run", str(PAGE), "--no-token"]
    command += ["--port", str(port)] if port is not None else []
    command += ["--headless"] if headless else []
    os.execv(sys.executable, command)  # replaces this process, so that a signal to it reaches the server
