"""Reading and writing whole files, so that a failure or a kill leaves the old content or the new, and no part of it.

A new file is written under a temporary name in the folder of its target, synced, and renamed to the target, and then
the folder is synced. A symbolic link is followed: its target is replaced, and the link stays. A file that exists keeps
its mode, and where the system permits it its owner. What is no regular file, such as a device, a FIFO or an open file
descriptor (/dev/stdout), is written to as a stream.

While a run writes, it holds a lock on the folder. Temporary files, .softgrad-*.tmp, that are there when it gets the
lock are those of runs that were killed, and are removed.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from softgrad.errors import WriteError

PREFIX, SUFFIX = ".softgrad-", ".tmp"
LOCK_TRIES, LOCK_WAIT = 200, 0.05  # seconds between tries; a run holds the lock while it writes, not while it computes
CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF)  # file systems without a sync of folders

Content: TypeAlias = bytes | Iterable[bytes]  # of a file: all of it, or its blocks, which nothing has to compute

written: list[Path] = []  # what this process has written, for the message after Ctrl-C


def write_whole(path: Path, data: Content) -> None:
    """Writes one file; see `write_together`."""
    write_together({path: data})


def write_together(files: Mapping[Path, Content]) -> None:
    """Writes several files as one: after an error all of them are as they were.

    All files are written under temporary names first. Then the targets but the first are put aside, the first is
    replaced, and the others are moved into the free places. After a kill in between, the files that are there are all
    old or all new; the others are missing. Streams are written to before any file is replaced.

    Raises:
        WriteError: a file cannot be written, or two of the files are the same.
    """
    targets = {path: _target(path) for path in files}
    _check_different(targets)
    for path, target in targets.items():
        if target.is_stream:
            with _explained(path):
                _write_stream(path, files[path])
    regular = {path: target for path, target in targets.items() if not target.is_stream}
    with ExitStack() as stack:
        for path, target in regular.items():
            with _explained(path):
                stack.enter_context(new_folders(target.path.parent))
        for folder in sorted({target.path.parent for target in regular.values()}):
            with _explained(folder):
                stack.enter_context(_locked(folder))
        moves = [(path, target.path, stack.enter_context(_temporary(path, target, files[path])))
                 for path, target in regular.items()]  # fmt: skip
        with interrupt_later():
            _rename(moves)
            written.extend(files)


def check_writable(*paths: Path) -> None:
    """Checks that files can be written at these paths, whose folders need not exist yet. Nothing is left behind.

    Raises:
        WriteError: a file cannot be written.
    """
    for path in paths:
        target = _target(path)
        if not target.is_stream:
            folder = target.path.parent
            with _explained(path):
                tempfile.TemporaryFile(dir=next(f for f in (folder, *folder.parents) if os.path.lexists(f))).close()


def read_whole(path: Path) -> bytes:
    """The content of a file, or what a pipe brings until it ends.

    Raises:
        OSError: it cannot be read; it is a device; it is a FIFO to which no program writes, which would never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if stat.S_ISREG(kind):
            return file.read()
        if not stat.S_ISFIFO(kind):
            raise OSError(errno.EINVAL, "it is a device, wanted a file", str(path))
        first = b""
        with suppress(BlockingIOError):
            first = os.read(descriptor, 1 << 16)
            if not first:
                raise OSError(errno.ENXIO, "it is a FIFO that no program writes to; start its writer first", str(path))
        os.set_blocking(descriptor, True)
        return first + file.read()


@contextmanager
def new_folders(folder: Path) -> Iterator[None]:
    """Makes the folder and those above it. After an error, those that were made are removed."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing:
            sync_folder(each.parent)
        yield
    except BaseException:
        for each in missing:
            with suppress(OSError):
                each.rmdir()
        raise


def unused_name(folder: Path) -> Path:
    """A temporary name in the folder."""
    return folder / f"{PREFIX}{os.urandom(8).hex()}{SUFFIX}"


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise


@contextmanager
def interrupt_later() -> Iterator[None]:
    """Ctrl-C takes effect at the end of the block, so that it never falls between two renames."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    received: list[tuple[Any, ...]] = []
    signal.signal(signal.SIGINT, lambda *arguments: received.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if received:
            handler(*received[0])


class _Target(NamedTuple):
    """Where a path leads."""

    path: Path  # of the file, after symbolic links; that of a stream as it was given
    status: os.stat_result | None  # None if there is nothing yet
    is_stream: bool


def _target(path: Path) -> _Target:
    with _explained(path):
        try:
            status = path.stat()
        except FileNotFoundError:
            return _Target(Path(os.path.realpath(path)), None, False)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode) or _descriptor(path) is not None:
            return _Target(path, status, True)
        if not os.access(path, os.W_OK):
            raise OSError(errno.EACCES, "it is write-protected")
        return _Target(Path(os.path.realpath(path)), status, False)


def _check_different(targets: Mapping[Path, _Target]) -> None:
    seen: dict[Path, Path] = {}
    for path, target in targets.items():
        if target.path in seen:
            raise WriteError(f"{path} and {seen[target.path]} are the same file; choose two paths")
        seen[target.path] = path


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns an error of the system into one sentence about `path`."""
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}; choose another path") from error


def _descriptor(path: Path) -> int | None:
    """The number of the open file that a path such as /dev/stdout or /dev/fd/3 stands for."""
    if str(path.parent) in ("/dev/fd", "/proc/self/fd") and path.name.isdecimal():
        return int(path.name)
    return {"/dev/stdout": 1, "/dev/stderr": 2}.get(str(path))


def _write_stream(path: Path, data: Content) -> None:
    """Writes to a device, a pipe or an open file. A FIFO without a reader is refused, since opening it would wait."""
    number = _descriptor(path)
    try:
        if number is None:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            os.set_blocking(descriptor, True)
        else:
            descriptor = os.dup(number)
    except OSError as error:
        if error.errno == errno.ENXIO and stat.S_ISFIFO(path.stat().st_mode):
            raise OSError(errno.ENXIO, "it is a FIFO that no program reads; start its reader first") from error
        raise
    try:
        _write_all(descriptor, data)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: Content) -> None:
    for block in [data] if isinstance(data, bytes) else data:
        left = memoryview(block)
        while left:
            left = left[os.write(descriptor, left) :]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the lock on a folder, and removes what killed runs have left in it.

    Where the system cannot lock the folder, nothing is locked and nothing removed.
    """
    import fcntl  # no system but Unix has it

    descriptor = None
    try:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if descriptor is not None and _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
            for left in list(folder.glob(f"{PREFIX}*{SUFFIX}")):
                with suppress(OSError):
                    left.unlink()
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(descriptor: int, how: int) -> bool:
    import fcntl

    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            time.sleep(LOCK_WAIT)
        except OSError:  # a file system without locks
            return False
        else:
            return True
    raise OSError(errno.EAGAIN, "another program holds the lock on this folder; wait for it to end")


@contextmanager
def _temporary(path: Path, target: _Target, data: Content) -> Iterator[Path]:
    """A synced file with this content next to the target, with the target's mode; removed at the end if still there."""
    temporary = unused_name(target.path.parent)
    try:
        with _explained(path):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                if target.status is not None:
                    _keep_owner_and_mode(descriptor, target.status)
                _write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink()


def _keep_owner_and_mode(descriptor: int, old: os.stat_result) -> None:
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _rename(moves: Sequence[tuple[Path, Path, Path]]) -> None:
    """Puts the new files in the places of the old ones: (path, target, new). After an error, all is as it was."""
    kept: dict[Path, Path] = {}  # target: the name under which its old file is kept meanwhile
    placed: list[Path] = []
    try:
        for path, target, _ in moves[1:]:
            if os.path.lexists(target):
                with _explained(path):
                    kept[target] = unused_name(target.parent)
                    target.replace(kept[target])
                    sync_folder(target.parent)
        for i, (path, target, new) in enumerate(moves):
            if i == 0 and len(moves) > 1 and os.path.lexists(target):
                with suppress(OSError):  # a file system without links
                    old = unused_name(target.parent)
                    os.link(target, old)
                    kept[target] = old
            with _explained(path):
                new.replace(target)
                placed.append(target)
                sync_folder(target.parent)
    except BaseException:
        for target in set(placed) - set(kept):
            with suppress(OSError):
                if len(moves) > 1:
                    target.unlink()
        for target, old in kept.items():
            with suppress(OSError):
                old.replace(target)
                old.unlink(missing_ok=True)  # where both are names of one file, replace leaves both
        raise
    for old in kept.values():
        with suppress(OSError):
            old.unlink()
