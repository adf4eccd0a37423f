"""What hypothesis draws: rows that are hard in several ways at once, in any shape, dtype and memory layout.

No two parts of a draw are drawn by strategies that hypothesis takes for the same: five times of six it would draw
nothing new, but copy one such part of the last draw over another.
"""

import itertools
from typing import NamedTuple

import ml_dtypes  # noqa: F401  NumPy knows bfloat16 by it
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from layouts import LAYOUTS

stable = settings(derandomize=True, deadline=None, database=None)

COMPUTED_IN = {
    "float32": "float32",
    "float64": "float64",
    "float16": "float32",
    "bfloat16": "float32",
    ">f4": "float32",  # bytes in the order of other machines
    ">f8": "float64",
    "int8": "float64",
    "uint64": "float64",
    "bool": "float64",
}
FLOATING = [dtype for dtype in COMPUTED_IN if np.dtype(dtype).kind not in "iub"]
# On both sides of what a kernel may take differently: a vector, a tile, a block of a sum, and one entry of the next.
LENGTHS = [3, 1, 2, 7, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 513]
LINES = [5, 33, 2, 15, 16, 17, 31, 32, 65, 1, 0]  # of another axis
ENTRIES = 8500  # of one array, for the judge's sake


class Range(NamedTuple):
    """How far numbers of a dtype go."""

    offset: float  # where neighbours are so far apart that a float32 has lost its fraction
    spread: float
    underflow: float  # exp(-underflow) rounds to 0, in the dtype that is computed in


RANGES = {"float64": Range(1e8, 1e4, 746), "float32": Range(1e8, 1e4, 104), "float16": Range(2048, 1e4, 104)}


def confident(rng, K, _):
    return rng.normal(size=K) + rng.uniform(17, 45) * (np.arange(K) == rng.integers(K))


def masked(rng, K, _):
    """-inf in about half of the classes, not in all."""
    z = np.where(rng.random(K) < 0.5, -np.inf, rng.normal(size=K))
    z[rng.integers(K)] = 1
    return z


def with_one(value):
    return lambda rng, K, _: np.where(np.arange(K) == rng.integers(K), value, rng.normal(size=K))


ROWS = {  # name: (generator, K, Range) -> (K)
    "plain": lambda rng, K, _: 3 * rng.normal(size=K),
    "offset": lambda rng, K, range: range.offset + 10 * rng.normal(size=K),
    "far apart": lambda rng, K, range: range.spread * rng.normal(size=K),
    "confident": confident,  # p rounds to 1
    "equal": lambda rng, K, _: np.full(K, rng.normal()),
    "ties": lambda rng, K, _: rng.choice([0.0, -0.25, -17.0], K),
    "subnormal": lambda rng, K, range: -range.underflow * rng.random(K) ** 0.5,
    "some -inf": masked,
}
SPOILED = {  # softmax is NaN in all of the row
    "NaN": with_one(np.nan),
    "+inf": with_one(np.inf),
    "-inf alone": lambda rng, K, _: np.full(K, -np.inf),
}
SIXTEENTHS = {"sixteenths": lambda rng, K, _: rng.integers(-1024, 1025, K) / 16}  # a float32 plus 1024 is exact


class Drawn(NamedTuple):
    """An array with its classes on `axis`, laid out in memory by one of OF_ANY_ARRAY."""

    array: np.ndarray
    axis: int
    layout: str
    rng: np.random.Generator  # for what else is drawn with it

    def __repr__(self):
        values = self.array if self.array.size <= 16 else "..."
        return f"{self.layout} {self.array.dtype} {self.array.shape}, axis {self.axis}, {values}"

    def laid_out(self, array):
        """This array instead, in the same layout and in memory of its own."""
        return self._replace(array=OF_ANY_ARRAY[self.layout](array) if np.ndim(array) else np.array(array))

    @property
    def wide(self):
        """The array in the dtype that it is computed in."""
        return self.array.astype(COMPUTED_IN[name_of(self.array.dtype)])

    @property
    def rows(self):
        return self.as_rows(self.wide)

    @property
    def outer_shape(self):
        return np.moveaxis(self.array, self.axis, -1).shape[:-1]

    def as_rows(self, array):
        """An array of this shape as (N, K)."""
        last = np.moveaxis(array, self.axis, -1)
        return last.reshape(int(np.prod(last.shape[:-1])), last.shape[-1])

    def from_rows(self, rows):
        """(N, K) in this shape."""
        K = self.array.shape[self.axis]
        return np.moveaxis(np.asarray(rows).reshape(*self.outer_shape, K), -1, self.axis)


def of_subnormal_terms(z):
    """The size of a sum of K subnormal numbers: each is rounded to a multiple of the least, however small the sum."""
    K = z.array.shape[z.axis]
    return np.finfo(z.wide.dtype).tiny * np.longdouble(max(K / 8, 1))


def name_of(dtype):
    """The dtype's key in COMPUTED_IN: its name, which does not tell the order of its bytes, or its letters."""
    return dtype.name if dtype.isnative else dtype.str


def stride_0(array):
    return np.broadcast_to(array[:1].copy(), array.shape)


OF_ANY_ARRAY = LAYOUTS | {"stride 0": stride_0}  # the first entry of the first axis all along it


def layouts(of):
    """The layout of the logits, of a target or of a vector."""
    turn = ["logits", "target", "vector"].index(of)
    return st.sampled_from([*OF_ANY_ARRAY][turn:] + [*OF_ANY_ARRAY][:turn])


def cast(values, dtype):
    """As numbers of this dtype: rounded, and within what it holds."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return values > 0
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.rint(np.nan_to_num(np.clip(values, max(limits.min, -1e15), min(limits.max, 1e15)))).astype(dtype)
    if dtype == "float16":
        values = np.where(np.isfinite(values), np.clip(values, -6e4, 6e4), values)
    return values.astype(dtype)


@st.composite
def shapes(draw):
    """A shape of 1 to 4 axes, one of which may be long or empty, and which of them holds the classes."""
    K, rank = draw(st.sampled_from(LENGTHS)), draw(st.sampled_from([2, 3, 1, 4]))
    others = list(draw(st.sampled_from([*itertools.product([2, 1, 3], repeat=rank - 1)])))
    if others:
        lines = [side for side in LINES if side * K * int(np.prod(others)) <= ENTRIES]
        others[draw(st.sampled_from(range(len(others))))] = draw(st.sampled_from(lines))
    axis = draw(st.sampled_from(range(-rank, rank)))
    others.insert(axis % rank, K)
    return tuple(others), axis


@st.composite
def logits(draw, rows=ROWS, spoiled=SPOILED, dtypes=COMPUTED_IN):
    """Rows of up to three kinds, side by side; in some arrays a few that are spoiled in one way."""
    dtype, layout, (shape, axis) = draw(st.sampled_from([*dtypes])), draw(layouts("logits")), draw(shapes())
    kinds = draw(st.sampled_from([kinds for n in (1, 2, 3) for kinds in itertools.combinations(rows, n)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    limits = RANGES.get(dtype, RANGES[COMPUTED_IN[dtype]])
    K, N = shape[axis], int(np.prod(shape)) // shape[axis]
    values = np.array([rows[rng.choice(kinds)](rng, K, limits) for _ in range(N)]).reshape(N, K)
    if spoil := draw(st.sampled_from([None, None, *spoiled])):
        for row in np.flatnonzero(rng.random(N) < 0.3):
            values[row] = spoiled[spoil](rng, K, limits)
    empty = Drawn(np.empty(shape), axis, layout, rng)
    return empty.laid_out(cast(empty.from_rows(values), dtype))


@st.composite
def vectors(draw, like):
    """Numbers of both signs in the shape of a drawn array, in a dtype and layout of their own."""
    dtype, layout = draw(st.sampled_from(FLOATING[::-1])), draw(layouts("vector"))
    return like._replace(layout=layout).laid_out(cast(like.rng.normal(size=like.array.shape), dtype))
