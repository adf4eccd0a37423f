"""A value together with its size, which follows from the size of the terms that it is made of."""

from typing import NamedTuple

import numpy as np


class Judged(NamedTuple):
    """An exact value, and its size: the same sum with the absolute values of its terms.

    Rounding errors are measured in ulps of the size. Sums, differences and products have the size that their terms
    give: |a| + |b| for a - b. An array without a size counts with its absolute value.
    """

    value: np.ndarray
    size: np.ndarray

    __array_ufunc__ = None  # so that array * judged is __rmul__

    def __add__(self, other):
        other = judged(other)
        return Judged(self.value + other.value, self.size + other.size)

    def __sub__(self, other):
        return self + -judged(other)

    def __neg__(self):
        return Judged(-self.value, self.size)

    def __mul__(self, other):
        other = judged(other)
        return Judged(self.value * other.value, self.size * other.size)

    def __matmul__(self, vector):
        """The product of the matrix of each row with a vector."""
        return Judged((self.value @ vector[..., None])[..., 0], (self.size @ abs(vector)[..., None])[..., 0])

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return judged(other) - self

    @property
    def T(self):
        """The transposed matrix of each row."""
        return Judged(*(np.swapaxes(part, -1, -2) for part in self))

    def sum(self, axis=-1, keepdims=False):
        """The sum over an axis."""
        return Judged(*(part.sum(axis=axis, keepdims=keepdims) for part in self))

    def where(self, kept):
        """The same where `kept`, and 0 elsewhere."""
        return Judged(*(np.where(kept, part, 0) for part in self))


def judged(x):
    """X as Judged."""
    return x if isinstance(x, Judged) else Judged(x, abs(x))


def dot(a, b):
    """The inner product of each row, with the axis kept."""
    return (a * b).sum(axis=-1, keepdims=True)
