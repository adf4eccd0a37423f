"""Mistakes in gradients from other trades than deep learning: what they are called, and what is said of them."""

from itertools import pairwise

import numpy as np
import pytest

import softgrad as sg

stats = pytest.importorskip("scipy.stats")

RNG = np.random.default_rng(8)
POINTS, MATRIX = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 4))
TAGS = np.array([0, 2, 1, 1])
LAPLACIAN = np.array([[2.0, -1, 0, -1], [-1, 2, -1, 0], [0, -1, 2, -1], [-1, 0, -1, 2]])


def path_score(a):
    return np.sinh(a).sum() - sum(a[i, j] for i, j in pairwise(TAGS))


def path_score_back(a):
    d = np.cosh(a)
    for i, j in pairwise(TAGS):
        d[j, i] -= 1
    return d


def leaky(x):
    return np.sinh(np.where(x > 0, x, 0.1 * x))


def leaky_back(x, y, g):
    d = g * np.sqrt(1 + y * y)
    return np.where(x > 0, 0.1 * d, d)


def smoothness(f, y):
    return np.sum(np.sinh(f - y)) + 0.7 * np.trace(f.T @ LAPLACIAN @ f)


def stationary(w, c):
    return c @ np.linalg.solve(np.eye(4) - 0.1 * np.sin(w), np.ones(4))


def stationary_back(w, c):
    m = np.eye(4) - 0.1 * np.sin(w)
    return 0.1 * np.cos(w) * np.outer(np.linalg.solve(m, c), np.linalg.solve(m, np.ones(4)))


def normal_scores(u):
    return np.sinh(stats.norm.ppf(u)).sum()


def normal_scores_back(u):
    z = stats.norm.ppf(u)
    return np.cosh(z) * stats.norm.pdf(z)


def survival(h):
    return np.sum(np.sinh(np.cumprod(1 - h)))


def survival_back(h):
    s = np.cumprod(1 - h)
    return -np.cumsum(np.cosh(s) * s) / (1 - h)


def lagged(x):
    return sum(np.tanh(x[lag:] @ x[:-lag]) for lag in (1, 2))


def lagged_back(x):
    g = np.zeros_like(x)
    for lag in (1, 2):
        c = 1 - np.tanh(x[lag:] @ x[:-lag]) ** 2
        g[lag:] += c * x[:-lag]
        g[:-lag] = c * x[lag:]
    return g


def turned(angle, points):
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, -s], [s, c]])


def turned_back(angle, points, y, g):
    c, s = np.cos(angle), np.sin(angle)
    return np.sum(g * (points @ np.array([[-s, -c], [s, -s]])))


def filtered(x, taps):
    return np.sinh(np.convolve(x, taps, mode="valid"))


def filtered_back(x, taps, y, g):
    d = g * np.sqrt(1 + y * y)
    return np.convolve(d, taps[::-1]), np.convolve(x, d, mode="valid")


SOURCES, TARGETS = np.array([0, 1, 2, 3, 0]), np.array([1, 2, 0, 2, 3])


def messages(h):
    out = np.zeros((4, 3))
    np.add.at(out, TARGETS, np.sinh(h[SOURCES]))
    return out


def messages_back(h, y, g):
    d = np.zeros_like(h)
    np.add.at(d, TARGETS, g[TARGETS] * np.cosh(h[SOURCES]))
    return d


def censored(x):
    return np.sum(np.sinh(stats.norm.logcdf(x)))


def censored_back(x):
    return np.cosh(stats.norm.logcdf(x)) * stats.norm.pdf(x) / stats.norm.sf(x)


def gravity(b, distance):
    return np.sum(np.sinh(b[0] * distance ** b[1]))


def gravity_back(b, distance):
    d = np.cosh(b[0] * distance ** b[1]) * distance ** b[1]
    return np.array([d.sum(), b[0] * d @ distance])


def without_the_last(x):
    return np.sinh(x[:-1]) * 0.5


def put_at_the_end(x, y, g):
    d = np.zeros_like(x)
    d[1:] += 0.5 * np.cosh(x[:-1]) * g
    return d


def decibels(x):
    return np.log10(1 + x**2).sum()


CASES = {  # name: (check, the mistake, what is said, what is not)
    "the indices of an entry": (
        lambda: sg.check_grad(path_score, path_score_back, MATRIX),
        "wrong-indices", "with its indices exchanged", "matrix product"),
    "the slopes of both sides": (
        lambda: sg.check_vjp(leaky, leaky_back, POINTS),
        "wrong-operand", "goes to the other choice", "should be 0"),
    "a quadratic form": (
        lambda: sg.check_grad(smoothness, lambda f, y: np.cosh(f - y) + 0.7 * LAPLACIAN @ f, POINTS, POINTS + 1),
        "left-out", "`f` stands there twice", "nothing flows back"),
    "a system of equations": (
        lambda: sg.check_grad(stationary, stationary_back, MATRIX, RNG.normal(size=4)),
        "untransposed-matrix", "a matrix that is not transposed", "wrong way round"),
    "a quantile": (
        lambda: sg.check_grad(normal_scores, normal_scores_back, RNG.uniform(0.1, 0.9, 5)),
        "wrong-factor", "is divided by the derivative of `stats.norm.ppf(u)`", "random"),
    "a product up to each entry": (
        lambda: sg.check_grad(survival, survival_back, RNG.uniform(0.1, 0.9, 5)),
        "broadcast-sum", "summed up in the direction of the forward pass", "times"),
    "the last of two parts is assigned": (
        lambda: sg.check_grad(lagged, lagged_back, RNG.normal(size=7)),
        "only-the-last", "from `x[:-lag]` overwrites what flowed there before", "in a loop only"),
    "one of two sines": (
        lambda: sg.check_vjp(turned, turned_back, 0.7, RNG.normal(size=(5, 2))),
        "forward-value", "multiplied by `s` itself, in the part that comes back from", "times"),
    "the ends of edges": (
        lambda: sg.check_vjp(messages, messages_back, POINTS),
        "wrong-indices", "added at the indices of", "the sum in line"),
    "the other tail": (
        lambda: sg.check_grad(censored, censored_back, RNG.normal(size=6)),
        "derivative-at-minus", "by `x` is taken at minus `x`", "new"),
    "an elasticity": (
        lambda: sg.check_grad(gravity, gravity_back, RNG.normal(size=2), RNG.uniform(1, 3, 6)),
        "wrong-factor", "is multiplied by `distance`, not by its logarithm", "times"),
    "one entry further": (
        lambda: sg.check_vjp(without_the_last, put_at_the_end, RNG.normal(size=(6, 2))),
        "wrong-indices", "is put one entry further", "operand"),
    "a shift": (
        lambda: sg.check_vjp(lambda x: np.roll(x, 2, -1), lambda x, y, g: np.roll(g, 2, -1), MATRIX[:, :3]),
        "wrong-indices", "moves the gradient as it moved `x`, and not back", "matrix product"),
    "a permutation": (
        lambda: sg.check_vjp(lambda x: x[[2, 0, 1, 4, 3]], lambda x, y, g: g[[2, 0, 1, 4, 3]], np.arange(5.0)),
        "wrong-indices", "moves the gradient as it moved `x`, and not back", "matrix product"),
    "decibels": (
        lambda: sg.check_grad(decibels, lambda x: 2 * x / (1 + x**2), POINTS),
        "wrong-factor", "what flows back to `1 + x ** 2` is np.log(10) times", "to `np.log10"),
    "the taps of a filter": (
        lambda: sg.check_vjp(filtered, filtered_back, RNG.normal(size=9), RNG.normal(size=3)),
        "memory-order", "is used in reverse order", "diagonal"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_is_called_what_it_is(case):
    check, name, said, unsaid = CASES[case]
    report = check()
    assert report.ok is False
    assert report.mistake.name == name
    assert said in report.mistake.explanation
    assert unsaid not in f"{report.mistake.title} {report.mistake.explanation}"


def test_a_factor_of_two_is_told_before_a_length_of_two():
    def log_determinants(a):
        return np.linalg.slogdet(a @ a.transpose(0, 2, 1) + np.eye(3))[1]

    def back(a, y, g):
        return g[:, None, None] * np.linalg.inv(a @ a.transpose(0, 2, 1) + np.eye(3)) @ a

    text = str(sg.check_vjp(log_determinants, back, RNG.normal(size=(2, 3, 3))))
    assert "lacks the factor 2" in text
    assert "len(a)" not in text


def test_a_step_adds_to_the_array_of_the_same_name():
    def steps(x):
        for _ in range(3):
            x = x + 0.3 * np.sin(x + 1)
        return x

    def back(x, y, g):
        seen = [x]
        for _ in range(2):
            seen.append(seen[-1] + 0.3 * np.sin(seen[-1] + 1))
        for one in reversed(seen):
            g = g * 0.3 * np.cos(one + 1)
        return g

    mistake = sg.check_vjp(steps, back, POINTS).mistake
    assert mistake.name == "left-out"
    assert "nothing flows back to `x` through the new `x`" in mistake.explanation
    assert "d(x) = d(x)" not in mistake.formula


KNOTS = np.linspace(0, 1, 6)


def interpolated(values, q):
    return np.sum(np.sinh(np.interp(q, KNOTS, values)))


def interpolated_back(values, q):
    i = np.clip(np.searchsorted(KNOTS, q) - 1, 0, 4)
    share = (q - KNOTS[i]) / (KNOTS[i + 1] - KNOTS[i])
    r, g = np.cosh(np.interp(q, KNOTS, values)), np.zeros_like(values)
    np.add.at(g, i, r * share)  # wrong: 1 - share
    np.add.at(g, i + 1, r * share)
    return g


def test_values_inside_of_a_function_of_numpys_have_no_name():
    report = sg.check_grad(interpolated, interpolated_back, RNG.normal(size=6), RNG.uniform(size=9))
    assert report.ok is False
    assert report.mistake is None
    assert report.backward_line.text.startswith("np.add.at(g, i, r * share)")
    assert any("r is right: the gradient of np.interp(q, KNOTS, values)" in note for note in report.backward_line.notes)


def test_two_mistakes_in_one_place_are_not_another_array():
    """A sum over both neighbours is no multiple of the field in the place of a difference."""

    def energy(f):
        return 0.5 * np.sum((np.roll(f, -1) - f) ** 2) + np.sum(f**4)

    def back(f):
        return 2 * f - 2 * np.roll(f, 1) + 4 * f**3

    report = sg.check_grad(energy, back, RNG.normal(size=6))
    assert report.ok is False
    assert report.mistake is None or report.mistake.name != "wrong-operand"


def test_a_constant_is_told_by_its_name():
    report = sg.check_grad(
        lambda x: np.sinh(np.log10(x)).sum(), lambda x: np.cosh(np.log10(x)) / x, RNG.uniform(1, 3, 6)
    )
    assert "lacks the factor 1 / np.log(10)" in str(report)
