"""What functions do beside computing is found where it is, and not where it is not."""

import numpy as np
import pytest

import softgrad as sg
from check.corpus.common import mean_loss, one_hot, relu, softmax
from softgrad.check.catalogue import conduct

Z = np.random.default_rng(0).normal(size=(4, 3))
WHOLE = np.array([[1, 2, 0], [0, 1, 3], [2, 2, 1], [0, -1, 1]])
Y = np.array([0, 2, 1, 1])
SQUARE = np.random.default_rng(1).normal(size=(3, 3))
BEHAVIOUR = {entry.name for entry in conduct.ENTRIES}


def backward(p, dp):
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def of_softmax(vjp, *inputs, **options):
    return lambda: sg.check_vjp(softmax, vjp, *(inputs or (Z,)), **options)


def overwrites_input(z, p, dp):
    z *= 0
    return backward(p, dp)


def overwrites_a_copy(z, p, dp):
    z, p, dp = z.copy(), p.copy(), dp.copy()
    z *= 0
    dp -= (p * dp).sum(axis=-1, keepdims=True)
    p *= dp
    return p


def overwrites_output(z, p, dp):
    p *= dp - (p * dp).sum(axis=-1, keepdims=True)
    return p.copy()


def overwrites_upstream(z, p, dp):
    grad = backward(p, dp)
    dp[:] = 0
    return grad


def accumulates(reset):
    total = np.zeros((4, 3))

    def vjp(z, p, dp):
        if reset:
            total[:] = 0
        np.add(total, backward(p, dp), out=total)
        return total.copy()

    return vjp


def remembers_a_buffer():
    """The same array is returned each time, filled anew."""
    buffer = np.zeros((4, 3))

    def vjp(z, p, dp):
        buffer[:] = backward(p, dp)
        return buffer

    return vjp


def in_float32(z, p, dp):
    return backward(p, dp).astype(np.float32)


def of_whole_numbers(dtype):
    def vjp(z, p, dp):
        grad = np.zeros(z.shape, dtype=dtype or z.dtype)
        grad[:] = backward(p, dp)
        return grad

    return vjp


def over_p(z, p, dp):
    with np.errstate(all="ignore"):
        return backward(p, dp * p / p)


SATURATED = np.array([[0.0, 800.0, 1.0], [1.0, 2.0, 3.0]])


def huber(x, d):
    return np.where(np.abs(x) <= d, 0.5 * x * x, d * (np.abs(x) - 0.5 * d))


PLANTED = {  # a finding: (the check where it is, the same where it is not)
    "input-overwritten": (of_softmax(overwrites_input), of_softmax(overwrites_a_copy)),
    "output-overwritten": (of_softmax(overwrites_output), of_softmax(overwrites_a_copy)),
    "grad-output-overwritten": (of_softmax(overwrites_upstream), of_softmax(overwrites_a_copy)),
    "accumulated-gradient": (
        lambda: of_softmax(accumulates(reset=False))(), lambda: of_softmax(accumulates(reset=True))()
    ),
    "not-repeatable-gradient": (
        of_softmax(lambda z, p, dp: backward(p, dp) * np.random.default_rng().uniform(0.9, 1.1)),
        of_softmax(lambda z, p, dp: backward(p, dp) * np.random.default_rng(0).uniform(1.0, 1.0)),
    ),
    "wrong-shape": (
        of_softmax(lambda z, p, dp: backward(p, dp).sum(axis=0)), of_softmax(lambda z, p, dp: backward(p, dp))
    ),
    "transposed": (of_softmax(lambda z, p, dp: backward(p, dp).T), of_softmax(lambda z, p, dp: backward(p, dp).T.T)),
    "not-finite": (of_softmax(over_p, SATURATED), of_softmax(lambda z, p, dp: backward(p, dp), SATURATED)),
    "float32-result": (of_softmax(in_float32), of_softmax(lambda z, p, dp: backward(p, dp))),
    "integer-truncation": (of_softmax(of_whole_numbers(None), WHOLE), of_softmax(of_whole_numbers(float), WHOLE)),
    "upstream-ignored": (
        lambda: sg.check_vjp(lambda z: z**3, lambda z, y, g: 3 * z**2, Z),
        lambda: sg.check_vjp(lambda z: z**3, lambda z, y, g: 3 * z**2 * g, Z),
    ),
    "upstream-not-linear": (
        lambda: sg.check_vjp(lambda z: z**3, lambda z, y, g: 3 * z**2 * g**2, Z),
        lambda: sg.check_vjp(lambda z: z**3, lambda z, y, g: 3 * z**2 * g, Z),
    ),
    "zero-gradient": (
        lambda: sg.check_grad(mean_loss, lambda z, y: (softmax(z) - one_hot(y, 3)) * (1 // len(z)), Z, Y),
        lambda: sg.check_grad(mean_loss, lambda z, y: (softmax(z) - one_hot(y, 3)) * (1 / len(z)), Z, Y),
    ),
    "gradients-exchanged": (
        lambda: sg.check_vjp(np.matmul, lambda x, W, y, g: (x.T @ g, g @ W.T), SQUARE, SQUARE + 1),
        lambda: sg.check_vjp(np.matmul, lambda x, W, y, g: (g @ W.T, x.T @ g), SQUARE, SQUARE + 1),
    ),
    "parameter-for-gradient": (
        lambda: sg.check_grad(mean_loss, lambda z, y: z - 0.1 * (softmax(z) - one_hot(y, 3)) / len(z), Z, Y),
        lambda: sg.check_grad(mean_loss, lambda z, y: (softmax(z) - one_hot(y, 3)) / len(z), Z, Y),
    ),
    "update-sign": (
        lambda: sg.check_grad(mean_loss, lambda z, y: z + 0.1 * (softmax(z) - one_hot(y, 3)) / len(z), Z, Y),
        lambda: sg.check_grad(mean_loss, lambda z, y: (softmax(z) - one_hot(y, 3)) / len(z), Z, Y),
    ),
    "clipping-one-sided": (
        lambda: sg.check_vjp(lambda z: np.sin(np.clip(z, -1, 1)), lambda z, y, g: g * np.cos(np.clip(z, -1, 1)), Z),
        lambda: sg.check_vjp(
            lambda z: np.sin(np.clip(z, -1, 1)), lambda z, y, g: g * np.cos(z) * (np.abs(z) < 1), Z
        ),
    ),
    "number-ignored": (
        lambda: sg.check_vjp(huber, lambda x, d, y, g: (g * np.clip(x, -1, 1), None), 3 * Z, np.array(2.5)),
        lambda: sg.check_vjp(huber, lambda x, d, y, g: (g * np.clip(x, -d, d), None), 3 * Z, np.array(2.5)),
    ),
}  # fmt: skip
ALSO = {"transposed": {"wrong-shape"}}  # what is true beside it


def names(report):
    return {mistake.name for mistake in report.mistakes}


@pytest.mark.parametrize("finding", PLANTED)
def test_it_is_found_where_it_is(finding):
    report = PLANTED[finding][0]()
    assert report.ok is False
    assert report.mistake.name == finding
    assert names(report) <= {finding} | ALSO.get(finding, set())
    assert report.mistake.evidence


@pytest.mark.parametrize("finding", PLANTED)
def test_and_nowhere_else(finding):
    report = PLANTED[finding][1]()
    assert report.ok is True, report.text()
    assert report.mistakes == ()


def test_every_finding_of_the_catalogue_is_planted():
    assert PLANTED.keys() >= BEHAVIOUR


HARMLESS = {  # right, though it looks odd
    "a buffer that is filled anew": lambda: sg.check_vjp(softmax, remembers_a_buffer(), Z),
    "a forward that changes its input": lambda: sg.check_vjp(
        lambda z: np.exp(z, out=z), lambda z, y, g: g * y, Z
    ),
    "a forward that returns its input": lambda: sg.check_vjp(lambda z: z, lambda z, y, g: g, Z),
    "float32 in both directions": lambda: sg.check_vjp(
        lambda x: relu(x.astype(np.float32)), lambda x, y, g: (g * (x > 0)).astype(np.float32), Z
    ),
    "integers from a step function": lambda: sg.check_vjp(np.floor, lambda z, y, g: np.zeros_like(z), Z),
    "the upstream itself": lambda: sg.check_vjp(lambda z: z + 1, lambda z, y, g: g, Z),
    "a cache that forward fills": lambda: sg.check_vjp(*with_a_cache(), Z),
}  # fmt: skip


def with_a_cache():
    kept = {}

    def forward(z):
        kept["p"] = softmax(z)
        return kept["p"]

    return forward, lambda z, p, dp: backward(kept["p"], dp)


@pytest.mark.parametrize("case", HARMLESS)
def test_the_harmless_passes(case):
    report = HARMLESS[case]()
    assert report.ok is True, report.text()


def test_float32_code_is_checked_at_the_accuracy_of_float32():
    """A forward that refuses float64 is called with what it takes, and the report says so."""

    def forward(x):
        if x.dtype != np.float32:
            raise TypeError("float32 only")
        return np.tanh(x)

    x = Z.astype(np.float32)
    right = sg.check_vjp(forward, lambda x, y, g: (g * (1 - y * y)).astype(np.float32), x)
    wrong = sg.check_vjp(forward, lambda x, y, g: (g * (1 - y)).astype(np.float32), x)
    assert (right.ok, wrong.ok) == (True, False)
    for report in (right, wrong):
        assert any("accuracy that float32 allows" in fact for fact in report.facts)


@pytest.mark.parametrize("size", [1e-12, 1e-8, 1e-4, 1.0, 30.0])
def test_float64_is_told_from_float32_whatever_the_size(size):
    z = size * Z
    off = of_softmax(lambda z, p, dp: backward(p, dp) * (1 + 5e-6), z)()
    assert off.ok is False
    assert not any("float32" in fact for fact in off.facts)
    x = np.random.default_rng(2).normal(size=(15, 10)) * size  # many entries: some are next to a float32 by chance
    report = sg.check_vjp(lambda x: np.tanh(x.astype(np.float32)).astype(float), lambda x, y, g: g * (1 - y * y), x)
    assert report.ok is True
    assert any("computes in float32" in fact for fact in report.facts)


def test_float16_is_checked_at_the_accuracy_of_float16():
    forward = lambda z: softmax(z.astype(np.float16))  # noqa: E731
    right = sg.check_vjp(forward, lambda z, p, dp: backward(p.astype(float), dp).astype(np.float16), Z)
    wrong = sg.check_vjp(forward, lambda z, p, dp: (p * dp).astype(np.float16), Z)
    assert (right.ok, wrong.ok) == (True, False)
    assert "forward returns float16: checked at the accuracy that float16 allows" in right.facts
    assert not any(fact.startswith("forward computes") for fact in wrong.facts)


@pytest.mark.parametrize("bound", [1.0, 10.0, 100.0])
@pytest.mark.parametrize("forward", ["softmax", "unknown"])
def test_a_gradient_that_is_clipped_is_found_beyond_the_bound_too(bound, forward):
    if forward == "softmax":
        report = of_softmax(lambda z, p, dp: np.clip(backward(p, dp), -bound, bound))()
    else:
        report = sg.check_vjp(np.sin, lambda x, y, g: np.clip(np.cos(x) * g, -bound, bound), Z)
    assert report.ok is False
    assert "upstream-not-linear" in names(report) or bound == 1.0


def test_a_right_gradient_at_saturated_logits_is_linear():
    z = np.array([[700.0, -700.0, 0.0], [-700.0, 0.0, 1.0]])
    assert of_softmax(lambda z, p, dp: backward(p, dp), z)().ok is True


def test_nothing_returned_is_first_of_all_zero():
    report = of_softmax(lambda z, p, dp: np.zeros_like(z))()
    assert report.mistake.name == "zero-gradient"
    unknown = sg.check_vjp(lambda z: z**3 + z, lambda z, y, g: 0 * g, Z)
    assert unknown.mistake.name == "zero-gradient"


def test_random_numbers_of_the_backward_alone():
    """The global generator is seeded for it, and what it then gives is judged."""
    report = of_softmax(lambda z, p, dp: backward(p, dp) * (np.random.rand(*z.shape) < 0.5))()  # noqa: NPY002
    assert report.ok is False
    assert "accumulated-gradient" not in names(report)
    assert "vjp draws random numbers: NumPy's global seed was set before each call" in report.facts


def test_what_is_infinite_cannot_be_checked():
    report = sg.check_vjp(np.exp, lambda z, y, g: g * y, np.array([1000.0, 2000.0]))
    assert report.ok is None
    assert report.facts == ("cannot be checked: forward is infinite at the inputs given; give others",)


def test_the_second_calls_ratio_is_told():
    report = of_softmax(accumulates(reset=False))()
    assert "it is 2 times the first" in report.mistake.evidence


def test_where_the_gradient_is_not_finite():
    report = of_softmax(over_p, SATURATED)()
    assert report.mistake.evidence == "the gradient of z is nan at [0, 0]"


def test_only_what_was_not_returned_is_told_as_not_returned():
    """A gradient of the wrong shape was returned."""
    add = lambda x, w, b: x * w + b  # noqa: E731
    x, w, b = Z, Z[0], Z[1]
    said = "not checked, because no gradient was returned: "
    report = sg.check_vjp(add, lambda x, w, b, y, g: (g * w, None, g.sum(axis=0, keepdims=True)), x, w, b)
    assert [mistake.name for mistake in report.mistakes] == ["wrong-shape"]
    assert [fact for fact in report.facts if fact.startswith(said)] == [f"{said}w"]


RIGHT_BESIDE = "the gradients returned are right: an argument that is overwritten is the only mistake"


def test_right_gradients_beside_an_overwritten_argument_are_told():
    class ReLU:
        def forward(self, x):
            self.mask = x <= 0
            return np.where(self.mask, 0, x)

        def backward(self, dout):
            dout[self.mask] = 0
            return dout

    assert RIGHT_BESIDE in sg.check_layer(ReLU(), Z).facts
    report = of_softmax(lambda z, p, dp: -overwrites_upstream(z, p, dp))()
    assert report.ok is False
    assert RIGHT_BESIDE not in report.facts
