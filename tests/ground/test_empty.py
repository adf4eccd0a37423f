"""Arrays without rows, and rows without classes: empty results, sums of nothing, and logsumexp -inf, as in torch."""

import numpy as np
import pytest

import softgrad as sg
from cases import LOSSES
from softgrad.formulas.losses import LOSSES as TABLE
from together import together

SHAPES = {  # name: (shape, class axis)
    "no rows": ((0, 3), -1),
    "no images": ((2, 3, 0), 1),
    "no classes": ((2, 0), -1),
    "no classes on the first axis": ((0, 4), 0),
    "no classes of images": ((2, 0, 3, 4), 1),
    "one row of no classes": ((0,), 0),
    "neither": ((0, 0), -1),
}
DTYPES = ["float16", "float32", "float64"]
shapes = pytest.mark.parametrize("shape", SHAPES)


def setting(shape, dtype):
    shape, axis = SHAPES[shape]
    return np.zeros(shape, dtype), axis % len(shape), tuple(np.delete(shape, axis))


@shapes
@together(dtype=DTYPES, order=["C", "F"])
def test_functions(shape, dtype, order):
    z, axis, outer = setting(shape, dtype)
    z = np.array(z, order=order)
    products = (sg.softmax_vjp, sg.softmax_jvp, sg.log_softmax_vjp, sg.log_softmax_jvp)
    for result in (sg.softmax(z, axis=axis), sg.log_softmax(z, axis=axis), *(f(z, z, axis=axis) for f in products)):
        assert result.shape == z.shape
        assert result.dtype == dtype
    np.testing.assert_array_equal(sg.logsumexp(z, axis=axis), np.full(outer, -np.inf, dtype), strict=True)
    kept = np.full(np.where(np.arange(z.ndim) == axis, 1, z.shape), -np.inf, dtype)
    np.testing.assert_array_equal(sg.logsumexp(z, axis=axis, keepdims=True), kept, strict=True)
    assert sg.logsumexp_vjp(z, np.ones(outer, dtype), axis=axis).shape == z.shape
    tokens = {"tokens": np.full(outer, -100), "axis": axis, "ignore_index": -100}
    for result in sg.token_log_probs(z, **tokens):
        np.testing.assert_array_equal(
            result, np.zeros(outer, "float64" if dtype == "float64" else "float32"), strict=True
        )
    assert sg.token_log_probs_vjp(z, grad_entropy=np.ones(outer), **tokens).shape == z.shape
    np.testing.assert_array_equal(sg.logsumexp_jvp(z, z, axis=axis), np.zeros(outer, dtype), strict=True)
    np.testing.assert_array_equal(sg.softmax(z, axis=axis, where=np.zeros(z.shape, bool)), z, strict=True)


@shapes
def test_functions_agree_with_torch(shape):
    torch = pytest.importorskip("torch")
    z, axis, _ = setting(shape, "float64")
    tensor = torch.tensor(z)
    for name in ("softmax", "log_softmax", "logsumexp"):
        wanted = getattr(torch, name)(tensor, axis).numpy()
        np.testing.assert_array_equal(getattr(sg, name)(z, axis=axis), wanted, strict=True)


@pytest.mark.parametrize("loss", LOSSES)
@together(shape=SHAPES, dtype=DTYPES, target=["ignored classes", "probabilities"])
def test_losses(loss, shape, dtype, target):
    z, axis, outer = setting(shape, dtype)
    options = {"axis": axis}
    if target == "probabilities":
        y = z
    else:
        y, options["ignore_index"] = np.full(outer, -100), -100
    value, grad, stats = getattr(sg, f"{loss}_with_stats")(z, y, **options)
    assert float(value) == 0
    assert grad.shape == z.shape
    assert grad.dtype == dtype
    rows = getattr(sg, loss)(z, y, reduction="none", **options)
    np.testing.assert_array_equal(rows, np.zeros(outer, stats.loss.dtype), strict=True)
    lse = -np.inf if target == "probabilities" else 0
    assert (stats.logsumexp == lse).all()
    assert (stats.entropy == 0).all()
    assert not stats.correct.any()
    assert stats.correct.shape == outer
    assert float(getattr(sg, f"{loss}_jvp")(z, y, z, **options)) == 0
    assert getattr(sg, f"{loss}_hvp")(z, y, z, **options).shape == z.shape


@pytest.mark.parametrize("loss", LOSSES)
def test_no_class_index_fits_a_row_without_classes(loss):
    z = np.zeros((2, 0))
    with pytest.raises(sg.LabelError) as raised:
        getattr(sg, loss)(z, [0, 1])
    assert str(raised.value) == (
        f"{loss}: target[0] is 0, but logits have 0 classes on axis -1; wanted rows that are ignored, or no rows"
    )
    with pytest.raises(sg.LabelError, match=r"target\[1\] is 7"):
        getattr(sg, loss)(z, [-1, 7], ignore_index=-1)
    if "z_loss" in TABLE[loss].options:
        assert getattr(sg, loss)(z, z, z_loss=0.1) == np.inf  # 0.1 times the square of logsumexp


def test_the_jacobian_of_no_classes():
    J = sg.SoftmaxJacobian(np.zeros((2, 0)))
    assert (J @ np.zeros((2, 0))).shape == J.diagonal().shape == (J.pinv() @ np.zeros((2, 0))).shape == (2, 0)
    assert J.to_dense().shape == (2, 0, 0)
    assert J.eigvalsh().shape == (2, 0)
    assert J.trace().tolist() == [0, 0]
