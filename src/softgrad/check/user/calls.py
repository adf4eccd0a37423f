"""Counts the calls of the user's functions, and ends the check when there were too many."""

from __future__ import annotations

import sys
from collections.abc import Callable


class OutOfCalls(BaseException):
    """The limit of calls was reached. No Exception, or it would be taken for one that the user's function raised."""


class Calls:
    """The calls of one check.

    Args:
        limit: how many there may be.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.made = 0
        self.on_call: Callable[[int], object] = lambda made: None  # before each call, with the number of calls made

    def count(self) -> None:
        """Counts one call.

        Raises:
            OutOfCalls: the limit was reached before.
        """
        if self.made >= self.limit:
            raise OutOfCalls
        self.on_call(self.made)
        self.made += 1

    def release(self) -> None:
        """Lifts the limit: the check is over. A plot of its report calls the functions again."""
        self.limit, self.on_call = sys.maxsize, lambda made: None
