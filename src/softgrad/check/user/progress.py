"""A line on the terminal while a check takes long. The clock decides whether it is shown, and nothing else."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0  # seconds before anything is shown
SLOW = 0.05  # seconds that a call must take on average


class ProgressLine:
    """Says on standard error how long a call takes, and how many calls there will be at most.

    It is shown on a terminal only: as a progress bar where rich is installed, otherwise as one plain line. Before the
    first call has returned, one line says that it is waited for.

    Args:
        title: the public function that the user called.
        limit: the number of calls at most.
    """

    def __init__(self, title: str, limit: int) -> None:
        self.title, self.limit = title, limit
        self._start = time.perf_counter()
        self._shown = False
        self._bar: Progress | None = None
        self._first_call = threading.Timer(PATIENCE, self._say_waiting)
        self._first_call.daemon = True
        self._waits = False

    def __enter__(self) -> ProgressLine:
        if sys.stderr.isatty():
            self._waits = True
            self._first_call.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_waiting()
        if self._bar is not None:
            self._bar.stop()

    def _stop_waiting(self) -> None:
        """Once only: after a Ctrl-C in the middle, a second cancel would wait for the first one for ever."""
        if self._waits:
            self._waits = False
            self._first_call.cancel()

    def advance(self, made: int) -> None:
        """One more call is about to be made, after so many."""
        if made:
            self._stop_waiting()
        if not self._shown and made:
            elapsed = time.perf_counter() - self._start
            if elapsed > PATIENCE and elapsed > SLOW * made:
                self._shown = True
                if sys.stderr.isatty():
                    self._show(elapsed / made)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=made)

    def _say_waiting(self) -> None:
        if not self._waits:
            return
        text = f"{self.title}: the first call has not returned yet; Ctrl-C ends the check"
        print(text, file=sys.stderr, flush=True)

    def _show(self, seconds: float) -> None:
        longest = _duration(seconds * self.limit)
        try:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        except ImportError:
            text = f"{self.title}: a call takes {seconds:.2g} s; at most {self.limit:,} calls, {longest}"
            print(text, file=sys.stderr, flush=True)
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.add_task(f"{self.title}: {seconds:.2g} s a call, at most {longest}", total=self.limit)
        self._bar.start()


def _duration(seconds: float) -> str:
    """A length of time, to the unit that matters."""
    for unit, size in (("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
