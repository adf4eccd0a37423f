"""When a search ends: after so many tries. It counts, and looks at no clock, so that it ends alike on every machine."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from softgrad.formulas.numbers import Array

ENTRIES = 20_000  # a try on so many more entries counts as another try


class Tries:
    """Counts tries. One on large arrays counts as several, as it takes longer.

    Args:
        most: how many tries there may be on small arrays.
        arrays: what each try computes with.
    """

    def __init__(self, most: int, arrays: Iterable[Array]) -> None:
        self._left = most
        self._cost = 1 + sum(np.size(array) for array in arrays) // ENTRIES

    def is_spent(self) -> bool:
        """Counts one more try, and says whether there were too many."""
        self._left -= self._cost
        return self._left < 0
