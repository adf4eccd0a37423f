"""The folder of a run, which is made whole or not at all.

While a run is made, its folder has another name: NAME.unfinished beside NAME. It then holds config.toml, and after a
while checkpoint.safetensors, from which `softgrad train --resume` goes on. At its end it holds

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
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from softgrad import __version__, _files, nn
from softgrad.cli.interrupt import Stopped
from softgrad.cli.problem import Problem
from softgrad.cli.training import toml
from softgrad.cli.training.config import RunConfig
from softgrad.errors import OptionError, WriteError
from softgrad.nn import checkpoint
from softgrad.report import stored

MODEL, METRICS, DETAILS, CONFIG = "model.safetensors", "metrics.json", "details.json", "config.toml"
CHECKPOINT = "checkpoint.safetensors"  # while the run is made
UNFINISHED = ".unfinished"


class RunFolder:
    """The folder of a run.

    Args:
        path: its name at the end.
        name_is_free: whether another name will do if there is a run of this one.
        resumed: whether the run goes on, so that the folder is there.
    """

    def __init__(self, path: Path, *, name_is_free: bool = False, resumed: bool = False) -> None:
        self.path, self.name_is_free, self.resumed = path, name_is_free, resumed
        self.unfinished = _unfinished(path)

    @property
    def checkpoint(self) -> Path:
        """The file of the last checkpoint, which need not be there."""
        return self.unfinished / CHECKPOINT

    @contextmanager
    def made(self, config: RunConfig, *, report: bool) -> Iterator[None]:
        """Makes the folder under its name for unfinished runs, unless it is there.

        If the block fails, the folder is removed, unless it has a checkpoint or a model. The error then says how to go
        on.
        """
        with _files.new_folders(self.path.parent):
            if not self.resumed:
                self._make(toml.to_bytes(config, report=report))
            with self._in_use(), self._removed_after_an_error():
                yield

    def keep_last_good(self, problem: Problem, network: nn.Network, epoch: int) -> None:
        """Writes the model of a training that has diverged after this epoch. After epoch 0 there is none to keep."""
        if epoch:
            model = checkpoint.to_bytes(network, _facts(problem))
            _files.write_whole(self.unfinished / MODEL, model)
        self.checkpoint.unlink(missing_ok=True)  # to go on from it would diverge again

    def left_after_divergence(self, epoch: int) -> str:
        """What `keep_last_good` keeps, in words."""
        return f"the model after epoch {epoch} is in {self.unfinished}" if epoch else "nothing was written"

    def finish(self, files: Mapping[str, bytes]) -> None:
        """Writes the files of the run, gives the folder its name, and removes the checkpoint.

        Raises:
            WriteError: a file cannot be written.
        """
        _files.write_together({self.unfinished / name: data for name, data in files.items()})
        with _files.interrupt_later():
            for path in _numbered(self.path):
                with suppress(FileExistsError):  # there is a run or a file of this name
                    _rename(self.unfinished, path)
                    self.path = path
                    break
            _files.written[:] = [self.path]
            (self.path / CHECKPOINT).unlink(missing_ok=True)

    def _make(self, options: bytes) -> None:
        """Makes the folder, with config.toml in it, under a temporary name first."""
        temporary = _files.unused_name(self.path.parent)
        try:
            with _explained(self.unfinished):
                temporary.mkdir()
            _files.write_whole(temporary / CONFIG, options)
            for path in _numbered(self.path) if self.name_is_free else [self.path]:
                if not (self.name_is_free and os.path.lexists(path)):
                    with suppress(FileExistsError):
                        _rename(temporary, _unfinished(path))
                        self.path, self.unfinished = path, _unfinished(path)
                        return
            raise taken(self.unfinished)
        except WriteError as error:
            raise WriteError(str(error).replace(str(temporary), str(self.unfinished))) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            _files.written.clear()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Holds a lock on config.toml, so that no other process goes on with the run meanwhile."""
        with _explained(self.unfinished):
            file = (self.unfinished / CONFIG).open()
        with file:
            if not _lock(file):
                raise OptionError(f"train: another process trains in {self.unfinished}; wait for it to end")
            yield

    @contextmanager
    def _removed_after_an_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if not self.unfinished.exists():  # it has its name at the end
                raise
            if not any((self.unfinished / name).exists() for name in (CHECKPOINT, MODEL)):
                shutil.rmtree(self.unfinished, ignore_errors=True)
                _files.written.clear()
                raise
            if not self.checkpoint.exists():
                raise
            if isinstance(error, KeyboardInterrupt):
                raise Stopped(f"stopped; go on with {self._command()}") from error
            if isinstance(error, WriteError):
                reason = str(error).removesuffix("; choose another path")
                raise WriteError(f"{reason}; the last checkpoint is whole: go on with {self._command()}") from error
            raise

    def _command(self) -> str:
        return f"softgrad train --resume {shlex.quote(str(self.unfinished))}"


def new_folder(data: str, out: Path | None) -> RunFolder:
    """The folder of a new run.

    Args:
        data: the table, whose name is the default name of the run: softgrad-runs/table, of folder/table.csv.gz.
        out: the folder in place of that, which is new or empty.

    Raises:
        OptionError: `out` is neither new nor empty, or has the name of an unfinished run.
        WriteError: the folder cannot be written.
    """
    name = "standard-input" if data == "-" else Path(data.removesuffix(".gz")).stem.removesuffix(UNFINISHED)
    path = Path("softgrad-runs") / (name or "run") if out is None else _new_or_empty(out)
    folder = RunFolder(path, name_is_free=out is None)
    if out is not None and os.path.lexists(folder.unfinished):
        raise taken(folder.unfinished)
    _files.check_writable(folder.unfinished if path.exists() else path)
    return folder


def taken(unfinished: Path) -> OptionError:
    """The error that a run which is to be made is there, unfinished."""
    with suppress(OSError), (unfinished / CONFIG).open() as file:
        if not _lock(file):
            return OptionError(
                f"train: another process trains in {unfinished}; wait for it to end, or choose another --out"
            )
    return OptionError(f"train: {unfinished} is there, from an unfinished run; remove it, or choose another --out")


def unfinished_folder(given: Path) -> RunFolder:
    """The folder of a run that is to go on, given with or without the ending .unfinished.

    Raises:
        OptionError: there is no such run, or it is finished.
        WriteError: its folder cannot be written.
    """
    path = Path(os.path.normpath(given))
    if path.name in ("", ".."):  # such as the folder that the user is in
        path = Path(os.path.abspath(given))  # noqa: PTH100
    for link in (path, path.parent / f"{path.name}{UNFINISHED}"):
        if link.is_symlink():
            path = Path(os.path.realpath(link))
    if not path.name:
        raise _no_run(given)
    if not path.name.endswith(UNFINISHED) and not _unfinished(path).is_dir() and (path / METRICS).exists():
        raise OptionError(f"train: the run in {given} is finished; its model is {path / MODEL}")
    folder = RunFolder(path.with_name(path.name.removesuffix(UNFINISHED)), resumed=True)
    if not (folder.unfinished / CONFIG).exists():
        raise _no_run(given)
    _files.check_writable(folder.checkpoint)
    return folder


def _no_run(given: Path) -> OptionError:
    return OptionError(
        f"train: --resume is {given}, where no unfinished run is; wanted a folder whose name ends in {UNFINISHED}"
    )


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
    facts = {**_facts(problem), "temperature": metrics["temperature"], "metrics": metrics}
    model = checkpoint.to_bytes(network, facts)
    checksum = checkpoint.checksum(model)
    report = {**metrics, **record, "model_sha256": checksum}
    files = {MODEL: model, METRICS: (json.dumps(report, indent=2) + "\n").encode()}
    return files if details is None else {**files, DETAILS: stored.to_bytes(details, checksum)}


def _facts(problem: Problem) -> dict[str, Any]:
    return {"version": __version__, "classes": problem.classes, "encoding": problem.encoding.to_json()}


def _new_or_empty(out: Path) -> Path:
    path = Path(os.path.normpath(out))
    if path.name.endswith(UNFINISHED):
        raise OptionError(f"train: --out is {out}, but only unfinished runs end in {UNFINISHED}; choose another name")
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


def _lock(file: IO[str]) -> bool:
    """Locks the config.toml of a run until it is closed. False if another process, which trains there, has done so."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}; choose another path") from error
