"""The optimizers' steps agree with steps from other forms of the same formulas, and with steps computed by hand."""

import platform

import numpy as np
import pytest

from softgrad import DtypeError, OptionError, ShapeError, nn
from tolerance import assert_within

GRADS = [np.array([1.0, -2.0, 0.0]), np.array([0.5, 3.0, 0.0]), np.array([-2.0, 1e-4, 4.0])]
START = np.array([1.0, 2.0, 3.0])


def sgd(learning_rate, momentum, nesterov=False):
    """The parameter after each step. Every step adds each earlier gradient again, times momentum^(its age in steps).

    With Nesterov's momentum a step looks ahead: each gradient counts as if it were one step older.
    """
    for t in range(1, len(GRADS) + 1):
        moves = [sum(momentum**age for age in range(t - s + nesterov)) for s in range(t)]
        yield START - learning_rate * np.tensordot(moves, GRADS[:t], axes=1)


def adam(learning_rate, beta1, beta2, epsilon):
    """The parameter after each step. Each corrected mean is an average with the weight beta^age for each gradient."""
    w = START
    for t in range(1, len(GRADS) + 1):
        ages = np.arange(t)[::-1]
        m = np.average(GRADS[:t], axis=0, weights=beta1**ages)
        v = np.average(np.square(GRADS[:t]), axis=0, weights=beta2**ages)
        w = w - learning_rate * m / (np.sqrt(v) + epsilon)
        yield w


STEPS = {  # name: (makes the optimizer, the parameter after each step)
    "sgd": (lambda: nn.SGD(), sgd(0.01, 0.9)),
    "sgd without momentum": (lambda: nn.SGD(0.1, momentum=0), sgd(0.1, 0.0)),
    "sgd with another momentum": (lambda: nn.SGD(0.1, momentum=0.5), sgd(0.1, 0.5)),
    "nesterov": (lambda: nn.SGD(0.1, momentum=0.5, nesterov=True), sgd(0.1, 0.5, nesterov=True)),
    "adam": (lambda: nn.Adam(), adam(0.001, 0.9, 0.999, 1e-8)),
    "adam with other options": (
        lambda: nn.Adam(0.1, beta1=0.5, beta2=0.8, epsilon=0.1),
        adam(0.1, 0.5, 0.8, 0.1),
    ),
    "adam without memory": (lambda: nn.Adam(0.1, beta1=0, beta2=0, epsilon=1e-8), adam(0.1, 0, 0, 1e-8)),
}
STEPS = {name: (make, list(wanted)) for name, (make, wanted) in STEPS.items()}


@pytest.mark.parametrize("case", STEPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_three_steps_agree_with_the_formula(case, dtype):
    make, wanted = STEPS[case]
    optimizer, w = make(), START.astype(dtype)
    for g, after in zip(GRADS, wanted, strict=True):
        optimizer.step({"w": w}, {"w": g.astype(dtype)})
        assert_within(4, w, after, np.maximum(START, abs(after)))
    assert w.dtype == dtype


def test_sgd_agrees_with_three_steps_computed_by_hand():
    optimizer, w = nn.SGD(0.1, momentum=0.9), np.array([1.0])
    for g, after in ((1.0, 0.9), (2.0, 0.61), (3.0, 0.049)):  # v = -0.1, -0.29, -0.561
        optimizer.step({"w": w}, {"w": np.array([g])})
        assert_within(1, w, [after], START[:1])


@pytest.mark.parametrize("case", STEPS)
def test_each_parameter_has_its_own_state_and_gradients_are_not_changed(case):
    make, wanted = STEPS[case]
    optimizer, first, second = make(), START.copy(), START.reshape(3, 1).copy()
    for g, after in zip(GRADS, wanted, strict=True):
        grads = {"first": g.copy(), "second": -g.reshape(3, 1)}
        for grad in grads.values():
            grad.setflags(write=False)
        optimizer.step({"first": first, "second": second}, grads)
        assert_within(4, first, after, np.maximum(START, abs(after)))
        assert_within(4, second[:, 0], 2 * START - after, 2 * START + abs(after))


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, lambda **options: nn.SGD(nesterov=True, **options)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weight_decay_multiplies_weights_before_the_step_and_leaves_biases(make, dtype):
    """Adam's and SGD's own move does not depend on the parameter, so it is the same with and without decay."""
    decayed, plain = make(learning_rate=0.1, weight_decay=0.5), make(learning_rate=0.1)
    for g in GRADS:
        first = {"layers.0.weight": START.astype(dtype), "layers.0.bias": START.astype(dtype)}
        second = {name: value.copy() for name, value in first.items()}
        grads = dict.fromkeys(first, g.astype(dtype))
        decayed.step(first, grads)
        plain.step(second, grads)
        assert_within(4, first["layers.0.bias"], second["layers.0.bias"])
        wanted = 0.95 * START + (second["layers.0.weight"].astype(float) - START)
        assert_within(8, first["layers.0.weight"], wanted, START + abs(wanted))


@pytest.mark.parametrize("case", STEPS)
def test_l2_is_a_part_of_the_gradient_of_weights(case):
    make, _ = STEPS[case]
    with_l2, by_hand = make(), make()
    first = {"weight": START.copy(), "bias": START.copy()}
    second = {name: value.copy() for name, value in first.items()}
    for g in GRADS:
        with_l2.step(first, {"weight": g, "bias": g}, l2=0.25)
        by_hand.step(second, {"weight": g + 0.25 * second["weight"], "bias": g})
        for name in first:
            assert_within(16, first[name], second[name], START + abs(second[name]))


@pytest.mark.parametrize("case", STEPS)
def test_a_learning_rate_of_a_step_replaces_the_own_one(case):
    make, _ = STEPS[case]
    given, own = make(), make()
    rate, own.learning_rate = own.learning_rate / 2, own.learning_rate / 2
    first, second = START.copy(), START.copy()
    for g in GRADS:
        given.step({"w": first}, {"w": g}, learning_rate=rate)
        own.step({"w": second}, {"w": g})
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("case", STEPS)
def test_a_restored_optimizer_makes_the_same_steps(case):
    make, _ = STEPS[case]
    first, second, w = make(), make(), START.copy()
    first.step({"w": w}, {"w": GRADS[0]})
    second.restore(first.state())
    copy = w.copy()
    for g in GRADS[1:]:
        first.step({"w": w}, {"w": g})
        second.step({"w": copy}, {"w": g})
    np.testing.assert_array_equal(w, copy)


@pytest.mark.parametrize("case", STEPS)
def test_parameters_in_any_layout_are_updated(case):
    make, wanted = STEPS[case]
    optimizer, w = make(), np.zeros((3, 4))
    column = w[:, 1]
    column[:] = START
    for g, after in zip(GRADS, wanted, strict=True):
        optimizer.step({"w": column}, {"w": g[::-1].copy()[::-1]})
        assert_within(4, w[:, 1], after, np.maximum(START, abs(after)))
    assert not w[:, [0, 2, 3]].any()


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_fades_becomes_0_and_not_subnormal(make, dtype):
    """Where the gradient stays 0. Otherwise a step is many times slower. Only x86-64 needs it."""
    optimizer, w, tiny = make(), START.astype(dtype), np.finfo(dtype).tiny
    optimizer.step({"w": w}, {"w": np.full(3, tiny, dtype)})
    for _ in range(200):
        optimizer.step({"w": w}, {"w": np.zeros(3, dtype)})
    kept = optimizer.state()["velocity" if make is nn.SGD else "mean"]["w"]
    assert (kept == 0).all() if platform.machine() in ("x86_64", "AMD64") else (abs(kept) < tiny).all()
    assert_within(1, w, START.astype(dtype))
    assert np.array([tiny]) / 2 > 0  # other code computes with subnormal numbers as before


@pytest.mark.parametrize("make", [nn.SGD, nn.Adam])
def test_arrays_that_do_not_fit_are_refused(make):
    """The kernels check nothing, so a wrong size must never reach them."""
    optimizer, name = make(), make.__name__
    w = START.copy()
    with pytest.raises(ShapeError, match=rf"{name}: the gradient of 'w' has shape \(2,\), wanted \(3,\)"):
        optimizer.step({"w": w}, {"w": GRADS[0][:2]})
    optimizer.step({"w": w}, {"w": GRADS[0]})
    with pytest.raises(
        ShapeError, match=f"{name}: the parameter 'w' has 6 numbers of float64, but .* it had 3 of float64"
    ):
        optimizer.step({"w": np.ones(6)}, {"w": np.ones(6)})
    with pytest.raises(ShapeError, match="has 3 numbers of float32, but in earlier steps it had 3 of float64"):
        optimizer.step({"w": w.astype("f4")}, {"w": GRADS[0]})
    with pytest.raises(DtypeError, match=f"{name}: the parameter 'v' is int64, wanted float32 or float64"):
        optimizer.step({"v": np.ones(3, int)}, {"v": GRADS[0]})


INVALID_CALLS = {  # name: (call, message)
    "sgd rate 0": (lambda: nn.SGD(0), "SGD: learning_rate is 0, wanted a positive number"),
    "sgd rate below 0": (lambda: nn.SGD(-0.1), "SGD: learning_rate is -0.1, wanted a positive number"),
    "sgd rate NaN": (lambda: nn.SGD(float("nan")), "SGD: learning_rate is nan"),
    "sgd momentum 1": (lambda: nn.SGD(momentum=1.0), "SGD: momentum is 1.0, wanted at least 0 and less than 1"),
    "sgd momentum below 0": (lambda: nn.SGD(momentum=-0.5), "SGD: momentum is -0.5"),
    "adam rate infinite": (lambda: nn.Adam(float("inf")), "Adam: learning_rate is inf, wanted a positive number"),
    "adam beta1": (lambda: nn.Adam(beta1=1.0), "Adam: beta1 is 1.0, wanted at least 0 and less than 1"),
    "adam beta2": (lambda: nn.Adam(beta2=-1.0), "Adam: beta2 is -1.0, wanted at least 0 and less than 1"),
    "adam epsilon": (lambda: nn.Adam(epsilon=0.0), "Adam: epsilon is 0.0, wanted a positive number"),
}


@pytest.mark.parametrize("case", INVALID_CALLS)
def test_an_invalid_option_raises(case):
    call, message = INVALID_CALLS[case]
    with pytest.raises(OptionError, match=message):
        call()
