"""softmax, log_softmax, logsumexp and their derivatives on random arrays and options, drawn by hypothesis."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import judge
import softgrad as sg
from calls import called, in_both_widths
from drawn import SIXTEENTHS, logits, stable, vectors
from functions.any_call import TEMPERATURES, calls, check_product, check_value, product_calls
from judge.softmax import sum_of_others, top
from tolerance import assert_within

OUTPUTS = {"softmax": judge.softmax, "log_softmax": judge.log_softmax}


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@settings(stable, max_examples=150)
@given(call=calls())
def test_values(name, call):
    check_value(name, getattr(sg, name), call)


@pytest.mark.parametrize("kind", ["vjp", "jvp"])
@pytest.mark.parametrize("name", OUTPUTS)
@settings(stable, max_examples=90)
@given(data=st.data())
def test_products_with_the_jacobian(name, kind, data):
    call = data.draw(product_calls(OUTPUTS[name]))
    check_product(f"{name}_{kind}", getattr(sg, f"{name}_{kind}"), call)


@settings(stable, max_examples=80)
@given(call=product_calls(judge.softmax))
def test_the_jacobian_as_an_operator(call):
    p, v = call.output, call.v
    product = in_both_widths(lambda probs, v: sg.SoftmaxJacobian(probs, axis=p.axis) @ v, [p, v.array], None)
    J = sg.SoftmaxJacobian(p.laid_out(p.wide).array, axis=p.axis)
    rows = judge.wide(p.rows)
    assert_within(5, p.as_rows(product), *judge.softmax_jvp(p.rows, p.as_rows(v.array.astype(p.wide.dtype))))
    variances = rows * sum_of_others(rows, top(rows))
    assert_within(2, p.as_rows(J.diagonal()), variances)
    assert_within(2, J.trace().reshape(-1), variances.sum(axis=1))


@settings(stable, max_examples=80)
@given(data=st.data())
def test_derivatives_of_logsumexp(data):
    z = data.draw(logits())
    v = data.draw(vectors(z))
    g = np.moveaxis(v.array, z.axis, -1)[..., 0]
    dtype = z.wide.dtype
    dz = in_both_widths(sg.logsumexp_vjp, [z, g], None, axis=z.axis)
    each = g.reshape(-1).astype(dtype)
    exact = judge.logsumexp_vjp(z.rows, each)
    assert_within(5, z.as_rows(dz), exact.value, np.maximum(exact.size, np.finfo(dtype).tiny * abs(each)[:, None]))
    change = called(sg.logsumexp_jvp, [z.laid_out(z.wide).array, v.array], None, axis=z.axis)
    assert_within(4, change.reshape(-1), *judge.logsumexp_jvp(z.rows, z.as_rows(v.array.astype(dtype))))


@pytest.mark.parametrize("name", OUTPUTS)
@settings(stable, max_examples=50)
@given(data=st.data(), temperature=st.sampled_from(TEMPERATURES), shift=st.sampled_from([1024.0, -1024.0]))
def test_a_common_shift_changes_no_value(name, data, temperature, shift):
    z = data.draw(logits(SIXTEENTHS, {}, ["float32", "float64"]))
    shifted = z.laid_out(z.array + z.array.dtype.type(shift)).array
    got = getattr(sg, name)(shifted, axis=z.axis, temperature=temperature)
    assert_within(4, z.as_rows(got), OUTPUTS[name](z.rows, temperature=temperature))
