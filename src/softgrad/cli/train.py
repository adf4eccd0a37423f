"""`softgrad train`: reads a table, checks the gradient of a network, trains it, and measures its accuracy."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from pathlib import Path
from typing import Annotated, Any

import typer

from softgrad.cli.training import steps
from softgrad.cli.training.config import RUN, RunConfig
from softgrad.cli.training.toml import use_file


def train(
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
    return steps.train(RunConfig(**options), out, report=report)


def _declare_options() -> None:
    """Gives `train`, for typer, a parameter for each field of RunConfig in place of **options."""
    kinds = typing.get_type_hints(RunConfig, include_extras=True)
    fields = [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=kinds[each.name])
        for each in dataclasses.fields(RunConfig)
    ]
    own = inspect.signature(train, eval_str=True).parameters.values()
    parameters = [*fields, *(each for each in own if each.kind is each.KEYWORD_ONLY)]
    train.__annotations__ = {each.name: each.annotation for each in parameters}
    train.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]


_declare_options()
