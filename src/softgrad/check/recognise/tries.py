"""When a search ends: after so many tries, the same on every machine, and after so many seconds at the latest."""

from __future__ import annotations

import time


class Budget:
    """Counts tries; the seconds are those of the processor, which other work on the machine does not use up."""

    def __init__(self, tries: int, seconds: float) -> None:
        self._left = tries
        self._end = time.thread_time() + seconds

    def is_spent(self) -> bool:
        """One more try, and whether it was one too many."""
        self._left -= 1
        return self._left < 0 or time.thread_time() > self._end
