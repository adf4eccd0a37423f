"""Numerical derivatives against mpmath's and closed forms: how near they come, and whether their estimates hold."""

import mpmath
import numpy as np
import pytest

import softgrad as sg
from softgrad.check.derivatives.evaluate import EPS, direction, point, unit
from softgrad.check.derivatives.numerical import allows_complex_step, along, slopes

EPS32 = float(np.finfo(np.float32).eps)

CURVES = {  # name: (f in NumPy, f in mpmath)
    "exp": (np.exp, mpmath.exp),
    "sine": (np.sin, mpmath.sin),
    "tanh": (np.tanh, mpmath.tanh),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 1 / (1 + mpmath.exp(-x))),
    "softplus": (lambda x: np.log(1 + np.exp(x)), lambda x: mpmath.log(1 + mpmath.exp(x))),
    "cubic": (lambda x: x**3 - 2 * x, lambda x: x**3 - 2 * x),
    "bell": (lambda x: 1 / (1 + x * x), lambda x: 1 / (1 + x * x)),
    "root with a pole nearby": (lambda x: np.sqrt(np.abs(x)), lambda x: mpmath.sqrt(abs(x))),
    "log with a pole nearby": (lambda x: np.log(np.abs(x)), lambda x: mpmath.log(abs(x))),
    "rounded inside": (lambda x: (1e4 + np.sin(x)) - 1e4, mpmath.sin),
}


def draws(name, number, dtype=np.float64):
    """Curves stretched, scaled and shifted at random: f of an array of one entry, its derivative, and where."""
    f, exact = CURVES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    for _ in range(number):
        inner, outer = dtype(10 ** rng.uniform(-3, 4)), dtype(10 ** rng.uniform(-6, 6))
        shift, at = dtype(rng.choice([0, 1, 100])), dtype(dtype(rng.normal(0, 2)) / inner)
        with mpmath.workdps(40):
            derivative = mpmath.diff(lambda s, inner=inner: exact(mpmath.mpf(float(inner)) * s), mpmath.mpf(float(at)))
            wanted = float(mpmath.mpf(float(outer)) * derivative)
        yield (
            lambda x, inner=inner, outer=outer, shift=shift: outer * (f(inner * x.astype(dtype)) + shift),
            wanted,
            np.array([at], dtype=np.float64),
        )


@pytest.mark.parametrize("name", CURVES)
def test_estimates_hold_and_are_not_vacuous(name):
    actual, estimated = [], []
    for f, wanted, x in draws(name, 150):
        got = along(f, x, np.ones(1))
        assert abs(got.value[0] - wanted) <= 4 * got.error[0]
        actual.append(abs(got.value[0] - wanted) / abs(wanted))
        estimated.append(got.error[0] / abs(wanted))
    assert np.median(actual) < 1e-9
    assert np.median(estimated) < 1e-9 if name != "rounded inside" else 1e-6
    assert np.mean(np.array(estimated) < 1e-5) > (0.9 if name != "rounded inside" else 0.6)


@pytest.mark.parametrize("name", [name for name in CURVES if name != "rounded inside"])
def test_estimates_hold_in_float32(name):
    estimated = []
    for f, wanted, x in draws(name, 150, np.float32):
        got = along(f, x, np.ones(1), eps=EPS32)
        if np.isfinite(got.error[0]) and f(x)[0] != 0:
            assert abs(got.value[0] - wanted) <= 4 * got.error[0]
            estimated.append(got.error[0] / abs(wanted))
    assert np.median(estimated) < 1e-3


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def exact_softmax_jacobian(z):
    """p_i (delta_ij - p_j), by mpmath."""
    with mpmath.workdps(400):
        e = [mpmath.exp(mpmath.mpf(float(entry))) for entry in z]
        p = [entry / mpmath.fsum(e) for entry in e]
        return np.array([[float(a * ((i == j) - b)) for j, b in enumerate(p)] for i, a in enumerate(p)])


LOGITS = {  # name: logits
    "plain": [0.3, -1.2, 2.0, 0.1],
    "all equal": [0.0, 0.0, 0.0],
    "far from 0": [1e8 + 1, 1e8 - 1, 1e8],
    "tiny": [1e-8, -2e-8, 3e-8],
    "saturated": [700.0, -700.0, 0.0],
    "nearly saturated": [30.0, -5.0, 0.0],
    "tied at the top": [700.0, 700.0, -700.0],
}


@pytest.mark.parametrize("complex_step", [False, True])
@pytest.mark.parametrize("case", LOGITS)
def test_the_jacobian_of_softmax(case, complex_step):
    z = np.array(LOGITS[case])
    wanted, at = exact_softmax_jacobian(z), point(softmax, z)
    for j in range(len(z)):
        got = along(softmax, z, unit(z, j), complex_step=complex_step, at=at)
        assert got.value.shape == got.error.shape == z.shape
        assert np.all(np.abs(got.value - wanted[:, j]) <= 4 * got.error + EPS * np.abs(wanted[:, j]))
        assert got.error.max() < (1e-14 if complex_step else 1e-9)


def test_a_derivative_has_the_shape_of_the_output():
    x = np.arange(6.0).reshape(2, 3)
    for shape, f in {(2,): lambda x: x.sum(axis=1), (): lambda x: (x**2).sum(), (2, 3): lambda x: 2 * x}.items():
        got = along(f, x, unit(x, 4))
        assert got.value.shape == got.error.shape == shape
    np.testing.assert_allclose(along(lambda x: x.sum(axis=1), x, unit(x, 4)).value, [0, 1], atol=1e-12)


HARD = {  # name: (f, its derivative, x, largest relative estimate)
    "square at 1e8": (lambda x: x * x, lambda x: 2 * x, 1e8, 1e-9),
    "inverse at 1e8": (lambda x: 1 / x, lambda x: -1 / x**2, 1e8, 1e-9),
    "inverse at 1e-8": (lambda x: 1 / x, lambda x: -1 / x**2, 1e-8, 1e-9),
    "sine at 1e6": (np.sin, np.cos, 1e6, 1e-7),
    "root near 0": (np.sqrt, lambda x: 0.5 / np.sqrt(x), 1e-12, 1e-9),
    "kink near x": (lambda x: np.abs(x - 1), np.sign, 1 + 1e-7, 1e-6),
    "kink nearer than the step, beside a large number": (lambda x: 1e3 + np.maximum(x, 0), lambda x: 1.0, 1e-6, 1e-3),
    "steep": (lambda x: np.tanh(1e6 * x), lambda x: 1e6 / np.cosh(1e6 * x) ** 2, 1e-6, 1e-8),
    "even": (lambda x: x**8, lambda x: 8 * x**7, 1e3, 1e-9),
}


@pytest.mark.parametrize("case", HARD)
def test_a_step_is_found_for_a_hard_curve(case):
    f, derivative, at, limit = HARD[case]
    x = np.array([at])
    got, wanted = along(f, x, np.ones(1)), derivative(x)
    assert np.abs(got.value - wanted) <= 4 * got.error
    assert got.error <= limit * np.abs(wanted)


def test_each_entry_of_the_output_has_its_own_step():
    x = np.array([1e-8])
    got = along(lambda x: np.stack([np.exp(x), np.log(x), x**2]), x, np.ones(1))
    np.testing.assert_allclose(got.value[:, 0], [1, 1e8, 2e-8], rtol=1e-8)


def test_a_function_that_stands_still_has_a_derivative_of_0():
    got = along(lambda x: np.full(2, 3.0), np.ones(4), np.ones(4))
    assert got.value.tolist() == [0, 0]
    assert got.error.max() < 1e-11


AT_A_BREAK = {"kink": np.abs, "jump": lambda x: np.heaviside(x, 0.5), "root": np.sqrt}


@pytest.mark.parametrize("case", AT_A_BREAK)
def test_where_there_is_no_derivative_the_estimate_says_so(case):
    got = along(AT_A_BREAK[case], np.zeros(1), np.ones(1))
    assert not got.error[0] < 0.1 * np.abs(got.value[0]) or got.error[0] > 0.1


SLOPES = {  # name: (f, x, from the left, from the right)
    "relu at 0": (lambda x: np.maximum(x, 0), 0.0, 0.0, 1.0),
    "abs": (lambda x: np.abs(x - 3), 3.0, -1.0, 1.0),
    "curved on both sides": (lambda x: np.exp(np.abs(x)) + 2 * x, 0.0, 1.0, 3.0),
    "smooth": (np.exp, 1.0, np.e, np.e),
}


@pytest.mark.parametrize("case", SLOPES)
def test_slopes_from_both_sides(case):
    f, at, *wanted = SLOPES[case]
    for side, exact in zip(slopes(f, np.array([at]), np.ones(1)), wanted, strict=True):
        assert abs(side.value[0] - exact) <= 4 * side.error[0] + EPS
        assert side.error[0] < 1e-8


def test_a_slope_beyond_the_border_of_the_domain_is_not_known():
    left, right = slopes(lambda x: x * np.sqrt(x), np.zeros(1), np.ones(1))
    assert np.isinf(left.error[0])
    assert np.isfinite(right.error[0])


def into_a_float_array(x):
    out = np.zeros(x.shape)
    out[...] = x**2
    return out


DROPS = {  # name: f that the complex step does not see through
    "abs": lambda x: np.abs(x) ** 2,
    "real part": lambda x: x.real**2,
    "conjugate": lambda x: x * x.conj(),
    "float()": lambda x: sum(float(entry) ** 2 for entry in x),
    "cast": lambda x: x.astype(float) ** 2,
    "a float array": into_a_float_array,
    "one of two terms": lambda x: x**2 + np.abs(x) ** 3,
    "one of many entries": lambda x: np.where(np.arange(len(x)) == 1, x.real, x) ** 2,
    "constant": lambda x: np.ones(3),
}
KEEPS = {
    "square": lambda x: x**2,
    "softmax": softmax,
    "relu": lambda x: np.maximum(x, 0),
    "relu by a comparison": lambda x: x * (x > 0),
    "log-sum-exp": lambda x: np.log(np.exp(x - x.max()).sum()) + x.max(),
    "matrix product": lambda x: np.arange(12.0).reshape(4, 3) @ x,
}


@pytest.mark.parametrize("case", DROPS)
def test_no_complex_step_where_the_imaginary_part_is_lost(case):
    assert not allows_complex_step(DROPS[case], np.array([0.5, -2.0, 1.5]), np.random.default_rng(0))


HIDDEN = {  # f that drops the imaginary part of its second term alone, beside which the first is large; its gradient
    "abs": (lambda x: 1e8 * x[0] ** 2 + np.abs(x[1]), lambda x: [2e8 * x[0], np.sign(x[1])]),
    "half of a term": (lambda x: 1e8 * x[0] ** 2 + x[1] * np.abs(x[1]), lambda x: [2e8 * x[0], 2 * np.abs(x[1])]),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_a_large_entry_does_not_hide_a_lost_imaginary_part(case):
    f, grad = HIDDEN[case]
    x = np.array([1.0, -0.7])
    by_complex_step = np.array([along(f, x, unit(x, j), complex_step=True).value for j in range(2)])
    for got in (np.array(grad(x)), by_complex_step):
        assert not allows_complex_step(f, x, np.random.default_rng(0), got=got)
    assert allows_complex_step(lambda x: 1e8 * x[0] ** 2 + x[1] ** 2, x, np.random.default_rng(0), got=got)
    assert sg.check_grad(f, lambda x: np.array(grad(x)), x).ok is True
    assert sg.check_grad(f, lambda x: by_complex_step, x).ok is False


@pytest.mark.parametrize("case", KEEPS)
def test_complex_step_where_it_can_be_taken(case):
    assert allows_complex_step(KEEPS[case], np.array([0.5, -2.0, 1.5]), np.random.default_rng(0))


def test_the_complex_step_is_exact_to_rounding():
    x = np.array([0.3, -1.2, 2.0])
    got = along(np.exp, x, unit(x, 1), complex_step=True)
    np.testing.assert_allclose(got.value, [0, np.exp(-1.2), 0], rtol=4 * EPS)


@pytest.mark.parametrize("power", [3, 4, 5])
def test_the_square_of_the_complex_step_is_no_derivative(power):
    """The imaginary part of (i h)**3 is -h**3, though the derivative of x**3 at 0 is 0."""
    x = np.array([2.0, 0.0, -1.0])
    report = sg.check_vjp(lambda x: x**power, lambda x, y, g: power * g * x ** (power - 1), x)
    assert report.ok is True, report.text()
    assert report.facts == ()
    assert "complex step" in report.method


def test_the_rounding_of_f_is_measured():
    x = np.array([0.3, -1.2])
    assert np.all(point(np.exp, x).rounding == EPS * np.exp(x))
    assert np.all(point(lambda x: (1e6 + np.sin(x)) - 1e6, x).rounding > 1e4 * EPS)


def test_a_right_derivative_costs_few_calls():
    calls = []
    x = np.array([0.3, -1.2, 2.0])
    at = point(softmax, x)
    along(lambda x: calls.append(1) or softmax(x), x, unit(x, 0), at=at)
    assert len(calls) == 6


def test_x_is_left_alone_and_f_may_fail_away_from_it():
    def f(x):
        if abs(x[0] - 1) > 1e-3:
            raise ValueError("not here")
        return x**2

    x = np.array([1.0])
    got = along(f, x, np.ones(1))
    np.testing.assert_allclose(got.value, 2, rtol=1e-8)
    assert x.tobytes() == np.array([1.0]).tobytes()


def test_directions_are_of_few_digits():
    v = direction(np.zeros((4, 5)), np.random.default_rng(0))
    assert v.shape == (4, 5)
    assert np.all(v * 64 == np.rint(v * 64))
