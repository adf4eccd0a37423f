"""Writing files so that a failure never leaves an incomplete file behind."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from softgrad.errors import WriteError


def write_whole(path: Path, data: bytes) -> None:
    """Writes `data` to a temporary file in the folder of `path`, then renames that file to `path`.

    A reader therefore never sees an incomplete file.

    Raises:
        WriteError: the folder or the file cannot be written. An existing file is then unchanged.
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
        raise WriteError(f"{path} cannot be written: {error.strerror}; choose another path") from error


def check_writable(folder: Path) -> None:
    """Checks that files can be written to `folder`, which need not exist yet. No file or folder is left behind.

    Raises:
        WriteError: files cannot be written to `folder`.
    """
    nearest = folder
    try:
        nearest = next(path for path in [folder, *folder.absolute().parents] if path.exists())
        tempfile.TemporaryDirectory(dir=nearest).cleanup()
    except OSError as error:
        message = f"{folder} cannot be written to: {nearest}: {error.strerror}; choose another folder"
        raise WriteError(message) from error
