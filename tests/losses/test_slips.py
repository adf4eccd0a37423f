"""The comparison that the losses are tested by is itself tested: a gradient with a slip in it must not pass."""

import numpy as np
import pytest

import judge
from cases import CASES, DTYPES, LOSSES, ONE_HOT, classes, logits, probabilities
from tolerance import assert_within


def right(name):
    return lambda z, y: LOSSES[name].judge(z, y).reduced("mean").grad.value


def one_hot(z, y):
    return (np.arange(z.shape[1]) == y[:, None]).astype(judge.Wide)


def p_and_p_minus_t(z, y):
    return judge.softmax(z), judge.softmax(z) - one_hot(z, y)


def slips_of_any_loss(gradient):
    return {
        "zeros": lambda z, y: np.zeros(z.shape),
        "sign": lambda z, y: -gradient(z, y),
        "label off by one": lambda z, y: gradient(z, (y + 1) % z.shape[1]),
        "missing 1/N": lambda z, y: gradient(z, y) * len(z),
        "divided by K": lambda z, y: gradient(z, y) / z.shape[1],
        "over the wrong axis": lambda z, y: gradient(z.T, np.resize(y, z.shape[1]) % len(z)).T,
    }


GRADIENT_SLIPS = {
    "cross_entropy": slips_of_any_loss(right("cross_entropy"))
    | {
        "the diagonal of J alone": lambda z, y: one_hot(z, y) * p_and_p_minus_t(z, y)[1] / len(z),
        "t forgotten": lambda z, y: judge.softmax(z) / len(z),
        "through softmax twice": right("squared_error"),
    },
    "squared_error": slips_of_any_loss(right("squared_error"))
    | {
        "the diagonal of J alone": lambda z, y: (lambda p, d: p * (1 - p) * d)(*p_and_p_minus_t(z, y)) / len(z),
        "J forgotten": right("cross_entropy"),
        "2 (p - t)": lambda z, y: 2 * right("squared_error")(z, y),
    },
}


def differ(case, name, slip):
    """A slip is none where the gradient is 0 either way: in one class, and through a Jacobian that is 0."""
    return case != "one class" and (name != "squared_error" or case not in ONE_HOT or slip == "J forgotten")


PLANTED = [(case, name, slip) for case in CASES for name, slips in GRADIENT_SLIPS.items() for slip in slips]


@pytest.mark.parametrize(("case", "name", "slip"), [planted for planted in PLANTED if differ(*planted)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_gradient_with_a_slip_is_caught(case, name, slip, dtype):
    z, y = logits(case, dtype), classes(case)
    with np.errstate(all="ignore"):
        wrong = GRADIENT_SLIPS[name][slip](z, y).astype(dtype)
    with pytest.raises(AssertionError, match="ulp off"):
        assert_within(LOSSES[name].ulps("classes"), wrong, *LOSSES[name].judge(z, y).reduced("mean").grad)


@pytest.mark.parametrize("case", [case for case in CASES if case != "one class"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("total", [0.5, 1.01, 1.7])
def test_p_minus_t_is_caught_where_t_does_not_sum_to_1(case, dtype, total):
    z, t = logits(case, dtype), (probabilities(case, dtype) * total).astype(dtype)
    with pytest.raises(AssertionError, match="ulp off"):
        assert_within(6, (judge.softmax(z) - t).astype(dtype), *judge.cross_entropy(z, t).grad)


LOSS_SLIPS = {
    "zero": lambda rows, K: 0 * rows.sum(),
    "the minus sign dropped": lambda rows, K: -rows.mean(),
    "the sum for the mean": lambda rows, K: rows.sum(),
    "the mean over the entries": lambda rows, K: rows.mean() / K,
    "in bits": lambda rows, K: rows.mean() / np.log(2),
    "the last row forgotten": lambda rows, K: rows[:-1].sum() / len(rows),
}


@pytest.mark.parametrize("case", [case for case in CASES if case != "one class"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slip", LOSS_SLIPS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_with_a_slip_is_caught(case, dtype, slip, name):
    z, t = logits(case, dtype), probabilities(case, dtype)
    exact = LOSSES[name].judge(z, t)
    wrong = LOSS_SLIPS[slip](exact.loss.value, z.shape[1])
    with pytest.raises(AssertionError, match="ulp off"):
        assert_within(4, wrong.astype(dtype), *exact.reduced("mean").loss)
