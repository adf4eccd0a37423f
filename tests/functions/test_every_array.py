"""Every array argument of every function, in every layout that NumPy has: the result is that of a plain copy."""

import warnings

import numpy as np
import pytest

import softgrad as sg
from cases import LOSSES
from drawn import ALL_LAYOUTS
from softgrad import _kernels

rng = np.random.default_rng(4)
Z, V = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
Y, T = np.array([0, 2, 1, 1]), np.full((4, 3), 0.25) + np.eye(4, 3) / 4
WEIGHT, G = np.array([1.0, 0.5, 2.0]), rng.normal(size=4)
X, W, BIAS = rng.normal(size=(4, 2)), rng.normal(size=(3, 2)), np.array([0.5, 0.0, -1.0])
TILES = 2 * 3 * 8  # max_memory for tiles of classes: a row of logits, and one of probabilities

# name: (function, its arrays by name); those that are positional come first
CALLS = {
    "softmax": (sg.softmax, {"logits": Z}, {"where": T > 0.3}),
    "log_softmax": (sg.log_softmax, {"logits": Z}, {"where": T > 0.3}),
    "logsumexp": (sg.logsumexp, {"logits": Z}, {"where": T > 0.3}),
    "softmax_vjp": (sg.softmax_vjp, {"probs": sg.softmax(Z), "grad_output": V}, {}),
    "softmax_jvp": (sg.softmax_jvp, {"probs": sg.softmax(Z), "tangent": V}, {}),
    "log_softmax_vjp": (sg.log_softmax_vjp, {"log_probs": sg.log_softmax(Z), "grad_output": V}, {}),
    "log_softmax_jvp": (sg.log_softmax_jvp, {"log_probs": sg.log_softmax(Z), "tangent": V}, {}),
    "logsumexp_vjp": (sg.logsumexp_vjp, {"logits": Z, "grad_output": G}, {}),
    "logsumexp_jvp": (sg.logsumexp_jvp, {"logits": Z, "tangent": V}, {}),
    "token_log_probs": (sg.token_log_probs, {"logits": Z, "tokens": Y}, {}),
    "token_log_probs_vjp": (
        sg.token_log_probs_vjp,
        {"logits": Z, "tokens": Y, "grad_log_probs": G, "grad_entropy": G[::-1] * 2},
        {},
    ),
    "jacobian": (lambda probs, v: sg.SoftmaxJacobian(probs) @ v, {"probs": sg.softmax(Z), "v": V}, {}),
}
for name, loss in LOSSES.items():
    for form, target in {"classes": Y, "probabilities": T}.items():
        CALLS[f"{name}, {form}"] = (loss.with_grad, {"logits": Z, "target": target}, {"weight": WEIGHT})
        CALLS[f"{name}_jvp, {form}"] = (loss.jvp, {"logits": Z, "target": target, "v": V}, {"weight": WEIGHT})
        CALLS[f"{name}_hvp, {form}"] = (loss.hvp, {"logits": Z, "target": target, "v": V}, {"weight": WEIGHT})
for form, target in {"classes": Y, "probabilities": T}.items():
    arrays = {"x": X, "w": W, "target": target, "bias": BIAS}
    CALLS[f"linear, {form}"] = (sg.linear_cross_entropy_with_stats, arrays, {"weight": WEIGHT})
    CALLS[f"linear in tiles, {form}"] = (
        lambda *arrays, **options: sg.linear_cross_entropy_with_stats(*arrays, **options, max_memory=TILES),
        arrays,
        {"weight": WEIGHT},
    )
    CALLS[f"linear_hvp, {form}"] = (
        lambda x, w, target, bias, vx, vw, vb, **options: sg.linear_cross_entropy_hvp(
            x, w, target, (vx, vw, vb), bias, **options
        ),
        arrays | {"vx": X[::-1].copy(), "vw": W[::-1].copy(), "vb": BIAS[::-1].copy()},
        {"weight": WEIGHT},
    )
WITH_OUT = [
    name
    for name in CALLS
    if "softmax" in name or name in ("logsumexp", "token_log_probs_vjp") or ("," in name and "vp" not in name)
]
ARGUMENTS = [(call, name) for call, (_, arrays, options) in CALLS.items() for name in {**arrays, **options}]


class Subclass(np.ndarray):
    """An array of a class of its own."""


def matrix(array):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.matrix(array) if array.ndim == 2 else array.view(Subclass)


def swapped(array):
    return array.astype(array.dtype.newbyteorder())


FORMS = ALL_LAYOUTS | {
    "byte-swapped": swapped,
    "byte-swapped and unaligned": lambda a: ALL_LAYOUTS["unaligned"](swapped(a)),
    "a subclass": lambda a: a.view(Subclass),
    "a matrix": matrix,
    "float32": lambda a: a.astype(np.float32 if a.dtype.kind == "f" else a.dtype).astype(a.dtype),
    "unaligned Fortran": lambda a: ALL_LAYOUTS["unaligned"](a.T.copy()).T,
    "no rows": lambda a: a[:0],
}


def flat(result):
    """The arrays in a result."""
    if isinstance(result, tuple):
        return [array for part in result for array in flat(part)]
    return [] if result is None else [np.asarray(result)]


def call(name, **replaced):
    function, arrays, options = CALLS[name]
    given = {**arrays, **options, **replaced}
    return flat(function(*(given[key] for key in arrays), **{key: given[key] for key in options}))


@pytest.fixture(autouse=True)
def kernels_that_check_their_arrays(monkeypatch):
    """Kernels that assert that every array is as they read it: aligned, contiguous, and in the order of the machine.

    Those of the short way look at their arrays themselves, and compute nothing where one does not fit.
    """

    def checked(kernel):
        def call(*arguments, **options):
            for array in flat(arguments):
                assert array.dtype == object or (array.flags.aligned and array.flags.c_contiguous), kernel
                assert array.dtype.isnative, kernel
            return kernel(*arguments, **options)

        return call

    for name in vars(_kernels):
        if callable(kernel := getattr(_kernels, name)) and name != "LossNumbers" and not name.startswith("short_"):
            monkeypatch.setattr(_kernels, name, checked(kernel))


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_one_argument_in_another_form(name, argument):
    _, arrays, options = CALLS[name]
    array = {**arrays, **options}[argument]
    for form in FORMS.keys() - {"no rows"}:
        formed = FORMS[form](array)
        plain = np.array(formed).astype(array.dtype)
        before = formed.tobytes()
        for got, wanted in zip(call(name, **{argument: formed}), call(name, **{argument: plain}), strict=True):
            assert_same_or_rounded(got, wanted, "linear" in name)
        assert formed.tobytes() == before


@pytest.mark.parametrize("name", CALLS)
def test_all_arguments_in_another_form(name):
    _, arrays, options = CALLS[name]
    whole = {"weight", "w", "bias", "vw", "vb"}  # which have no rows to take away
    for form in FORMS:
        given = {
            key: array if form == "no rows" and key in whole else FORMS[form](array)
            for key, array in {**arrays, **options}.items()
        }
        plain = {key: np.array(array).astype({**arrays, **options}[key].dtype) for key, array in given.items()}
        for got, wanted in zip(call(name, **given), call(name, **plain), strict=True):
            assert_same_or_rounded(got, wanted, "linear" in name)


def assert_same_or_rounded(got, wanted, by_blas):
    """BLAS may add the terms of matrices in other layouts in another order."""
    if by_blas and got.dtype.kind == "f":
        np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=1e-15)
    else:
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("order", ["native", "swapped"])
@pytest.mark.parametrize("name", WITH_OUT)
def test_out_in_another_form(name, order):
    function, arrays, options = CALLS[name]
    change = swapped if order == "swapped" else np.array
    given = {key: change(array) if array.dtype.kind == "f" else array for key, array in {**arrays, **options}.items()}
    plain = call(name)
    for form in ALL_LAYOUTS.keys() - {"read-only", "stride 0"}:
        of_shape = {"logsumexp": [G]}.get(name, [X, W, BIAS] if "linear" in name else [Z])
        outs = tuple(FORMS[form](change(np.full_like(array, 77))) for array in of_shape)
        result = function(
            *(given[key] for key in arrays),
            **{key: given[key] for key in options},
            out=outs if "linear" in name else outs[0],
        )
        grads = getattr(result, "grad", result)
        wanted = plain[1:] if hasattr(result, "grad") else plain
        for out, got, right in zip(outs, grads if isinstance(grads, tuple) else [grads], wanted, strict=False):
            assert got is out
            assert_same_or_rounded(got, right, "linear" in name)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f2", ">f4", ">f8", "<f8"])
def test_a_mask_keeps_the_dtype_and_its_byte_order(name, dtype):
    function, z = getattr(sg, name), Z.astype(dtype)
    for where in (np.True_, T > 0.3, np.ones((4, 3), bool)):
        got = function(z, where=where)
        assert got.dtype == function(z).dtype == dtype
        np.testing.assert_array_equal(got, function(z.astype(z.dtype.newbyteorder("=")), where=where))
        out = np.empty(got.shape, dtype)
        assert function(z, where=where, out=out) is out
