"""The derivatives of logsumexp with a temperature and a mask, on every axis, against the judge."""

import numpy as np
import pytest

import judge
import softgrad as sg
from tolerance import assert_within

SHAPES = {"rows": ((6, 7), -1), "columns": ((7, 6), 0), "inner axis": ((3, 7, 40), 1), "long rows": ((3, 300), -1)}


def problem(case, dtype):
    """Logits, tangents that are NaN where they are masked, a mask that leaves one row empty, the axis."""
    shape, axis = SHAPES[case]
    rng = np.random.default_rng(5)
    z, v, mask = 4 * rng.normal(size=shape), rng.normal(size=shape), rng.random(shape) < 0.7
    np.moveaxis(mask, axis, -1)[0] = False
    return z.astype(dtype), np.where(mask, v, np.nan).astype(dtype), mask, axis


def exact_vjp(z, g, mask, axis, temperature):
    """With the classes last; 0 where they are masked. Subnormal p are spaced as the smallest normal number."""
    z, kept = (np.moveaxis(array, axis, -1) for array in (np.where(mask, z, -np.inf), mask))
    value, size = judge.logsumexp_vjp(z, g, temperature=temperature).where(kept)
    return value, np.maximum(size, np.finfo(g.dtype).tiny * abs(g[..., None]) / temperature)


@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("temperature", [1.0, 0.3, 7.0])
def test_agrees_with_the_judge(case, dtype, temperature):
    z, v, mask, axis = problem(case, dtype)
    options = {"axis": axis, "temperature": temperature, "where": mask}
    one = np.ones(np.moveaxis(z, axis, -1).shape[:-1])
    p_over_T, _ = exact_vjp(z, one, mask, axis, temperature)
    terms = judge.judged(p_over_T * np.moveaxis(np.where(mask, v, 0), axis, -1))
    assert_within(4, sg.logsumexp_jvp(z, v, **options), *terms.sum())
    g = np.random.default_rng(6).normal(size=one.shape).astype(dtype)
    dz = np.moveaxis(sg.logsumexp_vjp(z, g, **options), axis, -1)
    assert_within(6, dz, *exact_vjp(z, g, mask, axis, temperature))
    assert not dz[~np.moveaxis(mask, axis, -1)].any()


@pytest.mark.parametrize("slip", ["temperature forgotten", "mask forgotten", "multiplied by the temperature"])
def test_a_planted_slip_is_caught(slip):
    z, _, mask, axis = problem("rows", "float64")
    g = np.ones(len(z))
    slipped = {
        "temperature forgotten": lambda: sg.logsumexp_vjp(z, g, where=mask),
        "mask forgotten": lambda: sg.logsumexp_vjp(z, g, temperature=0.3),
        "multiplied by the temperature": lambda: sg.logsumexp_vjp(z, g, where=mask, temperature=0.3) * 0.3**2,
    }[slip]()
    with pytest.raises(AssertionError, match="ulp off"):
        assert_within(6, slipped, *exact_vjp(z, g, mask, axis, 0.3))
