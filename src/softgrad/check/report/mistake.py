"""What a report is made of: a mistake, a place in a gradient, a curve of errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]  # step sizes, and the error at each


@dataclass(frozen=True)
class Mistake:
    """One thing done wrong, explained to somebody who did it."""

    name: str  # a slug, for code to read
    title: str
    explanation: str  # a paragraph
    formula: str  # the right line as a formula: "dz = p * (dp - Σ_k(p * dp))"
    fix: str  # the right line as NumPy
    evidence: str  # the measurement that shows the mistake
    also: bool = False  # made besides the first mistake of a report; otherwise it may have been made in its place


class Place(NamedTuple):
    """One entry of a gradient."""

    name: str  # which gradient: "z", "W1"
    index: tuple[int, ...]  # type: ignore[assignment]  # hides tuple.index, which a place does not need
    got: float
    wanted: float

    def __str__(self) -> str:
        index = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        told_apart = (digits for digits in range(6, 18) if f"{self.got:.{digits}g}" != f"{self.wanted:.{digits}g}")
        digits = next(told_apart, 6)
        return f"{self.name}{index}: got {self.got:.{digits}g}, wanted {self.wanted:.{digits}g}"
