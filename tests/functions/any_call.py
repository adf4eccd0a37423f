"""Random calls of softmax, log_softmax, logsumexp and their derivatives, and checks of their results."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

import judge
from calls import assert_rounded_once, in_both_widths, output_choices
from drawn import FLOATING, Drawn, cast, logits, of_subnormal_terms, vectors
from tolerance import assert_within

TEMPERATURES = [1.0, 0.3, 2.5, 40.0]


class Call(NamedTuple):
    z: Drawn
    temperature: float
    where: np.ndarray | None
    out: str | None


class ProductCall(NamedTuple):
    output: Drawn  # of softmax, or of log_softmax
    v: Drawn
    temperature: float
    out: str | None


@st.composite
def masks(draw, z):
    """Masks that broadcast to the shape of z; some rows may have no class."""
    share, shape = draw(st.sampled_from([0.5, 0.9, 0.1])), z.array.shape
    kept = z.rng.random(len(shape)) < 0.6
    mask = z.rng.random([side if keep else 1 for side, keep in zip(shape, kept, strict=True)]) < share
    return mask if kept[0] else mask[0]


@st.composite
def calls(draw):
    z = draw(logits())
    where = draw(st.none() | masks(z))
    return Call(z, draw(st.sampled_from(TEMPERATURES)), where, draw(output_choices(z)))


@st.composite
def product_calls(draw, judged):
    """Calls with the output of `judged`, rounded to the dtype, and a vector."""
    z = draw(logits(dtypes=FLOATING))
    exact = z.from_rows(judged(z.rows))
    output = z.laid_out(cast(exact, z.array.dtype))
    return ProductCall(output, draw(vectors(z)), draw(st.sampled_from(TEMPERATURES)), draw(output_choices(output)))


def check_value(name, function, call):
    """Checks the result of softmax, log_softmax or logsumexp, in any `out`."""
    z = call.z
    masked = z.rows if call.where is None else z.as_rows(np.where(call.where, z.wide, -np.inf))
    empty = np.zeros(len(masked), bool)
    if call.where is not None:
        empty = ~z.as_rows(np.broadcast_to(call.where, z.array.shape)).any(axis=1)
    options = {"axis": z.axis, "temperature": call.temperature, "where": call.where}
    if name == "logsumexp":
        out = "C" if call.out == "argument" else call.out
        got = in_both_widths(function, [z], out, result_shape=z.outer_shape, **options)
        assert_within(4, np.reshape(got, -1), *judge.logsumexp(masked, temperature=call.temperature))
        with np.errstate(over="ignore"):
            kept = function(z.wide, **options, keepdims=True)
        assert_rounded_once(kept, np.expand_dims(got, z.axis))
    else:
        got = in_both_widths(function, [z], call.out, **options)
        exact = getattr(judge, name)(masked, temperature=call.temperature)
        exact[empty] = {"softmax": 0, "log_softmax": -np.inf}[name]
        size = np.maximum(abs(exact), of_subnormal_terms(z)) if name == "log_softmax" else exact
        assert_within(4, z.as_rows(got), exact, size)


def check_product(name, function, call):
    """Checks the result of a derivative of softmax or log_softmax."""
    y, v = call.output, call.v.array
    got = in_both_widths(function, [y, v], call.out, axis=y.axis, temperature=call.temperature)
    with np.errstate(over="ignore"):
        read = v.astype(y.wide.dtype)
    exact = getattr(judge, name)(y.rows, y.as_rows(read), temperature=call.temperature)
    assert_within(4 if name.startswith("log") else 5, y.as_rows(got), *exact)
