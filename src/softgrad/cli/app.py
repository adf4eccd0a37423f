"""The command `softgrad` as a typer application, and how it reports errors."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from softgrad import __version__, _files
from softgrad._messages import one_line, quoted
from softgrad.cli.check import check
from softgrad.cli.evaluate import evaluate
from softgrad.cli.explain import explain
from softgrad.cli.explore import explore
from softgrad.cli.export import export
from softgrad.cli.info import info
from softgrad.cli.interrupt import INTERRUPTED, Stopped
from softgrad.cli.names import NumbersCommand
from softgrad.cli.panels import PanelsCommand
from softgrad.cli.predict import predict
from softgrad.cli.report import report
from softgrad.cli.train import train
from softgrad.cli.usage import usage_message
from softgrad.errors import SoftgradError

WRITING = ("--out", "--html", "--markdown", "--latex")  # options of a file to write

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


app.command(cls=PanelsCommand)(train)
app.command()(predict)
app.command(short_help="Measure a trained model on DATA.")(evaluate)
app.command(short_help="Show what is in a trained model.")(info)
app.command(short_help="Write a trained model as ONNX.")(export)
app.command(short_help="Write the report of a training run.")(report)
app.command()(check)
app.command(
    cls=NumbersCommand,
    context_settings={"ignore_unknown_options": True},  # so that -1 is a logit
    short_help="Derive a gradient step by step, with your numbers.",
)(explain)
app.command(short_help="Open a page with sliders that explains the gradient.")(explore)


def run() -> int:
    """Runs the command that the arguments name, and returns its exit code. An error is one line on standard error."""
    _files.written.clear()
    try:
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
        sys.stdout.flush()
    except Stopped as stopped:
        _fail(str(stopped))
        return INTERRUPTED
    except KeyboardInterrupt:
        status = INTERRUPTED
    except typer.TyperException as error:
        status = _fail(usage_message(error, sys.argv[1:]))
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
    except UnicodeEncodeError as error:
        way_out = "set PYTHONIOENCODING=utf-8"
        status = _fail(
            f"standard output cannot show {quoted(error.object[error.start])} in {error.encoding}; {way_out}"
        )
    except MemoryError as error:
        status = _fail(f"not enough memory: {error}; use fewer hidden units, rows or classes")
    if status == INTERRUPTED:
        _fail(_stopped(sys.argv[1:]))
    return status


def _stopped(arguments: list[str]) -> str:
    """What Ctrl-C has left behind. Only what the command writes to files is known; a user's file may do anything."""
    if _files.written:
        return f"stopped; written before that: {', '.join(map(str, _files.written))}"
    writes = "train" in arguments[:1] or any(text.split("=")[0] in WRITING for text in arguments)
    return "stopped; nothing was written" if writes else "stopped"


def _fail(message: str) -> int:
    typer.echo(f"softgrad: {one_line(message)}", err=True)
    return 2
