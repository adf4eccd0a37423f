"""Options whose value is a number, written as in a table: typer alone also reads 1_000 and digits of other scripts."""

from __future__ import annotations

from typing import Any

import typer

from softgrad._messages import quoted
from softgrad._numerals import to_integer, to_number


def integer_option(help: str, *, min: int, max: int | None = None, panel: str | None = None) -> Any:
    """An option whose value is an integer from `min` to `max`."""
    wanted = f"an integer of at least {min}" if max is None else f"an integer from {min} to {max}"

    def parse(text: str) -> int:
        value = to_integer(str(text))  # a default is an integer
        if value is None or value < min or (max is not None and value > max):
            raise typer.BadParameter(f"it is {quoted(text)}, wanted {wanted}")
        return value

    return typer.Option(help=help, parser=parse, metavar="<int>", rich_help_panel=panel)


def number_option(help: str, *, such_as: str, panel: str | None = None) -> Any:
    """An option whose value is a finite number."""

    def parse(text: str) -> float:
        value = to_number(str(text))
        if value is None:
            raise typer.BadParameter(f"it is {quoted(text)}, wanted a number such as {such_as}")
        return value

    return typer.Option(help=help, parser=parse, metavar="<float>", rich_help_panel=panel)
