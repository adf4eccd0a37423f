"""Random calls of token_log_probs and its derivative, and checks of their results."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

import judge
from calls import in_both_widths, output_choices
from drawn import Drawn, logits, vectors
from functions.any_call import TEMPERATURES
from tolerance import assert_within

INTEGERS = ["int64", "int32", "uint8", "uint64", ">i4"]
IGNORED = 250  # where a row is ignored; some drawn arrays have this class, too


class Call(NamedTuple):
    z: Drawn
    tokens: np.ndarray
    g: np.ndarray | None  # upstream gradients
    h: np.ndarray | None
    options: dict
    out: str | None


@st.composite
def token_calls(draw):
    z, dtype, ignores = draw(logits()), draw(st.sampled_from(INTEGERS)), draw(st.booleans())
    tokens = z.rng.integers(0, min(z.array.shape[z.axis], 256), z.outer_shape)
    if ignores:
        tokens = np.where(z.rng.random(z.outer_shape) < 0.3, IGNORED, tokens)
    of_rows = np.moveaxis(draw(vectors(z)).array, z.axis, -1)
    g, h = of_rows[..., 0], of_rows[..., -1] * 3
    g, h = draw(st.sampled_from([(g, h), (g, None), (None, h)]))
    options = {"axis": z.axis, "temperature": draw(st.sampled_from(TEMPERATURES))}
    return Call(
        z, tokens.astype(dtype), g, h, options | {"ignore_index": IGNORED if ignores else None}, draw(output_choices(z))
    )


def check_forward(function, call):
    """Checks both outputs."""
    z, options = call.z, call.options
    results = function(z.array, call.tokens, **options)
    exact = judge.token_log_probs(z.rows, call.tokens.reshape(-1), **of_judge(options))
    for got, right in zip(results, exact, strict=True):
        assert got.dtype == z.wide.dtype.newbyteorder("=")
        assert_within(4, np.reshape(got, -1), right)


def check_gradient(function, call):
    """Checks the gradient, in any `out`."""
    z, options = call.z, call.options
    given = [None if part is None else part.astype(z.wide.dtype) for part in (call.g, call.h)]

    def of_logits(array, **more):
        return function(array, call.tokens, call.g, call.h, **more)

    got = in_both_widths(of_logits, [z], call.out, **options)
    g, h = (np.zeros(z.outer_shape) if part is None else part for part in given)
    flat = [part.reshape(-1) for part in (call.tokens, g, h)]
    exact = judge.token_log_probs_vjp(z.rows, *flat, **of_judge(options))
    assert_within(5, z.as_rows(got), exact.value, np.maximum(exact.size, of_small_p(z, flat[1], flat[2], options)))


def of_small_p(z, g, h, options):
    """The size below which a product with a subnormal p counts."""
    s = judge.softmax_of(z.rows, temperature=options["temperature"])
    d = np.where(s.p == 0, 0, abs(s.d))
    factor = abs(g)[:, None] + abs(h)[:, None] * (d + (s.p * d).sum(axis=1, keepdims=True))
    return np.finfo(z.wide.dtype).tiny * factor / options["temperature"]


def of_judge(options):
    return {name: value for name, value in options.items() if name != "axis"}
