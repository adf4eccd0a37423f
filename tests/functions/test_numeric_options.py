"""Numbers of any kind given for a numeric option: they are read, or refused in one sentence."""

import decimal
import fractions

import numpy as np
import pytest

import softgrad as sg
from cases import LOSSES, taken

Z, Y = np.array([[0.5, 1.0], [2.0, 0.0]]), np.array([0, 1])


def of_linear(**options):
    return sg.linear_cross_entropy_with_grad(Z, Z, Y, **options)


FUNCTIONS = {name: lambda f=name, **options: getattr(sg, f)(Z, **options) for name in ("softmax", "log_softmax")} | {
    "logsumexp": lambda **options: sg.logsumexp(Z, **options),
    "logsumexp_vjp": lambda **options: sg.logsumexp_vjp(Z, Y, **options),
    "logsumexp_jvp": lambda **options: sg.logsumexp_jvp(Z, Z, **options),
    "token_log_probs": lambda **options: sg.token_log_probs(Z, Y, **options).entropy,
    "token_log_probs_vjp": lambda **options: sg.token_log_probs_vjp(Z, Y, Y, Y, **options),
}
for product in ("softmax_vjp", "softmax_jvp", "log_softmax_vjp", "log_softmax_jvp"):
    output = sg.log_softmax(Z) if "log" in product else sg.softmax(Z)
    FUNCTIONS[product] = lambda f=product, y=output, **options: getattr(sg, f)(y, Z, **options)
NUMERIC = {(name, "temperature"): call for name, call in FUNCTIONS.items()}
for loss in LOSSES:
    for option in taken(loss, dict.fromkeys(["label_smoothing", "z_loss", "softcap", "temperature", "denominator"])):
        NUMERIC[loss, option] = lambda f=loss, **options: getattr(sg, f)(Z, Y, **options)
NUMERIC["focal_loss", "gamma"] = lambda **options: sg.focal_loss(Z, Y, **options)
for option in ("label_smoothing", "z_loss", "softcap", "temperature", "denominator", "filter_eps"):
    NUMERIC["linear_cross_entropy", option] = of_linear
numeric = pytest.mark.parametrize(("function", "option"), NUMERIC)

REFUSED = {
    "text": "1",
    "bytes": b"1",
    "complex": 1j,
    "a list": [0.5],
    "an array": np.array([0.5]),
    "True": True,
    "NumPy's True": np.True_,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": -np.inf,
    "10^400": 10**400,
    "10^5000": 10**5000,  # Python refuses to print it
    "-10^400": -(10**400),
    "a Fraction beyond float": fractions.Fraction(10**400, 3),
    "a long list": list(range(10_000)),
    "a negative number": -0.5,
}
READ = {
    "a Fraction": fractions.Fraction(1, 2),
    "a Decimal": decimal.Decimal("0.5"),
    "float16": np.float16(0.5),
    "a 0-d array": np.array(0.5),
    "long double": np.longdouble(0.5),
}


@numeric
def test_a_number_is_read_and_anything_else_is_refused(function, option):
    call = NUMERIC[function, option]
    for value in REFUSED.values():
        with pytest.raises(sg.OptionError) as error:
            call(**{option: value})
        message = str(error.value)
        assert message.startswith(function)
        assert f"{option} is " in message
        assert ", wanted " in message
        assert len(message) < 300
    wanted = call(**{option: 0.5})
    for value in READ.values():
        got = call(**{option: value})
        for array, right in [(got.grad.dw, wanted.grad.dw)] if isinstance(got, tuple) else [(got, wanted)]:
            np.testing.assert_array_equal(array, right)


@pytest.mark.parametrize("function", [*FUNCTIONS, *LOSSES])
def test_axis_true_is_no_axis(function):
    with pytest.raises(sg.AxisError, match="axis is True, wanted one integer"):
        FUNCTIONS.get(function, lambda **options: getattr(sg, function)(Z, Y, **options))(axis=True)


@pytest.mark.parametrize("value", [True, 1.0, "1", [1], 1j], ids=str)
@pytest.mark.parametrize("loss", [*LOSSES, "linear_cross_entropy", "token_log_probs"])
def test_ignore_index_is_one_integer(loss, value):
    arguments = (Z, Z, Y) if loss == "linear_cross_entropy" else (Z, Y)
    with pytest.raises(sg.OptionError, match=r"ignore_index is .*, wanted one class index"):
        getattr(sg, loss)(*arguments, ignore_index=value)
    getattr(sg, loss)(*arguments, ignore_index=10**400)  # an index that no label has


@pytest.mark.parametrize("value", [10**400, 10**5000, 2**63, True, "1", [1], float("nan"), -np.inf, None, 1j], ids=type)
def test_max_memory_is_a_number_of_bytes(value):
    with pytest.raises(sg.OptionError, match=r"max_memory is .*, wanted a number of bytes"):
        of_linear(max_memory=value)


@pytest.mark.parametrize("value", [2**31, 0, -1, 10**5000, True, 2.0, "2", None, np.float64(2)], ids=type)
def test_set_num_threads_takes_an_integer(value):
    before = sg.get_num_threads()
    with pytest.raises(sg.OptionError, match=r"n is .*, wanted an integer from 1 to 2147483647"):
        sg.set_num_threads(value)
    assert sg.get_num_threads() == before
    sg.set_num_threads(np.int8(before))
