"""Packages that softgrad does not require: an extra installs them, and they are imported when they are first needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from softgrad.errors import MissingPackageError


@contextmanager
def needs(function: str, package: str, *, extra: str) -> Iterator[None]:
    """Surrounds the import of a package, and says how to install it if that fails.

        with needs("save", "safetensors", extra="cli"):
            from safetensors.numpy import save

    Args:
        function: the function that needs it, for the message.
        package: its name on the package index.
        extra: the extra of softgrad that installs it.

    Raises:
        MissingPackageError: the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{function}: {package} is not installed; python -m pip install 'softgrad[{extra}]'"
        ) from error
