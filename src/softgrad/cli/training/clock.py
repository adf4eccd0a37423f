"""How long the steps of a run take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """The seconds of the steps, under the names that metrics.json has for them."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.seconds = {"check_seconds": 0.0, "training_seconds": 0.0, "seconds": 0.0}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Adds the time of the block."""
        started = time.perf_counter()
        yield
        self.seconds[name] = round(self.seconds[name] + time.perf_counter() - started, 3)

    def stop(self) -> None:
        """Sets the time of the whole run."""
        self.seconds["seconds"] = round(time.perf_counter() - self._started, 3)
