"""The random calls catch every slip that is planted in a right function."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import judge
import softgrad as sg
from drawn import stable
from functions.any_call import calls, check_product, check_value, product_calls
from planted import assert_caught


def floating(logits):
    return logits.astype("float64") if logits.dtype.kind in "iub" else logits


def with_mask(z, where, masked):
    """z, with the value `masked` where the mask is False."""
    return z if where is None else np.where(where, floating(z), masked)


def mask_of_the_numerator_alone(f, z, where, **options):
    return with_mask(f(z, **options), where, {sg.softmax: 0, sg.log_softmax: -np.inf}[f])


def divided_and_rounded(f, z, temperature, **options):
    return f(floating(z) / floating(z).dtype.type(temperature), **options)


def without_the_last_of_each_256(f, z, axis, **options):
    z = floating(z).copy()
    np.moveaxis(z, axis, 0)[255::256] = -np.inf
    return f(z, axis=axis, **options)


def rows_in_reverse(f, z, *v, axis, **options):
    got = f(z, *v, axis=axis, **options)
    if got.shape != z.shape:
        return np.flip(got)
    return np.flip(got, [i for i in range(z.ndim) if i != axis % z.ndim])


def max_not_taken_off(f, z, axis, temperature, where):
    s = with_mask(z, where, -np.inf) / temperature
    total = np.exp(s).sum(axis=axis, keepdims=True)
    if f is sg.logsumexp:
        return np.log(total).squeeze(axis)
    return np.exp(s) / total if f is sg.softmax else s - np.log(total)


def rounded_twice(f, z, *v, **options):
    """A 16-bit result, rounded to the other 16-bit dtype first."""
    got = f(z, *v, **options)
    return got.astype("float16" if z.dtype == "bfloat16" else "bfloat16") if z.dtype.itemsize == 2 else got


def strides_read_forwards(f, z, *v, **options):
    return f(z[tuple(slice(None, None, -1 if stride < 0 else 1) for stride in z.strides)], *v, **options)


OF_ANY = {
    "temperature ignored": lambda f, *arrays, temperature, **options: f(*arrays, **options),
    "rows in reverse": rows_in_reverse,
    "16 bits rounded twice": rounded_twice,
    "negative strides read forwards": strides_read_forwards,
    "NaN swallowed": lambda f, *arrays, **options: np.nan_to_num(f(*arrays, **options), posinf=np.inf, neginf=-np.inf),
}
OF_VALUES = OF_ANY | {
    "divided by the temperature and rounded": divided_and_rounded,
    "where ignored": lambda f, z, where, **options: f(z, **options),
    "mask of the numerator alone": mask_of_the_numerator_alone,
    "masked classes at 0": lambda f, z, where, **options: f(with_mask(z, where, 0), **options),
    "the last of each 256 classes left out": without_the_last_of_each_256,
    "the maximum not taken off": max_not_taken_off,
}


def of_softmax(f):
    return f in (sg.softmax_vjp, sg.softmax_jvp)


def over_the_wrong_axis(f, y, v, axis, **options):
    """Rows along this axis need not sum to 1: the function may refuse them, which is no right result either."""
    try:
        return f(y, v, axis=0 if axis % y.ndim else -1, **options)
    except sg.DataError:
        return np.full_like(y, 77)


OF_PRODUCTS = OF_ANY | {
    "sign": lambda f, y, v, **options: -f(y, v, **options),
    "the vector's classes in reverse": lambda f, y, v, axis, **options: f(y, np.flip(v, axis), axis=axis, **options),
    "the diagonal alone": lambda f, y, v, temperature, **_: (
        (y * (1 - y) if of_softmax(f) else 1 - np.exp(y)) * v / y.dtype.type(temperature)
    ),
    "divided by K": lambda f, y, v, axis, **options: f(y, v, axis=axis, **options) / y.dtype.type(y.shape[axis]),
    "zeros": lambda f, y, v, **options: 0 * f(y, v, **options),
    "the mean without p": lambda f, y, v, axis, temperature, **_: (
        (y if of_softmax(f) else 1) * (v - v.sum(axis=axis, keepdims=True)) / y.dtype.type(temperature)
    ),
    "of the other function": lambda f, y, v, axis, temperature, **_: (
        (v - (y * v).sum(axis=axis, keepdims=True)) / y.dtype.type(temperature)
        if of_softmax(f)
        else sg.softmax_vjp(np.exp(y), v, axis=axis, temperature=temperature)
    ),
    "over the wrong axis": over_the_wrong_axis,
    "transposed": lambda f, y, v, **options: TRANSPOSED[f](y, v, **options),
}
TRANSPOSED = {sg.log_softmax_vjp: sg.log_softmax_jvp, sg.log_softmax_jvp: sg.log_softmax_vjp}
VALUES = [sg.softmax, sg.log_softmax, sg.logsumexp]
PRODUCTS = {  # function: the judge of the output that it takes
    sg.softmax_vjp: judge.softmax,
    sg.softmax_jvp: judge.softmax,
    sg.log_softmax_vjp: judge.log_softmax,
    sg.log_softmax_jvp: judge.log_softmax,
}
NO_SLIP_IN = {  # functions in which the slip does not apply, or changes nothing: the Jacobian of softmax is symmetric
    "mask of the numerator alone": [sg.logsumexp],
    "transposed": [sg.softmax_vjp, sg.softmax_jvp],
}


def with_slip(slip, right):
    """The function `right` with the slip in it."""

    def function(*arrays, out=None, keepdims=False, **options):
        dtype = right(*arrays, axis=options["axis"]).dtype
        wrong = np.asarray(slip(right, *arrays, **options)).astype(dtype)
        if keepdims:
            wrong = np.expand_dims(wrong, options["axis"])
        if out is None:
            return wrong[()]
        out[...] = wrong
        return out

    return function


def planted(functions, slips):
    return [(f.__name__, slip) for f in functions for slip in slips if f not in NO_SLIP_IN.get(slip, ())]


@pytest.mark.parametrize(("name", "slip"), planted(VALUES, OF_VALUES))
def test_a_slip_in_a_value_is_caught(name, slip):
    function = with_slip(OF_VALUES[slip], getattr(sg, name))
    assert_caught(lambda call: check_value(name, function, call), calls())


@pytest.mark.parametrize(("name", "slip"), planted(PRODUCTS, OF_PRODUCTS))
def test_a_slip_in_a_product_is_caught(name, slip):
    function = with_slip(OF_PRODUCTS[slip], getattr(sg, name))
    assert_caught(lambda call: check_product(name, function, call), product_calls(PRODUCTS[getattr(sg, name)]))


def returns_something_else_than_out(z, *, out, **options):
    out[...] = sg.softmax(z, **options)
    return out.copy()


def writes_into_its_argument(z, **options):
    p = sg.softmax(z, **options)
    if z.flags.writeable:
        z[...] = 0
    return p


def in_the_dtype_of_the_computation(z, **options):
    p = sg.softmax(z, **options)
    return p.astype("float32") if p.dtype.itemsize == 2 else p


@pytest.mark.parametrize(
    "function", [returns_something_else_than_out, writes_into_its_argument, in_the_dtype_of_the_computation]
)
def test_a_slip_in_what_is_written_is_caught(function):
    with_out = calls().filter(lambda call: call.out is not None)
    assert_caught(lambda call: check_value("softmax", function, call), with_out)


@settings(stable, max_examples=30)
@given(data=st.data())
def test_nothing_is_caught_where_nothing_is_planted(data):
    def right(f, *arrays, **options):
        return f(*arrays, **options)

    for f in VALUES:
        check_value(f.__name__, with_slip(right, f), data.draw(calls()))
    for f, judged in PRODUCTS.items():
        check_product(f.__name__, with_slip(right, f), data.draw(product_calls(judged)))
