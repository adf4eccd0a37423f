"""Names of options and commands that do not exist, each with the name that was probably meant."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from softgrad._messages import quoted
from softgrad._options import TRANSLATED, closest
from softgrad.errors import OptionError


class NumbersCommand(TyperCommand):
    """A command whose arguments may be negative numbers. Therefore typer ignores unknown options, and this does not."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuses unknown options before typer looks for missing ones."""
        for text in args:
            if text == "--":
                break
            if text.startswith("--") and text.partition("=")[0] not in _options(self):
                raise OptionError(unknown_option(self, text.partition("=")[0]))
        return super().parse_args(ctx, args)


def unknown_option(command: Any, name: str) -> str:
    """The message that a command has no such option."""
    options = _options(command)
    here = "--" + TRANSLATED.get(name[2:].replace("-", "_"), "").replace("_", "-")
    near = here if here in options else closest(name, options) if name.startswith("--") else None
    way_out = f"did you mean {near}?" if near else "--help lists the options"
    of = "" if hasattr(command, "commands") else f"{command.name}: "
    return f"{of}no such option {quoted(name)[1:-1]}; {way_out}"


def unknown_command(group: Any, arguments: list[str]) -> str:
    """The message that there is no such command."""
    name = next((text for text in arguments if not text.startswith("-")), "")
    near = closest(name, group.commands)
    guess = f"did you mean {near}?" if near else f"wanted one of {', '.join(group.commands)}"
    return f"no such command {quoted(name)}; {guess}"


def _options(command: Any) -> list[str]:
    """The long options of a command."""
    names = [name for parameter in command.get_params(_context(command)) for name in parameter.opts]
    return [name for name in names if name.startswith("--")]


def _context(command: Any) -> Any:
    return command.context_class(command)
