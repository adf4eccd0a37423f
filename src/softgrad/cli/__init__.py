"""The command line: one file per command. The extra `cli` installs the packages that it needs."""

from __future__ import annotations

import sys
from importlib.util import find_spec

PACKAGES = {  # of the extra, each by the name under which it is imported
    "rich": "rich",
    "safetensors": "safetensors",
    "sklearn": "scikit-learn",
    "typer": "typer",
}


def main() -> None:
    """The entry point of the command `softgrad`."""
    missing = ", ".join(package for module, package in PACKAGES.items() if find_spec(module) is None)
    if missing:
        print(f"softgrad: the command needs {missing}; python -m pip install 'softgrad[cli]'", file=sys.stderr)
        sys.exit(2)
    from softgrad.cli.app import run

    sys.exit(run())
