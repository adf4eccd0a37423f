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


def exact_probabilities(z, mask, axis, temperature):
    """In the judge's arithmetic, classes last."""
    scores = np.moveaxis(np.where(mask, z, -np.inf), axis, -1).astype(judge.Wide) / judge.Wide(temperature)
    kept = np.moveaxis(mask, axis, -1)
    rows = np.where(kept.any(axis=-1, keepdims=True), scores, 0)
    return np.where(kept, judge.softmax(rows.reshape(-1, rows.shape[-1])).reshape(rows.shape), 0)


@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("temperature", [1.0, 0.3, 7.0])
def test_agrees_with_the_judge(case, dtype, temperature):
    z, v, mask, axis = problem(case, dtype)
    p = exact_probabilities(z, mask, axis, temperature)
    tangent = np.where(np.moveaxis(mask, axis, -1), np.moveaxis(v, axis, -1), 0).astype(judge.Wide)
    want, size = (p * tangent).sum(axis=-1) / temperature, (p * abs(tangent)).sum(axis=-1) / temperature
    options = {"axis": axis, "temperature": temperature, "where": mask}
    assert_within(4, sg.logsumexp_jvp(z, v, **options), want, size)
    g = np.random.default_rng(6).normal(size=want.shape).astype(dtype)
    dz = np.moveaxis(sg.logsumexp_vjp(z, g, **options), axis, -1)
    least = np.finfo(dtype).tiny
    assert_within(6, dz, p * g[..., None] / temperature, np.maximum(p, least) * abs(g[..., None]) / temperature)
    assert not dz[~np.moveaxis(mask, axis, -1)].any()


@pytest.mark.parametrize("slip", ["temperature forgotten", "mask forgotten", "multiplied by the temperature"])
def test_a_planted_slip_is_caught(slip):
    z, _, mask, axis = problem("rows", "float64")
    p = exact_probabilities(z, mask, axis, 0.3)
    g = np.ones(len(z))
    slipped = {
        "temperature forgotten": lambda: sg.logsumexp_vjp(z, g, where=mask),
        "mask forgotten": lambda: sg.logsumexp_vjp(z, g, temperature=0.3),
        "multiplied by the temperature": lambda: sg.logsumexp_vjp(z, g, where=mask, temperature=0.3) * 0.3**2,
    }[slip]()
    with pytest.raises(AssertionError, match="ulp off"):
        assert_within(6, slipped, p / 0.3, np.maximum(p, np.finfo("float64").tiny) / 0.3)
