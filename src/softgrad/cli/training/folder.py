"""The folder of a run, which is made whole or not at all.

While a run is made, its folder has another name: NAME.unfinished beside NAME. At its end it holds

    model.safetensors    the network, its classes and columns, and the metrics
    metrics.json         the metrics, the history of every epoch, and how long it took
    details.json         what its report shows beside them, unless it is to have none
    config.toml          the options, with which `softgrad train --config` repeats the run

and is renamed to NAME, or to NAME-2, NAME-3, ... if there is a NAME by then: no run is ever written over another.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from softgrad import __version__, _files, nn
from softgrad.cli.problem import Problem
from softgrad.cli.training import toml
from softgrad.cli.training.config import RunConfig
from softgrad.errors import OptionError, WriteError
from softgrad.nn import checkpoint
from softgrad.report import stored

MODEL, METRICS, DETAILS, CONFIG = "model.safetensors", "metrics.json", "details.json", "config.toml"
UNFINISHED = ".unfinished"


class RunFolder:
    """The folder of a run.

    Args:
        data: the table, whose name is the default name of the run: softgrad-runs/table, of folder/table.csv.gz.
        out: the folder in place of that, which is new or empty.

    Raises:
        OptionError: `out` is neither new nor empty.
        WriteError: the folder cannot be written.
    """

    def __init__(self, data: str, out: Path | None) -> None:
        name = "standard-input" if data == "-" else Path(data.removesuffix(".gz")).stem
        self.path = Path("softgrad-runs") / (name or "run") if out is None else _new_or_empty(out)
        self.has_default_name = out is None
        self.unfinished = _unfinished(self.path)
        if out is not None and os.path.lexists(self.unfinished):
            raise self._taken()
        _files.check_writable(self.unfinished if self.path.exists() else self.path)

    @contextmanager
    def made(self, config: RunConfig) -> Iterator[None]:
        """Makes the folder under its name for unfinished runs. If the block fails, it is removed."""
        with _files.new_folders(self.path.parent):
            self._make()
            try:
                _files.write_whole(self.unfinished / CONFIG, toml.to_bytes(config))
                yield
            except BaseException:
                shutil.rmtree(self.unfinished, ignore_errors=True)
                raise

    def finish(self, files: Mapping[str, bytes]) -> None:
        """Writes the files of the run, and gives the folder its name.

        Raises:
            WriteError: a file cannot be written.
        """
        _files.write_together({self.unfinished / name: data for name, data in files.items()})
        for path in _numbered(self.path):
            with suppress(FileExistsError, NotADirectoryError):  # there is a run or a file of this name
                _rename(self.unfinished, path)
                self.path = path
                break
        _files.written[:] = [self.path]

    def _make(self) -> None:
        for path in _numbered(self.path) if self.has_default_name else [self.path]:
            if self.has_default_name and os.path.lexists(path):
                continue
            self.path, self.unfinished = path, _unfinished(path)
            with _explained(self.unfinished), suppress(FileExistsError):
                self.unfinished.mkdir()
                return
        raise self._taken()

    def _taken(self) -> OptionError:
        return OptionError(f"train: {self.unfinished} is there already, from an unfinished run; choose another --out")


def contents(
    problem: Problem,
    network: nn.Network,
    metrics: Mapping[str, Any],
    record: Mapping[str, Any],
    details: Mapping[str, Any] | None,
) -> dict[str, bytes]:
    """The files of a run, by name.

    The model holds the metrics too. metrics.json names the model that they belong to, by its checksum, and adds the
    record of the training, whose times would make two files of the same model differ.
    """
    facts = {
        "version": __version__,
        "classes": problem.classes,
        "encoding": problem.encoding.to_json(),
        "temperature": metrics["temperature"],
        "metrics": metrics,
    }
    model = checkpoint.to_bytes(network, facts)
    checksum = checkpoint.checksum(model)
    report = {**metrics, **record, "model_sha256": checksum}
    files = {MODEL: model, METRICS: (json.dumps(report, indent=2) + "\n").encode()}
    return files if details is None else {**files, DETAILS: stored.to_bytes(details, checksum)}


def _new_or_empty(out: Path) -> Path:
    path = Path(os.path.normpath(out))
    with _explained(out):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise OptionError(f"train: --out is {out}, which is no folder; choose a new one")
        if path.is_dir() and any(path.iterdir()):
            raise OptionError(f"train: --out is {out}, which is not empty; choose a new folder")
        if path.is_dir() and (path.is_mount() or path.samefile(".")):
            raise OptionError(f"train: --out is {out}, which cannot be replaced; choose a new folder in it")
    return path


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + UNFINISHED)


def _numbered(path: Path) -> Iterator[Path]:
    """The name of a run, and those that it gets if there are runs of this name: digits, digits-2, ..."""
    yield path
    yield from (path.with_name(f"{path.name}-{i}") for i in itertools.count(2))


def _rename(old: Path, new: Path) -> None:
    """Renames a folder, unless there is a file or a folder with content of the new name."""
    try:
        old.rename(new)
    except OSError as error:
        if os.path.lexists(new) and (not new.is_dir() or any(new.iterdir())):
            raise FileExistsError from error
        raise WriteError(f"{new} cannot be written: {error.strerror or error}; choose another path") from error
    _files.sync_folder(new.parent)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}; choose another path") from error
