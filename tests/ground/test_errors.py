"""The exact messages of errors, and the base classes of each error."""

import numpy as np
import pytest

import softgrad as sg

PYTHON_ERRORS = {  # each error of softgrad: the built-in error that is also its base class
    sg.ShapeError: ValueError,
    sg.AxisError: IndexError,
    sg.DtypeError: TypeError,
    sg.LabelError: IndexError,
    sg.OptionError: ValueError,
    sg.CheckError: ValueError,
    sg.DataError: ValueError,
    sg.ModelError: ValueError,
    sg.TrainingError: ValueError,
    sg.WriteError: OSError,
    sg.MissingPackageError: ImportError,
}
Z, Y = np.zeros((2, 3)), np.array([0, 1])
J = sg.SoftmaxJacobian(np.full((2, 3), 1 / 3))

MESSAGES = {  # name: (call, error, message)
    "ragged logits": (
        lambda: sg.softmax([[1, 2], [3]]),
        sg.ShapeError,
        "softmax: logits is ragged: its rows differ in length; give every row the same number of entries",
    ),
    "ragged target": (
        lambda: sg.cross_entropy(Z, [[1, 0, 0], [1, 0]]),
        sg.ShapeError,
        "cross_entropy: target is ragged: its rows differ in length; give every row the same number of entries",
    ),
    "complex logits": (
        lambda: sg.log_softmax(Z + 1j),
        sg.DtypeError,
        "log_softmax: logits.dtype is complex128, wanted floating numbers of 16, 32 or 64 bits, or integers",
    ),
    "strings for logits": (
        lambda: sg.softmax(["a"]),
        sg.DtypeError,
        "softmax: logits.dtype is <U1, wanted floating numbers of 16, 32 or 64 bits, or integers; "
        "convert it first, as np.asarray(logits, dtype=float)",
    ),
    "None for logits": (
        lambda: sg.softmax(None),
        sg.DtypeError,
        "softmax: logits is None, wanted an array of numbers",
    ),
    "a set for logits": (
        lambda: sg.softmax({1.0, 2.0}),
        sg.DtypeError,
        "softmax: logits is a set, wanted an array of numbers; convert it first, as list(logits)",
    ),
    "a generator for logits": (
        lambda: sg.softmax(z for z in Z[0]),
        sg.DtypeError,
        "softmax: logits is a generator, wanted an array of numbers; convert it first, as list(logits)",
    ),
    "a dict for logits": (
        lambda: sg.softmax({"a": 1.0}),
        sg.DtypeError,
        "softmax: logits is a dict, wanted an array of numbers",
    ),
    "objects for logits": (
        lambda: sg.softmax(np.array([1, 2], dtype=object)),
        sg.DtypeError,
        "softmax: logits.dtype is object, wanted floating numbers of 16, 32 or 64 bits, or integers; "
        "convert it first, as np.asarray(logits, dtype=float)",
    ),
    "None for target": (
        lambda: sg.cross_entropy(Z, None),
        sg.DtypeError,
        "cross_entropy: target is None, wanted an array of numbers",
    ),
    "names of classes for target": (
        lambda: sg.cross_entropy(Z, ["cat", "dog"]),
        sg.DtypeError,
        "cross_entropy: target holds names of classes, such as 'cat', wanted class indices; "
        "convert them first, as np.unique(target, return_inverse=True)[1]",
    ),
    "axis is a float": (
        lambda: sg.logsumexp(Z, axis=1.0),
        sg.AxisError,
        "logsumexp: axis is 1.0, wanted one integer, several, such as (0, 1), or None for all",
    ),
    "no axis": (
        lambda: sg.softmax(Z, axis=()),
        sg.AxisError,
        "softmax: axis is (), wanted one integer, several, such as (0, 1), or None for all",
    ),
    "an axis given twice": (
        lambda: sg.softmax_vjp(Z, Z, axis=(1, -1)),
        sg.AxisError,
        "softmax_vjp: axis is (1, -1), but probs.shape is (2, 3); wanted each axis once",
    ),
    "one of several axes out of range": (
        lambda: sg.logsumexp(Z, axis=(0, 2)),
        sg.AxisError,
        "logsumexp: axis is (0, 2), but logits.shape is (2, 3); wanted axes in -2..1",
    ),
    "several axes for a loss": (
        lambda: sg.cross_entropy(Z, 0, axis=(0, 1)),
        sg.AxisError,
        "cross_entropy: axis is (0, 1), wanted one integer; merge axes first, as with logits.reshape",
    ),
    "no axis for a Jacobian": (
        lambda: sg.SoftmaxJacobian(Z, axis=None),
        sg.AxisError,
        "SoftmaxJacobian: axis is None, wanted one integer; merge axes first, as with probs.reshape",
    ),
    "axis out of range": (
        lambda: sg.softmax(Z, axis=2),
        sg.AxisError,
        "softmax: axis is 2, but logits.shape is (2, 3); wanted an axis in -2..1",
    ),
    "a scalar for logits": (
        lambda: sg.softmax(1.0),
        sg.AxisError,
        "softmax: axis is -1, but logits.shape is (); wanted an array, at least (K,)",
    ),
    "upstream gradient of a wrong shape": (
        lambda: sg.softmax_vjp(Z, np.zeros(3)),
        sg.ShapeError,
        "softmax_vjp: grad_output.shape is (3,), but probs.shape is (2, 3); wanted the same",
    ),
    "tangent of a wrong shape": (
        lambda: sg.log_softmax_jvp(Z, Z.T),
        sg.ShapeError,
        "log_softmax_jvp: tangent.shape is (3, 2), but log_probs.shape is (2, 3); wanted the same",
    ),
    "upstream gradient of logsumexp in the shape of the logits": (
        lambda: sg.logsumexp_vjp(Z, Z),
        sg.ShapeError,
        "logsumexp_vjp: grad_output.shape is (2, 3), but logits.shape is (2, 3) with the classes on axis 1; "
        "wanted one number per row, (2,)",
    ),
    "target of a wrong shape": (
        lambda: sg.cross_entropy(Z, np.zeros((3, 2))),
        sg.ShapeError,
        "cross_entropy: target.shape is (3, 2), but logits.shape is (2, 3) with the classes on axis -1; "
        "wanted (2,) for class indices or (2, 3) for probabilities",
    ),
    "class indices for classes on another axis": (
        lambda: sg.cross_entropy(np.zeros((2, 3, 5)), np.zeros((2, 5), int)),
        sg.ShapeError,
        "cross_entropy: target.shape is (2, 5), but logits.shape is (2, 3, 5) with the classes on axis -1; "
        "wanted (2, 3) for class indices or (2, 3, 5) for probabilities; (2, 5) fits class indices with the classes "
        "on axis 1",
    ),
    "class indices that are not integers": (
        lambda: sg.squared_error(Z, [0.0, 1.0]),
        sg.DtypeError,
        "squared_error: target.dtype is float64 in the shape of class indices, wanted integers; "
        "convert it first, as np.asarray(target, dtype=int)",
    ),
    "strings for probabilities": (
        lambda: sg.kl_divergence(Z, Z.astype(str)),
        sg.DtypeError,
        "kl_divergence: target.dtype is <U32, wanted floating numbers of 16, 32 or 64 bits, or integers; "
        "convert it first, as np.asarray(target, dtype=float)",
    ),
    "label too large": (
        lambda: sg.cross_entropy(Z, [0, 5]),
        sg.LabelError,
        "cross_entropy: target[1] is 5, but logits have 3 classes on axis -1; wanted 0..2",
    ),
    "label that counts from 1": (
        lambda: sg.cross_entropy(Z, [1, 3]),
        sg.LabelError,
        "cross_entropy: target[1] is 3, but logits have 3 classes on axis -1; "
        "wanted 0..2, so subtract 1 from labels that count from 1",
    ),
    "label too large, classes on axis 0": (
        lambda: sg.cross_entropy_with_grad(Z, [0, 2, 1], axis=0),
        sg.LabelError,
        "cross_entropy_with_grad: target[1] is 2, but logits have 2 classes on axis 0; "
        "wanted 0..1, so subtract 1 from labels that count from 1",
    ),
    "negative label of a two-dimensional target": (
        lambda: sg.kl_divergence_with_grad(np.zeros((2, 2, 3)), [[0, 1], [-1, 2]]),
        sg.LabelError,
        "kl_divergence_with_grad: target[1, 0] is -1, but logits have 3 classes on axis -1; "
        "wanted 0..2, or ignore_index=-1 to leave such rows out",
    ),
    "label of a single row": (
        lambda: sg.squared_error_with_grad(Z[0], 3),
        sg.LabelError,
        "squared_error_with_grad: target is 3, but logits have 3 classes on axis -1; "
        "wanted 0..2, so subtract 1 from labels that count from 1",
    ),
    "label too large for int64": (
        lambda: sg.cross_entropy(Z, np.array([0, 2**63 + 5], np.uint64)),
        sg.LabelError,
        "cross_entropy: target[1] is 9223372036854775813, but logits have 3 classes on axis -1; wanted 0..2",
    ),
    "unknown reduction": (
        lambda: sg.cross_entropy(Z, Y, reduction="average"),
        sg.OptionError,
        "cross_entropy: reduction is 'average', wanted 'mean', 'sum' or 'none'",
    ),
    "None for reduction": (
        lambda: sg.squared_error_with_grad(Z, Y, reduction=None),
        sg.OptionError,
        "squared_error_with_grad: reduction is None, wanted 'mean', 'sum' or 'none'",
    ),
    "number of threads": (
        lambda: sg.set_num_threads(0),
        sg.OptionError,
        "set_num_threads: n is 0, wanted an integer from 1 to 2147483647",
    ),
    "vector of a wrong shape": (
        lambda: J @ np.zeros(3),
        sg.ShapeError,
        "SoftmaxJacobian @ v: v.shape is (3,), but probs.shape is (2, 3); "
        "wanted (2, 3) for one vector per row, or (2, 3, n) for n vectors per row",
    ),
    "operator for a vector": (
        lambda: J @ J,
        sg.DtypeError,
        "SoftmaxJacobian @ v: v.dtype is object, wanted floating numbers of 16, 32 or 64 bits, or integers; "
        "convert it first, as np.asarray(v, dtype=float)",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_an_error_has_exactly_this_message(name):
    call, error, message = MESSAGES[name]
    with pytest.raises(error) as raised:
        call()
    assert type(raised.value) is error
    assert str(raised.value) == message


@pytest.mark.parametrize("error", PYTHON_ERRORS, ids=lambda error: error.__name__)
def test_an_error_is_also_the_one_that_python_would_raise(error):
    assert issubclass(error, sg.SoftgradError)
    assert issubclass(error, PYTHON_ERRORS[error])


def test_every_public_error_is_listed_here():
    public = {value for value in vars(sg).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert public == {sg.SoftgradError, *PYTHON_ERRORS}
