"""softmax and its derivatives on whatever arrays hypothesis thinks of."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import judge
import softgrad as sg
from tolerance import assert_within

stable = settings(derandomize=True, deadline=None, max_examples=150)


@st.composite
def logits_and_axis(draw):
    """Finite logits of any size, many of them equal, with a class axis anywhere."""
    dtype, width = draw(st.sampled_from([("float32", 32), ("float64", 64)]))
    shape = draw(arrays.array_shapes(min_dims=1, max_dims=4, max_side=7))
    bound = draw(st.sampled_from([1.0, 128.0, 1024.0, 1e4 if width == 64 else 8192.0]))
    values = st.floats(-bound, bound, width=width, allow_subnormal=True)
    z = draw(arrays.arrays(dtype, shape, elements=values, fill=st.just(0.0)))
    return z, draw(st.integers(-len(shape), len(shape) - 1))


@stable
@given(logits_and_axis())
def test_values(z_and_axis):
    z, axis = z_and_axis
    rows = np.moveaxis(z, axis, -1)
    assert_within(4, np.moveaxis(sg.softmax(z, axis=axis), axis, -1), judge.softmax(rows))
    assert_within(4, np.moveaxis(sg.log_softmax(z, axis=axis), axis, -1), judge.log_softmax(rows))
    size = abs(rows.max(axis=-1)) + judge.log_sum_above_max(rows)
    assert_within(4, sg.logsumexp(z, axis=axis), judge.logsumexp(rows), size)
    kept = sg.logsumexp(z, axis=axis, keepdims=True)
    np.testing.assert_array_equal(kept, np.expand_dims(sg.logsumexp(z, axis=axis), axis))


@stable
@given(logits_and_axis(), st.randoms(use_true_random=False))
def test_derivatives(z_and_axis, random):
    z, axis = z_and_axis
    p, log_p = sg.softmax(z, axis=axis), sg.log_softmax(z, axis=axis)
    v = np.array([random.uniform(-1, 1) for _ in range(z.size)], z.dtype).reshape(z.shape)
    rows, v_rows = np.moveaxis(z, axis, -1), np.moveaxis(v, axis, -1)
    J, log_J = judge.jacobian(np.moveaxis(p, axis, -1)), judge.log_jacobian(rows)

    def in_rows(product):
        return np.moveaxis(product, axis, -1)

    assert_within(5, in_rows(sg.softmax_vjp(p, v, axis=axis)), *judge.times(J, v_rows))
    assert_within(5, in_rows(sg.softmax_jvp(p, v, axis=axis)), *judge.times(J, v_rows))
    assert_within(5, in_rows(sg.SoftmaxJacobian(p, axis=axis) @ v), *judge.times(J, v_rows))
    assert_within(4, in_rows(sg.log_softmax_vjp(log_p, v, axis=axis)), *judge.times(judge.transposed(log_J), v_rows))
    assert_within(4, in_rows(sg.log_softmax_jvp(log_p, v, axis=axis)), *judge.times(log_J, v_rows))
