"""judge: right gradients pass, at every size; planted slips are caught, and told where they are."""

import numpy as np
import pytest

import softgrad as sg
from check.derivatives.judging import WAYS, judged, real_only, softmax
from softgrad.check.derivatives.step_curve import step_curve

EPS32 = float(np.finfo(np.float32).eps)
TARGET = np.array([0, 2, 1, 1])
ONE_HOT = np.eye(3)[TARGET]


def softmax_vjp(z, g):
    p = softmax(z)
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


def cross_entropy(z):
    shifted = z - z.max(axis=-1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(axis=-1)) - shifted[np.arange(4), TARGET])


def cross_entropy_from_large_terms(z):
    """log-sum-exp and the logit are both rounded at the logits' size: at 1e8, to 1e-8."""
    m = z.max(axis=-1)
    return np.mean(np.log(np.exp(z - m[:, None]).sum(axis=-1)) + m - z[np.arange(4), TARGET])


def cross_entropy_by_probabilities(z):
    return -np.mean(np.log(softmax(z)[np.arange(4), TARGET]))


def fused(z, g):
    return g * (softmax(z) - ONE_HOT) / 4


FUNCTIONS = {  # name: (f, its vector-Jacobian product)
    "softmax": (softmax, softmax_vjp),
    "cross-entropy": (cross_entropy, fused),
    "cross-entropy from large terms": (cross_entropy_from_large_terms, fused),
    "cross-entropy by probabilities": (cross_entropy_by_probabilities, fused),
    "log of squares": (lambda z: np.log(z * z), lambda z, g: 2 * g / z),
    "squares": (lambda z: (z * z).sum(axis=1), lambda z, g: 2 * z * g[:, None]),
    "products": (lambda z: z.prod(), lambda z, g: g * z.prod() / z),
    "sines": (np.sin, lambda z, g: g * np.cos(z)),
}
SIZES = {  # name: (spread, offset)
    "usual": (1.0, 0.0),
    "around 1e8": (1.0, 1e8),
    "of size 1e8": (1e8, 0.0),
    "of size 1e-8": (1e-8, 0.0),
    "of size 30": (30.0, 0.0),
    "of size 700": (700.0, 0.0),
}


def problem(name, size, seed=0):
    f, vjp = FUNCTIONS[name]
    spread, offset = SIZES[size]
    rng = np.random.default_rng(seed)
    z = rng.normal(offset, spread, (4, 3))
    with np.errstate(divide="ignore"):
        g = rng.normal(0, 1, np.shape(f(z)))
    return f, z, g, vjp(z, g)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_right_gradient_passes(name, size, way):
    for seed in range(5):
        f, z, g, got = problem(name, size, seed)
        judgement = judged(WAYS[way](f), z, g, got)
        assert judgement.ok, judgement
        assert judgement.extent == "every entry"
        assert judgement.wanted.shape == z.shape
        if way == "central differences":
            assert judgement.method == way


# What cannot be judged: a loss that overflows, and terms so large that f is nothing but their rounding.
BLIND = {
    ("cross-entropy by probabilities", "of size 1e8"),
    ("cross-entropy by probabilities", "of size 700"),
    ("sines", "of size 1e8"),
    ("sines", "around 1e8"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_slip_in_one_entry_is_caught_and_found(name, size, way):
    if (name, size) in BLIND:
        return
    for seed in range(5):
        f, z, g, got = problem(name, size, seed)
        place = np.unravel_index(np.abs(got).argmax(), got.shape)
        right = got[place]
        if right == 0 or np.abs(right) < 1e-9 * np.abs(g).max() * np.abs(f(z)).max() / np.abs(z).max():
            continue  # every row is saturated
        got[place] *= 1 + 1e-4
        judgement = judged(WAYS[way](f), z, g, got)
        assert not judgement.ok
        assert judgement.where.entry == place
        assert judgement.where.got == got[place]
        assert abs(judgement.where.wanted - right) < 5e-5 * abs(right)


SLIPS = {  # name: what the gradient is turned into
    "zeros": np.zeros_like,
    "sign": np.negative,
    "doubled": lambda got: 2 * got,
    "in reverse": lambda got: got[::-1, ::-1],
    "one NaN": lambda got: np.where(np.arange(3) == 1, np.nan, got),
    "infinite": lambda got: np.full_like(got, np.inf),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("max_entries", [2000, 5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_wrong_gradient_is_caught(name, max_entries, slip, way):
    f, z, g, got = problem(name, "usual")
    judgement = judged(WAYS[way](f), z, g, SLIPS[slip](got), max_entries=max_entries)
    assert not judgement.ok
    assert judgement.error > 0.1
    assert judgement.where is not None
    assert judgement.where.got == SLIPS[slip](got)[judgement.where.entry] or np.isnan(judgement.where.got)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("f", [cross_entropy, cross_entropy_by_probabilities], ids=lambda f: f.__name__)
def test_a_saturated_row_may_be_0_and_may_be_exact(f, way):
    z = np.zeros((4, 3))
    z[np.arange(4), TARGET] = 46.0
    for got in (softmax(z) / 4 * (1 - ONE_HOT), np.zeros((4, 3)), fused(z, 1.0)):
        assert judged(WAYS[way](f), z, 1.0, got).ok
    assert not judged(WAYS[way](f), z, 1.0, np.full((4, 3), 1e-9)).ok


NOT_TOLD = {  # name: (f, x) where no step gives a derivative
    "jump": (lambda x: np.heaviside(x, 0.5), 0.0),
    "root at 0": (np.sqrt, 0.0),
    "NaN": (lambda x: x * np.nan, 1.0),
    "defined nowhere else": (lambda x: x if x[0] == 2 else 1 / 0, 2.0),
}


@pytest.mark.parametrize("case", NOT_TOLD)
@pytest.mark.parametrize("got", [0.0, -3.0, 1e3])
def test_what_no_step_resolves_is_counted_and_never_called_wrong(case, got):
    f, at = NOT_TOLD[case]
    judgement = judged(real_only(f), np.array([at]), np.ones(1), np.array([got]))
    assert judgement.ok
    assert judgement.unresolved == 1


@pytest.mark.parametrize("at", [0.0, 5.0])
def test_a_true_zero(at):
    x = np.full(3, at)
    for f in (lambda x: np.full(2, 7.0), lambda x: (x - at) ** 2, lambda x: np.cos(x - at)):
        g = np.ones(f(x).shape)
        judgement = judged(f, x, g, np.zeros(3))
        assert judgement.ok
        assert judgement.unresolved == 0
        assert not judged(f, x, g, np.full(3, 1e-3)).ok


LOSES_THE_IMAGINARY_PART = {
    "abs": (lambda x: np.abs(x) ** 3, lambda x: 3 * x * np.abs(x)),
    "real part": (lambda x: x.real**2, lambda x: 2 * x),
    "float()": (lambda x: np.array([float(entry) ** 2 for entry in x]), lambda x: 2 * x),
    "cast": (lambda x: x.astype(np.float64) ** 2, lambda x: 2 * x),
    "one entry": (lambda x: np.where(np.arange(3) == 1, x.real, x) ** 2, lambda x: 2 * x),
}


@pytest.mark.parametrize("case", LOSES_THE_IMAGINARY_PART)
def test_functions_that_lose_the_imaginary_part(case):
    f, derivative = LOSES_THE_IMAGINARY_PART[case]
    x = np.array([0.5, -2.0, 1.5])
    judgement = judged(f, x, np.ones(3), derivative(x))
    assert judgement.ok
    assert judgement.method == "central differences"
    assert not judged(f, x, np.ones(3), derivative(x) * [1, 1 + 1e-4, 1]).ok


@pytest.mark.parametrize("seed", range(5))
def test_float32(seed):
    """Right to float32 passes; a thousandth off does not."""
    rng = np.random.default_rng(seed)
    z, g = rng.normal(0, 1, (4, 3)).astype("f4").astype("f8"), rng.normal(0, 1, (4, 3))

    def f(z):
        return softmax(z.astype(np.float32))

    got = softmax_vjp(z.astype(np.float32), g.astype(np.float32)).astype(np.float64)
    assert judged(f, z, g, got, eps=EPS32).ok
    got.flat[np.abs(got).argmax()] *= 1 + 2e-3
    assert not judged(f, z, g, got, eps=EPS32).ok


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_projections_pass_what_is_right_and_find_one_entry_of_20000(offset, way):
    rng = np.random.default_rng(0)
    z, g = rng.normal(offset, 1, (200, 100)), rng.normal(0, 1, (200, 100))
    right = softmax_vjp(z, g)
    judgement = judged(WAYS[way](softmax), z, g, right)
    assert judgement.ok
    assert judgement.extent == "8 random projections"
    assert judgement.wanted is None
    for place in rng.integers([200, 100], size=(3, 2)):
        got = right.copy()
        got[tuple(place)] *= 1 + 1e-3
        judgement = judged(WAYS[way](softmax), z, g, got)
        assert not judgement.ok
        assert judgement.where.entry == tuple(place)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("calls", "extent"), [(0, "2 random"), (70, "8 random"), (11, "2 random"), (144, "every entry")]
)
def test_with_few_calls_projections_are_judged(calls, extent, way):
    """12 entries take 12 calls by the complex step. By differences they count as 96, two thirds of 144."""
    f, z, g, got = problem("softmax", "usual")
    if way == "complex step" and calls > 12:
        extent = "every entry"
    judgement = judged(WAYS[way](f), z, g, got, calls=calls)
    assert judgement.ok
    assert judgement.extent.startswith(extent)
    assert not judged(WAYS[way](f), z, g, -got, calls=calls).ok


def half_of_sum(x):
    """ReLU without a complex step."""
    return (x + np.abs(x)) / 2


@pytest.mark.parametrize("between", [0.0, 0.25, 1.0])
def test_hard_entries_that_take_more_calls_than_allowed_are_judged_by_projections(between):
    """Each on a kink: some 60 calls, where 8 are expected."""
    x = np.zeros(100)
    judgement = judged(half_of_sum, x, np.ones(100), np.full(100, between), calls=1500)
    assert judgement.ok
    assert judgement.extent == "2 random projections"
    wrong = judged(half_of_sum, x, np.ones(100), np.full(100, between + 2), calls=1500)
    assert not wrong.ok


@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (2, 1, 3)])
def test_any_shape(shape):
    x = np.ones(shape)
    assert judged(np.exp, x, np.ones(shape), np.exp(x)).ok
    assert judged(np.exp, x, np.ones(shape), 2 * np.exp(x)).ok == (x.size == 0)


def test_an_output_of_no_weight_may_be_infinite():
    x = np.array([0.0, 1.0])
    judgement = judged(lambda x: np.log(np.abs(x)), np.array([1.0, 1.0]), np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert judgement.ok
    with np.errstate(divide="ignore"):
        assert judged(lambda x: np.log(np.abs(x)), x, np.array([0.0, 1.0]), x).ok


def test_few_calls():
    calls = []
    f, z, g, got = problem("softmax", "usual")
    judged(lambda x: calls.append(1) or f(x), z, g, got)
    assert len(calls) <= 30
    calls.clear()
    judged(lambda x: calls.append(1) or real_only(f)(x), z, g, got)
    assert len(calls) <= 90


@pytest.mark.parametrize("size", ["usual", "of size 1e8", "of size 1e-8"])
def test_a_right_gradient_makes_a_v_of_steps_and_errors(size):
    f, z, g, got = problem("sines" if size == "usual" else "squares", size)
    steps, errors = step_curve(f, z, g, got, np.random.default_rng(0))
    assert steps.shape == errors.shape
    assert np.all(np.diff(steps) < 0)
    assert errors.min() < 1e-8
    assert errors[-1] > 100 * errors.min()


def test_a_wrong_gradient_makes_a_plateau():
    f, z, g, got = problem("softmax", "usual")
    _, errors = step_curve(f, z, g, 1.01 * got, np.random.default_rng(0))
    assert np.all(errors[6:-8] > 0.009)
    assert errors.min() > 1e-3


def test_a_rounding_error_is_a_gradient_of_zero():
    """Of a Cox likelihood with one patient, say: 0, whatever x is."""
    x = np.array([0.3])
    report = sg.check_grad(lambda x: np.abs(np.maximum(x, x) - x).sum(), lambda x: np.full_like(x, -1.1e-16), x)
    assert report.ok is True


def test_a_small_gradient_of_zero_is_wrong_where_the_function_moves_further_away():
    x = np.array([-1.0, -2.0])
    report = sg.check_grad(lambda x: np.maximum(1e-20 * x, 0).sum(), lambda x: np.full_like(x, 1e-20), x)
    assert report.ok is False
