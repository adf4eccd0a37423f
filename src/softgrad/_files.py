"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from softgrad.errors import WriteError


def write_whole(path: Path, data: bytes) -> None:
    """Writes `data` to a temporary name beside `path`, then renames it: a reader never meets half a file.

    Raises:
        WriteError: the folder or the file cannot be written; a file that stood there is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
            temporary = Path(folder) / path.name
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror}; give another place") from error


def check_writable(folder: Path) -> None:
    """Finds out whether `folder`, which need not exist yet, can be written to; leaves nothing behind.

    Raises:
        WriteError: it cannot.
    """
    nearest = folder
    try:
        nearest = next(path for path in [folder, *folder.absolute().parents] if path.exists())
        tempfile.TemporaryDirectory(dir=nearest).cleanup()
    except OSError as error:
        raise WriteError(f"{folder} cannot be written to: {nearest}: {error.strerror}; give another folder") from error
