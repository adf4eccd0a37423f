"""The command line: one file a command. An error is one line on standard error, and exit code 2."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from softgrad import __version__
from softgrad.cli.predict import predict
from softgrad.cli.train import train
from softgrad.errors import SoftgradError

INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    help="Softmax classifiers whose gradients are checked before they are trusted.",
    no_args_is_help=True,
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


def main() -> None:
    """The entry point of the command `softgrad`."""
    try:
        status = app(standalone_mode=False) or 0
        sys.stdout.flush()
    except typer.TyperException as error:
        status = _fail(error.format_message())
    except SoftgradError as error:
        status = _fail(str(error))
    except BrokenPipeError:  # the reader of our output, `head` say, has gone: let nothing be flushed to it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    if status == INTERRUPTED:
        _fail("stopped; nothing was written")
    sys.exit(status)


def _fail(message: str) -> int:
    typer.echo(f"softgrad: {message}", err=True)
    return 2
