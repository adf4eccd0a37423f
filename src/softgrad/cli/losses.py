"""The losses of the table as the values of an option."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import typer

from softgrad.cli.usage import no_choice
from softgrad.formulas.losses import LOSSES


def loss_option(names: Iterable[str], help: str, panel: str | None = None) -> Any:
    """An option whose value is one of these losses, as it is called on the command line: "cross-entropy"."""
    choices = [LOSSES[name].command_name for name in names]

    def parse(value: str) -> str:
        if value not in choices:
            raise typer.BadParameter(f"it {no_choice(value, choices)}")
        return value

    return typer.Option(help=help, parser=parse, metavar=f"[{'|'.join(choices)}]", rich_help_panel=panel)


def loss_name(command_name: str) -> str:
    """The name of the loss's function."""
    return next(name for name, row in LOSSES.items() if row.command_name == command_name)
