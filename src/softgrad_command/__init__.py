"""The entry point of the command `softgrad`.

It is a package of its own since `import softgrad` imports NumPy first. Ctrl-C during the imports, which take some
tenths of a second, ends the command with one line too.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def main() -> None:
    """Imports the command line and runs it."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # not that of a process in the background, which ignores Ctrl-C
        signal.signal(signal.SIGINT, _stop)
    from softgrad.cli import load

    run = load()
    signal.signal(signal.SIGINT, handler)
    status = run()
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while Python shuts down
    sys.exit(status)


def _stop(*_: object) -> NoReturn:
    """Ends the process at once: an exception could be caught by a package that is being imported."""
    writes = sys.argv[1:2] != ["check"]  # as softgrad.cli.app says of the others
    os.write(2, b"softgrad: stopped; nothing was written\n" if writes else b"softgrad: stopped\n")
    os._exit(130)
