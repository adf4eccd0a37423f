"""`softgrad train`: reads a table, checks the gradient of a network, trains it, and measures its accuracy."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from pathlib import Path
from typing import Annotated, Any

import typer

from softgrad.cli.numbers import number_option
from softgrad.cli.training import steps
from softgrad.cli.training.config import RUN, RunConfig
from softgrad.cli.training.folder import CONFIG, unfinished_folder
from softgrad.cli.training.toml import use_file
from softgrad.errors import OptionError

WITH_RESUME = ("resume", "checkpoint_seconds", "report")  # the options that may be given together


def use_run(ctx: typer.Context, path: Path | None) -> Path | None:
    """Makes the options of an unfinished run those of the command."""
    if path is not None:
        use_file(ctx, unfinished_folder(path).unfinished / CONFIG)
    return path


def train(
    ctx: typer.Context,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            help="A TOML file with options, such as the config.toml of a run; those on the command line win.",
            is_eager=True,
            callback=use_file,
            rich_help_panel=RUN,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the run, new or empty.  [default: softgrad-runs/NAME, or NAME-2, ... if that exists]",
            rich_help_panel=RUN,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Go on with an unfinished run, to the result that it would have had. Its options hold.",
            metavar="DIR",
            is_eager=True,
            callback=use_run,
            rich_help_panel=RUN,
        ),
    ] = None,
    checkpoint_seconds: Annotated[
        float | None,
        number_option(
            "Save the training whenever so many seconds have passed, within epochs too.  [default: after an epoch, at "
            "most once per second]",
            such_as="60",
            panel=RUN,
        ),
    ] = None,
    report: Annotated[
        bool,
        typer.Option(help="Whether to write report.html, report.md and details.json.", rich_help_panel=RUN),
    ] = True,
    **options: Any,
) -> int:
    """Check the gradient of a network, then train it on DATA.

    The gradient is compared with central differences in float64: every entry of up to 10,000 parameters; of more, a
    sample of each array and random projections of it, in which every entry counts. Training stops when the validation
    loss has not fallen for --patience epochs; the parameters of the best epoch are kept. Numbers are
    standardised, categories are one-hot encoded, and identifiers are left out; the output says which columns are
    what. At the end, the test set is measured, beside what always
    answering the commonest class reaches.
    """
    if checkpoint_seconds is not None and not checkpoint_seconds >= 0:
        raise OptionError(f"train: --checkpoint-seconds is {checkpoint_seconds}, wanted 0 or a positive number")
    if resume is not None:
        _refuse_others(ctx)
    return steps.train(RunConfig(**options), out, report=report, resume=resume, checkpoint_seconds=checkpoint_seconds)


def _refuse_others(ctx: typer.Context) -> None:
    """Raises OptionError if --resume is given with options that the run has already."""
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(parameter.name or "")
        if parameter.name not in WITH_RESUME and source is not None and source.name == "COMMANDLINE":
            name = f"--{parameter.name}".replace("_", "-") if parameter.param_type_name == "option" else "DATA"
            raise OptionError(
                f"train: {name} is given with --resume, which goes on with the options of the run; leave it out"
            )


def _declare_options() -> None:
    """Gives `train`, for typer, a parameter for each field of RunConfig in place of **options."""
    kinds = typing.get_type_hints(RunConfig, include_extras=True)
    fields = [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=kinds[each.name])
        for each in dataclasses.fields(RunConfig)
    ]
    first, *own = inspect.signature(train, eval_str=True).parameters.values()
    parameters = [first, *fields, *(each for each in own if each.kind is each.KEYWORD_ONLY)]
    train.__annotations__ = {each.name: each.annotation for each in parameters}
    train.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]


_declare_options()
