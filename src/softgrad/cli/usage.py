"""What is wrong with a command line, in one sentence: the command, the option, what it is, and what is wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperOption

from softgrad._messages import quoted
from softgrad._options import closest
from softgrad.cli.names import unknown_command, unknown_option

NO_CHOICE = re.compile(r"'(.*)' is not one of (.*)", re.DOTALL)


def usage_message(error: Any, arguments: list[str]) -> str:
    """The sentence for an error of typer's."""
    message: str = error.format_message()
    alone = re.match(r"Option '(.*)' (requires an argument|does not take a value)", message)
    if alone:
        return (
            f"{alone[1]} has no value; write {alone[1]} VALUE" if alone[2][0] == "r" else f"{alone[1]} takes no value"
        )
    if error.ctx is None:
        return message
    command, parameter = error.ctx.command, getattr(error, "param", None)
    if message.startswith("No such option"):
        return unknown_option(command, error.option_name)
    if message.startswith("No such command"):
        return unknown_command(command, arguments)
    if message.startswith("Missing ") and parameter is not None:
        return f"{command.name}: {_name(parameter)} is missing; wanted {_first_sentence(parameter.help)}"
    if isinstance(error, typer.BadParameter) and parameter is not None:
        return f"{command.name}: {_name(parameter)} {misfit(error)}"
    extra = re.match(r"Got unexpected extra argument.*? \((.*)\)$", message)
    if extra:
        return f"{command.name}: unexpected argument {quoted(extra[1])}; --help shows what it takes"
    return message


def misfit(error: Any) -> str:
    """What the value of an option is, and what is wanted: "is 'rleu', wanted one of relu, tanh; did you mean relu?"."""
    message = str(error.message).removeprefix("Value error, ")
    found = NO_CHOICE.fullmatch(message)
    return no_choice(found[1], re.findall("'(.*?)'", found[2])) if found else message.removeprefix("it ")


def no_choice(value: str, choices: Sequence[str]) -> str:
    """What is said of a value that is none of the choices."""
    near = closest(value, choices)
    return f"is {quoted(value)}, wanted one of {', '.join(choices)}" + (f"; did you mean {near}?" if near else "")


def _name(parameter: Any) -> str:
    """What the user calls a parameter: --target, DATA."""
    if isinstance(parameter, TyperOption):
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper()).strip("[]{}.")


def _first_sentence(help: str | None) -> str:
    text = (help or "a value").partition(". ")[0].rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
