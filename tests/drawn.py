"""Arrays that hypothesis draws: rows with several difficulties at once, in any shape, dtype and memory layout.

The parts of a draw use strategies that hypothesis does not take for equal. If two parts used equal strategies,
hypothesis would draw nothing new in five of six cases, but copy one of these parts of the previous draw over the other.
"""

import itertools
from typing import NamedTuple

import ml_dtypes  # noqa: F401  it registers bfloat16 with NumPy
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
    ">f4": "float32",  # with the byte order of other machines
    ">f8": "float64",
    "int8": "float64",
    "uint64": "float64",
    "bool": "float64",
}
FLOATING = [dtype for dtype in COMPUTED_IN if np.dtype(dtype).kind not in "iub"]
# Numbers of classes around the sizes that a kernel treats specially: a vector, a tile, a block of a sum.
CLASS_COUNTS = [3, 1, 2, 7, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 513]
OTHER_LENGTHS = [5, 33, 2, 15, 16, 17, 31, 32, 65, 1, 0]  # lengths of one of the other axes
MAX_ENTRIES = 8500  # of one array, since the judge is slow


class Range(NamedTuple):
    """The extremes of the logits that are drawn for a dtype."""

    offset: float  # so large that 16-bit and 32-bit numbers of this size have no fractional part
    spread: float
    underflow: float  # exp(-underflow) rounds to 0 in the dtype in which it is computed


RANGES = {"float64": Range(1e8, 1e4, 746), "float32": Range(1e8, 1e4, 104), "float16": Range(2048, 1e4, 104)}


def confident(rng, K, _):
    return rng.normal(size=K) + rng.uniform(17, 45) * (np.arange(K) == rng.integers(K))


def masked(rng, K, _):
    """-inf in about half of the classes, but not in all of them."""
    z = np.where(rng.random(K) < 0.5, -np.inf, rng.normal(size=K))
    z[rng.integers(K)] = 1
    return z


def with_one(value):
    return lambda rng, K, _: np.where(np.arange(K) == rng.integers(K), value, rng.normal(size=K))


ROWS = {  # name: a function of the random generator, K and the Range, which returns an array of shape (K,)
    "plain": lambda rng, K, _: 3 * rng.normal(size=K),
    "offset": lambda rng, K, range: range.offset + 10 * rng.normal(size=K),
    "far apart": lambda rng, K, range: range.spread * rng.normal(size=K),
    "confident": confident,  # p rounds to 1
    "equal": lambda rng, K, _: np.full(K, rng.normal()),
    "ties": lambda rng, K, _: rng.choice([0.0, -0.25, -17.0], K),
    "subnormal": lambda rng, K, range: -range.underflow * rng.random(K) ** 0.5,
    "some -inf": masked,
}
NAN_ROWS = {  # rows whose softmax is NaN in every class
    "NaN": with_one(np.nan),
    "+inf": with_one(np.inf),
    "-inf alone": lambda rng, K, _: np.full(K, -np.inf),
}
SIXTEENTHS = {"sixteenths": lambda rng, K, _: rng.integers(-1024, 1025, K) / 16}  # adding 1024 in float32 is exact


class Drawn(NamedTuple):
    """An array with its classes on `axis`, in one of the memory layouts of ALL_LAYOUTS."""

    array: np.ndarray
    axis: int
    layout: str
    rng: np.random.Generator  # for further arrays that are drawn with this one

    def __repr__(self):
        values = self.array if self.array.size <= 16 else "..."
        return f"{self.layout} {self.array.dtype} {self.array.shape}, axis {self.axis}, {values}"

    def laid_out(self, array):
        """A Drawn with a copy of another array, in the same layout."""
        return self._replace(array=ALL_LAYOUTS[self.layout](array) if np.ndim(array) else np.array(array))

    @property
    def wide(self):
        """The array in the dtype in which it is computed."""
        return self.array.astype(COMPUTED_IN[name_of(self.array.dtype)])

    @property
    def rows(self):
        return self.as_rows(self.wide)

    @property
    def outer_shape(self):
        return np.moveaxis(self.array, self.axis, -1).shape[:-1]

    def as_rows(self, array):
        """An array of the shape of this one, rearranged as (N, K)."""
        last = np.moveaxis(array, self.axis, -1)
        return last.reshape(int(np.prod(last.shape[:-1])), last.shape[-1])

    def from_rows(self, rows):
        """An array of shape (N, K), rearranged to the shape of this one."""
        K = self.array.shape[self.axis]
        return np.moveaxis(np.asarray(rows).reshape(*self.outer_shape, K), -1, self.axis)


def of_subnormal_terms(z):
    """The size of a sum of K subnormal numbers, for error bounds.

    Each number is rounded to a multiple of the smallest subnormal, so the error can be large relative to the sum.
    """
    K = z.array.shape[z.axis]
    return np.finfo(z.wide.dtype).tiny * np.longdouble(max(K / 8, 1))


def name_of(dtype):
    """The key of a dtype in COMPUTED_IN: its name; or its code such as ">f4", since a name has no byte order."""
    return dtype.name if dtype.isnative else dtype.str


def stride_0(array):
    return np.broadcast_to(array[:1].copy(), array.shape)


ALL_LAYOUTS = LAYOUTS | {"stride 0": stride_0}  # "stride 0" repeats the first entry along the first axis


def layouts(of):
    """The layout of the logits, of a target or of a vector. The order differs, so that the strategies differ."""
    first = ["logits", "target", "vector"].index(of)
    return st.sampled_from([*ALL_LAYOUTS][first:] + [*ALL_LAYOUTS][:first])


def cast(values, dtype):
    """The values rounded to a dtype, and clipped to its range."""
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
    """A shape of 1 to 4 axes, one of which may be long or empty, and the axis of the classes."""
    K, rank = draw(st.sampled_from(CLASS_COUNTS)), draw(st.sampled_from([2, 3, 1, 4]))
    shape = list(draw(st.sampled_from([*itertools.product([2, 1, 3], repeat=rank - 1)])))
    if shape:
        lengths = [length for length in OTHER_LENGTHS if length * K * int(np.prod(shape)) <= MAX_ENTRIES]
        shape[draw(st.sampled_from(range(len(shape))))] = draw(st.sampled_from(lengths))
    axis = draw(st.sampled_from(range(-rank, rank)))
    shape.insert(axis % rank, K)
    return tuple(shape), axis


@st.composite
def logits(draw, rows=ROWS, nan_rows=NAN_ROWS, dtypes=COMPUTED_IN):
    """Logits with rows of up to three kinds. Some arrays also have a few rows of one kind of `nan_rows`."""
    dtype, layout, (shape, axis) = draw(st.sampled_from([*dtypes])), draw(layouts("logits")), draw(shapes())
    kinds = draw(st.sampled_from([kinds for n in (1, 2, 3) for kinds in itertools.combinations(rows, n)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    limits = RANGES.get(dtype, RANGES[COMPUTED_IN[dtype]])
    K, N = shape[axis], int(np.prod(shape)) // shape[axis]
    values = np.array([rows[rng.choice(kinds)](rng, K, limits) for _ in range(N)]).reshape(N, K)
    if kind := draw(st.sampled_from([None, None, *nan_rows])):
        for row in np.flatnonzero(rng.random(N) < 0.3):
            values[row] = nan_rows[kind](rng, K, limits)
    empty = Drawn(np.empty(shape), axis, layout, rng)
    return empty.laid_out(cast(empty.from_rows(values), dtype))


@st.composite
def vectors(draw, like):
    """Numbers of both signs in the shape of a drawn array. Their dtype and layout are drawn independently."""
    dtype, layout = draw(st.sampled_from(FLOATING[::-1])), draw(layouts("vector"))
    return like._replace(layout=layout).laid_out(cast(like.rng.normal(size=like.array.shape), dtype))
