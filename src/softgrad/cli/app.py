"""The command `softgrad` as a typer application, and how it reports errors."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from softgrad import __version__
from softgrad.cli.check import check
from softgrad.cli.explain import explain
from softgrad.cli.explore import explore
from softgrad.cli.predict import predict
from softgrad.cli.train import train
from softgrad.errors import SoftgradError

INTERRUPTED = 130  # the exit code that typer returns after Ctrl-C

app = typer.Typer(
    help="Train softmax classifiers, check hand-written gradients, and explain how a gradient is derived.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"softgrad {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command()(train)
app.command()(predict)
app.command()(check)
app.command(context_settings={"ignore_unknown_options": True})(explain)  # so that -1 is a logit
app.command()(explore)


def run() -> int:
    """Runs the command that the arguments name, and returns its exit code. An error is one line on standard error."""
    try:
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
        sys.stdout.flush()
    except typer.TyperException as error:
        status = _fail(error.format_message())
    except SoftgradError as error:
        status = _fail(str(error))
    except OSError as error:
        if (
            error.filename is None
        ):  # standard output failed: its reader has exited or the disk is full; discard the rest
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # `head` exits once it has read enough; typer and rich then return 1.
        reader_exited = isinstance(error, BrokenPipeError)
        status = 1 if reader_exited else _fail(f"{error.filename or 'standard output'}: {error.strerror}")
    except MemoryError as error:
        status = _fail(f"not enough memory: {error}; use fewer hidden units or rows")
    if status == INTERRUPTED:
        _fail("stopped; nothing was written")
    return status


def _fail(message: str) -> int:
    typer.echo(f"softgrad: {message}", err=True)
    return 2
