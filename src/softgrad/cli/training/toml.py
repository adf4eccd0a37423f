"""The options of a run as a TOML file: read for --config, and written to every run as config.toml."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import typer

from softgrad import __version__
from softgrad._files import read_whole
from softgrad._messages import one_line, quoted
from softgrad._options import closest
from softgrad.cli.training.config import RunConfig
from softgrad.cli.usage import misfit
from softgrad.errors import OptionError

FIELDS = [*(field.name for field in dataclasses.fields(RunConfig)), "report"]


def use_file(ctx: typer.Context, path: Path | None) -> Path | None:
    """Makes the values of a file the defaults of the options: what is on the command line wins.

    Raises:
        OptionError: the file cannot be read, or holds something other than options and their values.
    """
    if path is None:
        return None
    parameters = {parameter.name: parameter for parameter in ctx.command.params}
    values: dict[str, Any] = {}
    for key, value in _read(path).items():
        name = key.replace("-", "_")
        if name not in FIELDS:
            near = closest(name, FIELDS)
            way_out = f"did you mean {near}?" if near else "softgrad train --help lists the options"
            raise OptionError(f"train: {path} has an option {quoted(key)}, which does not exist; {way_out}")
        values[name] = _as_given(value, several=parameters[name].multiple)
        try:
            parameters[name].process_value(ctx, values[name])
        except typer.BadParameter as error:
            raise OptionError(f"train: {path}: {key} {misfit(error)}") from error
    ctx.default_map = values
    return path


def to_bytes(config: RunConfig, *, report: bool) -> bytes:
    """The content of a file with which `softgrad train --config` repeats a run, and --resume goes on with it."""
    import tomlkit

    given = {**dataclasses.asdict(config), "report": report}
    values = {name: value for name, value in given.items() if value is not None}
    head = f"# softgrad {__version__}. To repeat this run: softgrad train --config FILE, where FILE is this file.\n"
    return (head + tomlkit.dumps(values)).encode(errors="surrogateescape")  # a file's name need not be UTF-8


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_whole(path).decode(errors="surrogateescape"))
    except OSError as error:
        raise OptionError(f"train: {path} cannot be read: {error.strerror}; give a TOML file as --config") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise OptionError(
            f'train: {path} is not TOML: {one_line(str(error), 200)}; wanted lines such as target = "species"'
        ) from error


def _as_given(value: Any, *, several: bool) -> Any:
    """A value as the command line would give it: [64, 32] for the text 64,32, and "a" for ["a"]."""
    if several:
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return ",".join(map(str, value)) if isinstance(value, list) else value
