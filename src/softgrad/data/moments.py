"""The moments of values that are added in parts: their number, mean, standard deviation and range."""

from __future__ import annotations

from typing import Any

import numpy as np

from softgrad._arrays import Array
from softgrad.data.kinds import on_logarithmic_scale

FAR = 10  # standard deviations from the mean: a column with numbers farther away gets a logarithmic scale,
LARGE = 20  # if they are also more than so many times as large as the geometric mean of the sizes


class Range:
    """The number of values, the lowest and the highest."""

    def __init__(self) -> None:
        self.count, self.low, self.high = 0, np.inf, -np.inf

    def add(self, values: Array) -> None:
        """Takes values."""
        if len(values):
            self.count += len(values)
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))


class Moments:
    """The number of values, their mean, the sum of their squared distances from it, the lowest and the highest.

    In long double, squares do not overflow. Parts are merged as in Chan, Golub and LeVeque (1983).
    """

    def __init__(self) -> None:
        self.count, self.low, self.high = 0, np.inf, -np.inf
        self.mean = self.squares = np.longdouble(0)

    def add(self, values: Array, weights: Array | None = None) -> None:
        """Takes values, each as often as its weight says."""
        if weights is not None:
            values, weights = values[weights > 0], weights[weights > 0]
        if len(values) == 0:
            return
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        count = len(values) if weights is None else int(weights.sum())
        times: Any = np.longdouble(1) if weights is None else weights.astype(np.longdouble)
        values = values.astype(np.longdouble)
        mean = (times * values).sum() / count
        squares = (times * (values - mean) ** 2).sum()
        total, step = self.count + count, mean - self.mean
        self.mean = mean if self.count == 0 else self.mean + step * count / total
        self.squares += squares if self.count == 0 else squares + step**2 * (np.longdouble(self.count) * count / total)
        self.count = total

    def standard(self) -> tuple[float, float]:
        """The mean and the standard deviation; the latter is 1 for constant values, whatever the rounding of sums."""
        if self.count == 0:
            return 0.0, 1.0
        if self.low == self.high:
            return float(self.mean), 1.0
        return float(self.mean), float(np.sqrt(self.squares / self.count)) or 1.0


class NumberMoments(Moments):
    """The moments of numbers, and those of the same numbers on a logarithmic scale.

    The unit of the scale is the geometric mean of the sizes of the first numbers that are added, zeros left out. It
    depends on where the first part of a table ends, but whatever it is, small and large numbers are told apart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unit: float | None = None
        self.logarithmic = Moments()

    def add(self, values: Array, weights: Array | None = None) -> None:
        """Takes values, each as often as its weight says."""
        super().add(values, weights)
        if self.unit is None:
            times = np.ones(len(values)) if weights is None else weights
            counted = (values != 0) & (times > 0)
            if counted.any():
                mean = np.average(np.log(np.abs(values[counted])), weights=times[counted])
                self.unit = float(np.exp(mean).clip(1e-300, 1e300))  # the sum of a number and the unit is finite
        if self.unit is not None:
            self.logarithmic.add(on_logarithmic_scale(values, self.unit), weights)

    def on_a_scale(self) -> tuple[float, float, float | None]:
        """The mean, the standard deviation, and the unit of the scale that they are on; None for a linear scale."""
        mean, scale = self.standard()
        farthest, largest = max(mean - self.low, self.high - mean), max(-self.low, self.high)
        if self.unit is None or farthest <= FAR * scale or largest <= LARGE * self.unit:
            return mean, scale, None
        return *self.logarithmic.standard(), self.unit
