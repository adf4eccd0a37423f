"""Arguments that are no arrays of numbers: masked arrays, tensors, tracers, sparse matrices, text, wrong targets."""

import re

import numpy as np
import pytest

import softgrad as sg

Z, Y = np.zeros((2, 3)), np.array([0, 1])
P = np.full((2, 3), 1 / 3)
MASKED = np.ma.masked_array(P, mask=[[False, True, False]] * 2)
V = (Z, Z, None)
J = sg.SoftmaxJacobian(P)


def trained(x, y):
    return sg.nn.train(sg.nn.Network([sg.nn.Dense(3)]).initialize(3, seed=0), x, y, epochs=1)


READS = {  # "function: argument": a call with this argument
    "softmax: logits": lambda a: sg.softmax(a),
    "softmax: where": lambda a: sg.softmax(Z, where=a),
    "log_softmax: logits": lambda a: sg.log_softmax(a, axis=None),
    "logsumexp: logits": lambda a: sg.logsumexp(a),
    "softmax_vjp: probs": lambda a: sg.softmax_vjp(a, Z),
    "softmax_vjp: grad_output": lambda a: sg.softmax_vjp(P, a),
    "softmax_jvp: tangent": lambda a: sg.softmax_jvp(P, a),
    "log_softmax_vjp: log_probs": lambda a: sg.log_softmax_vjp(a, Z),
    "logsumexp_vjp: grad_output": lambda a: sg.logsumexp_vjp(Z, a),
    "token_log_probs: logits": lambda a: sg.token_log_probs(a, Y),
    "token_log_probs: tokens": lambda a: sg.token_log_probs(Z, a),
    "token_log_probs_vjp: grad_log_probs": lambda a: sg.token_log_probs_vjp(Z, Y, a),
    "token_log_probs_vjp: grad_entropy": lambda a: sg.token_log_probs_vjp(Z, Y, None, a),
    "SoftmaxJacobian: probs": lambda a: sg.SoftmaxJacobian(a),
    "SoftmaxJacobian @ v: v": lambda a: J @ a,
    "cross_entropy: logits": lambda a: sg.cross_entropy(a, Y),
    "cross_entropy: target": lambda a: sg.cross_entropy(Z, a),
    "squared_error_with_grad: target": lambda a: sg.squared_error_with_grad(Z, a),
    "kl_divergence_with_stats: weight": lambda a: sg.kl_divergence_with_stats(Z, Y, weight=a),
    "focal_loss_hvp: v": lambda a: sg.focal_loss_hvp(Z, Y, a),
    "cross_entropy_jvp: tangent": lambda a: sg.cross_entropy_jvp(Z, Y, a),
    "cross_entropy: where": lambda a: sg.cross_entropy(Z, Y, where=a),
    "linear_cross_entropy: x": lambda a: sg.linear_cross_entropy(a, Z, Y),
    "linear_cross_entropy: w": lambda a: sg.linear_cross_entropy(Z, a, Y),
    "linear_cross_entropy: target": lambda a: sg.linear_cross_entropy(Z, np.zeros((3, 3)), a),
    "linear_cross_entropy: bias": lambda a: sg.linear_cross_entropy(Z, np.zeros((3, 3)), Y, a),
    "linear_cross_entropy_hvp: v[0]": lambda a: sg.linear_cross_entropy_hvp(Z, Z, Y, (a, *V[1:])),
    "explain: logits": lambda a: sg.explain(a, Y),
    "explain: target": lambda a: sg.explain(Z, a),
    "train: x": lambda a: trained(a, Y),
    "train: target": lambda a: trained(Z, a),
}
every_read = pytest.mark.parametrize("name", READS)


@every_read
def test_a_masked_array_is_refused(name):
    with pytest.raises(sg.DtypeError, match=f"^{re.escape(name)} is a masked array, and its mask would be lost; "):
        READS[name](MASKED)


MAY_BE_NONE = {
    "linear_cross_entropy: bias",
    "linear_cross_entropy_hvp: v[2]",
    "token_log_probs_vjp: grad_log_probs",
    "token_log_probs_vjp: grad_entropy",
}


@pytest.mark.parametrize("name", [name for name in READS if "where" not in name and "weight" not in name])
def test_none_is_named(name):
    if name not in MAY_BE_NONE:
        with pytest.raises(sg.DtypeError, match=f"^{re.escape(name)} is None, wanted an array"):
            READS[name](None)


def test_a_mask_that_masks_nothing_is_no_mask():
    np.testing.assert_array_equal(sg.softmax(np.ma.masked_array(P)), sg.softmax(P))
    with pytest.raises(sg.DtypeError, match=r"a masked array, and its mask would be lost; give logits\.data"):
        sg.softmax([MASKED[0], MASKED[1]])
    with pytest.raises(sg.DtypeError, match=r"a masked array, and its mask would be lost; give logits\.data"):
        sg.softmax([[0.0, 1.0], [np.ma.masked, 1.0]])


def foreign(kind):
    """An object that NumPy cannot read as numbers, and the end of the message about it."""
    if kind == "sparse matrix":
        sparse = pytest.importorskip("scipy.sparse")
        return sparse.csr_array(Z), "is a sparse matrix, wanted an array; convert it, as logits.toarray()"
    if kind == "object with a failing __array__":

        class Failing:
            def __array__(self, dtype=None, copy=None):
                raise RuntimeError("no numbers\nhere")

        return Failing(), "is a Failing, which NumPy cannot read (no numbers); convert it to an array first"
    torch = pytest.importorskip("torch")
    tensors = {
        "requires grad": (torch.zeros(2, 3, requires_grad=True), "that requires grad", ".detach()"),
        "bfloat16": (torch.zeros(2, 3, dtype=torch.bfloat16), "of bfloat16", ".float()"),
        "both": (torch.zeros(3, dtype=torch.bfloat16, requires_grad=True), None, ".detach().float()"),
        "sparse": (torch.eye(3).to_sparse(), "with a sparse layout", ".to_dense()"),
    }
    if kind == "meta":
        tensor = torch.zeros(2, 3, device="meta")
        return tensor, "is a tensor on the device meta, which holds no numbers; wanted a tensor on the CPU"
    tensor, what, step = tensors[kind]
    what = what or "that requires grad and of bfloat16"
    return tensor, f"is a tensor {what}, wanted an array; convert it, as logits{step}.numpy()"


KINDS = ["sparse matrix", "object with a failing __array__", "requires grad", "bfloat16", "both", "sparse", "meta"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_of_another_library_has_a_way_out(kind):
    value, message = foreign(kind)
    with pytest.raises(sg.DtypeError) as raised:
        sg.softmax(value)
    assert str(raised.value) == f"softmax: logits {message}"


def test_a_tensor_and_an_array_of_jax_are_read():
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    np.testing.assert_array_equal(sg.softmax(torch.zeros(4)), [0.25] * 4)
    np.testing.assert_array_equal(sg.softmax(jax.numpy.zeros(4)), [0.25] * 4)
    for traced in (jax.jit(sg.softmax), jax.grad(lambda z: sg.cross_entropy(z, 0))):
        with pytest.raises(sg.DtypeError, match="logits is a JAX tracer, which has no numbers inside jit"):
            traced(jax.numpy.zeros(3))


LOSSES_OF_TARGETS = {
    "cross_entropy": sg.cross_entropy,
    "kl_divergence_with_grad": sg.kl_divergence_with_grad,
    "squared_error_with_stats": sg.squared_error_with_stats,
    "focal_loss": sg.focal_loss,
    "linear_cross_entropy": lambda z, t: sg.linear_cross_entropy(np.eye(len(z)), z.T, t),
}
every_loss = pytest.mark.parametrize("name", LOSSES_OF_TARGETS)
TWO_LOGITS = "for labels 0 and 1 with one logit z per sample, give two: np.stack"


@every_loss
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_integers_in_the_shape_of_the_logits_are_one_hot(name, dtype):
    one_hot = np.eye(3, dtype=dtype)[Y]
    LOSSES_OF_TARGETS[name](Z, one_hot)
    for wrong in (one_hot * 0, one_hot + np.eye(3, dtype=dtype)[[2, 2]], np.ones((2, 3), dtype)):
        with pytest.raises(
            sg.OptionError, match=r"but target\[0, :\] is not one-hot; wanted class indices of shape \(2,"
        ):
            LOSSES_OF_TARGETS[name](Z, wrong)
    if dtype == "int64":
        for wrong in ([[1, 0, 0], [0, 2, 1]], [[1, 0, 0], [2, -1, 0]]):
            with pytest.raises(sg.OptionError, match=r"but target\[1, :\] is not one-hot"):
                LOSSES_OF_TARGETS[name](Z, wrong)


@every_loss
@pytest.mark.parametrize("target", [["a", "b"], np.array(["a", "b"], object), [["a", "b", "c"]] * 2, [b"a", b"b"]])
def test_names_of_classes_become_indices_first(name, target):
    with pytest.raises(sg.DtypeError, match=r"target holds names of classes, such as b?'a', wanted class indices; .*"):
        LOSSES_OF_TARGETS[name](Z, target)


@every_loss
def test_one_logit_per_sample_is_told_about_two(name):
    column = np.zeros((4, 1))
    with pytest.raises(sg.LabelError, match=f"wanted 0, {TWO_LOGITS}"):
        LOSSES_OF_TARGETS[name](column, [0, 1, 1, 0])
    for target in ([[0.0], [1.0], [1.0], [0.0]], [[0], [1], [1], [0]]):
        with pytest.raises(sg.ShapeError, match=f"which is one class; {TWO_LOGITS}"):
            LOSSES_OF_TARGETS[name](column, target)
    if name != "linear_cross_entropy":
        for target in ([0.0, 1.0, 1.0, 0.0], [0, 1, 1, 0]):
            with pytest.raises(sg.ShapeError, match=f"which is one row of 4 classes; {TWO_LOGITS}"):
                LOSSES_OF_TARGETS[name](column[:, 0], target)
