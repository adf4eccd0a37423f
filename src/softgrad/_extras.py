"""Optional packages: an extra installs them, and they are imported where they are first needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from softgrad.errors import MissingPackageError


@contextmanager
def needs(function: str, package: str, *, extra: str) -> Iterator[None]:
    """Wraps the import of an optional package. If it is missing, the error says how to install it.

        with needs("save", "safetensors", extra="cli"):
            from safetensors.numpy import save

    Args:
        function: the function that needs the package, for the message.
        package: the name of the package on the package index.
        extra: the extra of softgrad that installs the package.

    Raises:
        MissingPackageError: the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{function}: {package} is not installed; python -m pip install 'softgrad[{extra}]'"
        ) from error
