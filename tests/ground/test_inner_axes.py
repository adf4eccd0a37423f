"""Rows along any axis give, bit for bit, the results of contiguous rows, for every function, loss, dtype and stride."""

import ml_dtypes  # noqa: F401  it registers bfloat16 with NumPy
import numpy as np
import pytest

import softgrad as sg
from cases import LOSSES

SHAPES = {  # name: (shape, class axis)
    **{f"inner length {n}": ((3, 21, n), 1) for n in range(1, 18)},  # around the sides of a transposed block
    "long rows, inner length 5": ((7, 300, 5), 1),
    "long rows, inner length 17": ((2, 300, 17), 1),
    "classes first": ((130, 33), 0),
    "one class": ((1, 40), 0),
    "stride of 4096 bytes": ((150, 1024), 0),
    "stride of 32768 bytes": ((17, 8192), 0),
    "images": ((2, 60, 16, 32), 1),
    "several panels in each image": ((1, 1500, 7, 13), 1),  # a panel holds 80 rows of float32
    "several images in a panel": ((50, 129, 3), 1),
    "a panel is one cache line": ((5000, 33), 0),
}
DTYPES = ["float32", "float64", "float16", "bfloat16"]
FUNCTIONS = {
    "softmax": lambda z, v, y, axis: sg.softmax(z, axis=axis, temperature=0.7),
    "log_softmax": lambda z, v, y, axis: sg.log_softmax(z, axis=axis),
    "logsumexp": lambda z, v, y, axis: sg.logsumexp(z, axis=axis),
    "softmax_vjp": lambda z, v, y, axis: sg.softmax_vjp(sg.softmax(z, axis=axis), v, axis=axis),
    "log_softmax_vjp": lambda z, v, y, axis: sg.log_softmax_vjp(sg.log_softmax(z, axis=axis), v, axis=axis),
    "log_softmax_jvp": lambda z, v, y, axis: sg.log_softmax_jvp(sg.log_softmax(z, axis=axis), v, axis=axis),
    "logsumexp_vjp": lambda z, v, y, axis: sg.logsumexp_vjp(z, y.astype(z.dtype), axis=axis),
    "log_probs": lambda z, v, y, axis: sg.token_log_probs(z, y, axis=axis, temperature=0.7).log_probs,
    "entropy": lambda z, v, y, axis: sg.token_log_probs(z, y, axis=axis, ignore_index=1).entropy,
    "token_log_probs_vjp": lambda z, v, y, axis: sg.token_log_probs_vjp(
        z, y, y + 1.0, y - 2.0, axis=axis, temperature=0.7, ignore_index=1
    ),
}
REDUCED = {"reduction": "none"}
OPTIONS = {  # of the losses
    "classes": {},
    "ignored": {"ignore_index": 0},
    "smoothed": {"label_smoothing": 0.1, "softcap": 5.0},
    "probabilities": {},
}


def arrays(shape, axis, dtype):
    rng = np.random.default_rng(len(shape) + shape[axis])
    K, outer = shape[axis], shape[:axis] + shape[axis + 1 :]
    z, v = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    z[rng.random(shape) < 0.01] = -np.inf
    z.reshape(-1)[rng.integers(z.size)] = np.nan
    return z.astype(dtype), v.astype(dtype), rng.integers(0, K, outer)


def as_rows(array, axis):
    return np.ascontiguousarray(np.moveaxis(array, axis, -1))


def assert_same(got, wanted, name):
    """To the bit. NumPy does not know that a NaN of bfloat16 is one."""
    assert got.dtype == wanted.dtype, name
    np.testing.assert_array_equal(np.asarray(got, float), np.asarray(wanted, float), err_msg=name, strict=True)


def in_axis(array, axis, ndim):
    return np.moveaxis(array, -1, axis) if array.ndim == ndim else array


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_function_of_rows_along_any_axis(shape, dtype):
    shape, axis = SHAPES[shape]
    z, v, y = arrays(shape, axis, dtype)
    z_rows, v_rows = as_rows(z, axis), as_rows(v, axis)
    for name, function in FUNCTIONS.items():
        wanted = in_axis(function(z_rows, v_rows, y, -1), axis, z.ndim)
        assert_same(function(z, v, y, axis), wanted, name)
        fortran = function(np.asfortranarray(z), np.asfortranarray(v), y, axis)
        assert_same(fortran, wanted, f"{name}, Fortran order")


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_loss_of_rows_along_any_axis(shape, dtype):
    shape, axis = SHAPES[shape]
    z, v, y = arrays(shape, axis, dtype)
    z_rows, t = as_rows(z, axis), abs(v)
    for case, options in OPTIONS.items():
        target, of_rows = (t, as_rows(t, axis)) if case == "probabilities" else (y, y)
        for loss in LOSSES:
            if loss == "focal_loss" and z.size > 40_000:  # which takes long
                continue
            with_stats = getattr(sg, f"{loss}_with_stats")
            wanted = with_stats(z_rows, of_rows, **options, **REDUCED)
            for order in "CF":
                laid_out, its_target = (np.array(array, order=order) for array in (z, target))
                got = with_stats(laid_out, its_target, axis=axis, **options, **REDUCED)
                name = f"{loss}, {case}, {order}"
                assert_same(got.loss, wanted.loss, name)
                assert_same(got.grad, in_axis(wanted.grad, axis, z.ndim), name)
                for part, wanted_part in zip(got.stats, wanted.stats, strict=True):
                    assert_same(part, wanted_part, name)


@pytest.mark.parametrize("shape", ["images", "a panel is one cache line"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_number_of_threads_and_the_place_of_the_result_change_nothing(shape, order):
    shape, axis = SHAPES[shape]
    z, v, y = arrays(shape, axis, "float32")
    z, v = np.array(z, order=order), np.array(v, order=order)
    before, results = sg.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            sg.set_num_threads(threads)
            out = z.copy(order="K")
            loss = sg.cross_entropy_with_grad(out, y, axis=axis, out=out)  # over the logits
            assert loss.grad is out
            product = v.copy(order="K")
            sg.softmax_vjp(sg.softmax(z, axis=axis), product, axis=axis, out=product)
            of_tokens = z.copy(order="K")
            sg.token_log_probs_vjp(of_tokens, y, y + 1.0, y - 2.0, axis=axis, out=of_tokens)
            results.append((loss.loss, out, product, of_tokens))
    finally:
        sg.set_num_threads(before)
    for others in results[1:]:
        for got, wanted in zip(others, results[0], strict=True):
            np.testing.assert_array_equal(got, wanted, strict=True)
    np.testing.assert_array_equal(results[0][1], sg.cross_entropy_with_grad(z, y, axis=axis).grad)
    np.testing.assert_array_equal(results[0][2], sg.softmax_vjp(sg.softmax(z, axis=axis), v, axis=axis))
    np.testing.assert_array_equal(results[0][3], sg.token_log_probs_vjp(z, y, y + 1.0, y - 2.0, axis=axis))
