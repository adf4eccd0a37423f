"""Array arguments of any axis, memory layout and dtype give the same results, and are never written to."""

import numpy as np
import pytest

import cases
import softgrad as sg
from layouts import LAYOUTS, read_only

ONE_ARGUMENT = ["softmax", "log_softmax", "logsumexp"]
TWO_ARGUMENTS = [  # the second one has the shape of the first
    "softmax_vjp",
    "softmax_jvp",
    "log_softmax_vjp",
    "log_softmax_jvp",
    "logsumexp_jvp",
]
LOSS_FUNCTIONS = [*cases.LOSSES, *(f"{loss}_with_grad" for loss in cases.LOSSES)]
functions = pytest.mark.parametrize("function", ONE_ARGUMENT + TWO_ARGUMENTS + LOSS_FUNCTIONS)

rng = np.random.default_rng(0)
LOGITS = -abs(rng.normal(size=(4, 3, 7)))
A = dict.fromkeys(ONE_ARGUMENT + TWO_ARGUMENTS + LOSS_FUNCTIONS, LOGITS)  # the first argument of each function
A |= {"softmax_vjp": sg.softmax(LOGITS), "softmax_jvp": sg.softmax(LOGITS)}
A |= {"log_softmax_vjp": sg.log_softmax(LOGITS), "log_softmax_jvp": sg.log_softmax(LOGITS)}
B = rng.random((4, 3, 7))


def call(function, a, b, **options):
    arguments = (a,) if function in ONE_ARGUMENT else (a, b)
    result = getattr(sg, function)(*arguments, **options)
    return result if isinstance(result, tuple) else (result,)


def assert_same(got, wanted):
    for got_array, wanted_array in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(got_array, wanted_array, strict=True)


@functions
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_memory_layout_does_not_change_the_result(function, layout, dtype):
    a, b = A[function].astype(dtype), B.astype(dtype)
    laid_out_a, laid_out_b = LAYOUTS[layout](a), LAYOUTS[layout](b)
    assert_same(call(function, laid_out_a, laid_out_b), call(function, a, b))
    np.testing.assert_array_equal(laid_out_a, a)
    np.testing.assert_array_equal(laid_out_b, b)


@functions
@pytest.mark.parametrize("axis", [0, 1, -2, -3, np.int64(1)])
def test_the_classes_may_be_on_any_axis(function, axis):
    results = call(function, np.moveaxis(A[function], -1, axis), np.moveaxis(B, -1, axis), axis=axis)
    for result, wanted in zip(results, call(function, A[function], B), strict=True):
        moved = wanted if wanted.ndim < 3 else np.moveaxis(wanted, -1, axis)
        np.testing.assert_array_equal(result, moved, strict=True)


@functions
def test_a_single_row_gives_the_same_result_as_in_a_batch(function):
    options = {"reduction": "none"} if function in LOSS_FUNCTIONS else {}
    batch = call(function, A[function], B, **options)
    for result, whole in zip(call(function, A[function][2, 1], B[2, 1], **options), batch, strict=True):
        np.testing.assert_array_equal(result, whole[2, 1])


@functions
@pytest.mark.parametrize(
    ("dtype", "dtype_of_a_loss"),
    [("float16", "float32"), ("float32", "float32"), (">f4", "float32"), ("float64", "float64"), (">f8", "float64")],
)
def test_the_result_has_the_dtype_of_the_logits(function, dtype, dtype_of_a_loss):
    first, *grad = call(function, A[function].astype(dtype), B.astype(dtype))
    assert first.dtype == (dtype_of_a_loss if function in LOSS_FUNCTIONS else dtype)
    assert all(array.dtype == dtype for array in grad)


@functions
@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "bool"])
def test_integers_are_read_as_float64(function, dtype):
    if function.startswith("log_softmax_"):
        a, b = np.zeros((2, 1), dtype), np.array([[1], [0]], dtype)  # log-probabilities of one class
    else:
        a, b = (np.array(x, dtype) for x in ([[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [1, 0, 0]]))
    results = call(function, a, b)
    assert_same(results, call(function, a.astype(float), b.astype(float)))
    assert all(result.dtype == "float64" for result in results)


@functions
def test_lists_are_accepted(function):
    assert_same(call(function, A[function].tolist(), B.tolist()), call(function, A[function], B))


@functions
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (0, 0, 1)])
def test_arrays_without_rows_are_accepted(function, shape):
    for result in call(function, np.zeros(shape), np.zeros(shape)):
        assert result.shape in (shape, shape[:-1], ())


@functions
def test_half_precision_results_are_rounded_once(function):
    """The result for float16 is the result for the same numbers in float32, rounded."""
    a, b = A[function].astype("float16"), B.astype("float16")
    results, wide = call(function, a, b), call(function, a.astype("float32"), b.astype("float32"))
    for result, wide_result in zip(results, wide, strict=True):
        np.testing.assert_array_equal(result, wide_result.astype(result.dtype), strict=True)


def test_logsumexp_vjp_takes_one_number_per_row():
    z, g = np.moveaxis(LOGITS, -1, 1), B[..., 0]
    dz = sg.logsumexp_vjp(z, g, axis=1)
    np.testing.assert_array_equal(np.moveaxis(dz, 1, -1), sg.logsumexp_vjp(LOGITS, g))
    np.testing.assert_array_equal(dz[2, :, 1], sg.logsumexp_vjp(LOGITS[2, 1], g[2, 1]))
    np.testing.assert_array_equal(sg.logsumexp_vjp(LOGITS, read_only(g)), sg.logsumexp_vjp(LOGITS, g))


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_class_indices_belong_to_the_rows_for_any_class_axis(axis):
    y = np.arange(12).reshape(4, 3) % 7
    losses = [[sg.cross_entropy(LOGITS[i, j], y[i, j]) for j in range(3)] for i in range(4)]
    for layout in (np.asarray, np.asfortranarray, read_only):
        got = sg.cross_entropy(np.moveaxis(LOGITS, -1, axis), layout(y), axis=axis, reduction="none")
        np.testing.assert_array_equal(got, losses)
