"""The command line: one file per command. The extra `cli` installs the packages that it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec

PACKAGES = {  # of the extra, each by the name under which it is imported
    "rich": "rich",
    "safetensors": "safetensors",
    "sklearn": "scikit-learn",
    "threadpoolctl": "threadpoolctl",
    "tomlkit": "tomlkit",
    "typer": "typer",
}


def main() -> None:
    """The command `softgrad`."""
    sys.exit(load()())


def load() -> Callable[[], int]:
    """Imports what the command needs, and returns the function that runs it."""
    missing = ", ".join(package for module, package in PACKAGES.items() if find_spec(module) is None)
    if missing:
        print(f"softgrad: the command needs {missing}; python -m pip install 'softgrad[cli]'", file=sys.stderr)
        sys.exit(2)
    from softgrad.cli.app import run

    return run
