"""Columns have the bits of contiguous rows: columns of any length, width and dtype.

Most are computed in bands, short ones of up to 64 or 128 classes by other sums than long ones. Columns with few beside
them are computed in panels.
"""

import ml_dtypes
import numpy as np
import pytest

import softgrad as sg

rng = np.random.default_rng(11)
# 64 and 128 are the longest short columns; the sums of long ones are of 32 or 64 classes.
CLASSES = (2, 64, 65, 128, 129, 191, 192, 193, 1000)
WIDTHS = (15, 16, 31, 32, 33, 48, 64, 100, 257, 530)  # in lanes: 16 or 32 of them are a tile, 512 the widest band


def losses(z, axis, **options):
    y = np.arange(z.size // z.shape[axis]).reshape([n for i, n in enumerate(z.shape) if i != axis % z.ndim])
    y = np.where(y % 7 == 3, -1, y * 31 % z.shape[axis])
    weight = (np.arange(z.shape[axis]) % 5 * 0.25).astype(np.promote_types(z.dtype, np.float32))
    found = sg.cross_entropy_with_grad(z, y, axis=axis, weight=weight, ignore_index=-1, **options)
    return found.loss, found.grad


FUNCTIONS = {
    "softmax": lambda z, g, axis, T: [sg.softmax(z, axis=axis, temperature=T)],
    "log_softmax": lambda z, g, axis, T: [sg.log_softmax(z, axis=axis, temperature=T)],
    "logsumexp": lambda z, g, axis, T: [sg.logsumexp(z, axis=axis, temperature=T)],
    "softmax_vjp": lambda z, g, axis, T: [sg.softmax_vjp(sg.softmax(z, axis=axis), g, axis=axis, temperature=T)],
    "log_softmax_vjp": lambda z, g, axis, T: [
        sg.log_softmax_vjp(sg.log_softmax(z, axis=axis), g, axis=axis, temperature=T)
    ],
    "log_softmax_jvp": lambda z, g, axis, T: [
        sg.log_softmax_jvp(sg.log_softmax(z, axis=axis), g, axis=axis, temperature=T)
    ],
    "cross_entropy": lambda z, g, axis, T: losses(z, axis, temperature=T, reduction="none"),
    "cross_entropy of a tiny scale": lambda z, g, axis, T: losses(z, axis, temperature=T, denominator=1e25),
}
# float16 holds no gradient of that scale; it and bfloat16 have the same kernels as float32, between others that read
# and write.
DTYPES = {"float32": np.float32, "float64": np.float64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def moved(x):
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def draw(shape, dtype):
    """Logits with ties, a probability near 1, large offsets, and rows with NaN, infinities or nothing else."""
    z = np.round(rng.normal(size=shape) * 2, 2)
    z[:, 1] += 12 * (rng.random(z[:, 1].shape) < 0.3)
    z += np.where(rng.random((shape[0], 1, shape[2])) < 0.1, 30_000, 0)
    z[0, 5 % shape[1], 2], z[0, :, 4], z[0, 1, 6], z[0, -1, 8] = np.nan, -np.inf, np.inf, -np.inf
    z[-1, :, 9], z[-1, -1, 9] = -np.inf, np.nan
    return z.astype(dtype), rng.normal(size=shape).astype(dtype)


def assert_same_bits(found, wanted, case):
    for x, y in zip(found, wanted, strict=True):
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        np.testing.assert_array_equal(x, y, err_msg=case)
        np.testing.assert_array_equal(np.signbit(x) & ~np.isnan(x), np.signbit(y) & ~np.isnan(y), err_msg=case)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_columns_have_the_bits_of_rows(name, dtype):
    for i, (K, width) in enumerate((K, width) for K in CLASSES for width in WIDTHS):
        if i % 3 != len(name) % 3 and dtype != "float32":
            continue  # a third of the sizes
        T = (1.0, 0.75)[i % 2]
        z, g = draw((2 if K * width < 30_000 else 1, K, width), DTYPES[dtype])
        with np.errstate(invalid="ignore"):
            columns, rows = FUNCTIONS[name](z, g, 1, T), FUNCTIONS[name](moved(z), moved(g), -1, T)
        rows = [np.moveaxis(x, -1, 1) if np.ndim(x) == 3 else x for x in rows]
        assert_same_bits(columns, rows, f"{K} classes, {width} columns")


@pytest.mark.parametrize("width", [4201, 4208], ids=["lines differ between classes", "lines of all classes"])
@pytest.mark.parametrize("K", [40, 512])
def test_streamed_columns_have_the_bits_of_rows(K, width):
    width = width * 512 // K  # a result of 8 MiB
    z, g = (np.resize(x, (K, width)) for x in draw((1, K, 600), np.float32))
    before = sg.get_num_threads()
    sg.set_num_threads(3)
    try:
        for name in ("softmax", "softmax_vjp"):
            for offset in (0, 4):  # where the result begins in its cache line
                memory = np.full(z.size + 32, 7, np.float32)
                first = (-memory.ctypes.data // 4) % 16 + offset
                out = memory[first : first + z.size].reshape(z.shape)
                if name == "softmax":
                    sg.softmax(z, axis=0, out=out)
                    rows = sg.softmax(np.ascontiguousarray(z.T))
                else:
                    p = sg.softmax(z, axis=0)
                    sg.softmax_vjp(p, g, axis=0, out=out)
                    rows = sg.softmax_vjp(np.ascontiguousarray(p.T), np.ascontiguousarray(g.T))
                np.testing.assert_array_equal(out.T, rows)
                assert (memory[:first] == 7).all() and (memory[first + z.size :] == 7).all()
    finally:
        sg.set_num_threads(before)


@pytest.mark.parametrize("width", [8200, 8192], ids=["lines differ between classes", "lines of all classes"])
def test_streamed_columns_of_halves_have_the_bits_of_rows(width):
    z = np.resize(draw((1, 512, 600), np.float16)[0], (512, width))
    memory = np.full(z.size + 64, 7, np.float16)  # a result of 8 MiB, which begins inside a cache line
    out = memory[33 : 33 + z.size].reshape(z.shape)
    sg.softmax(z, axis=0, out=out)
    np.testing.assert_array_equal(out.T, sg.softmax(np.ascontiguousarray(z.T)))
    assert (memory[:33] == 7).all() and (memory[33 + z.size :] == 7).all()


def test_columns_are_overwritten_by_their_results():
    z = draw((1, 300, 1300), np.float64)[0]
    z[:, :, :10] = 0
    before = sg.get_num_threads()
    sg.set_num_threads(3)
    try:
        for width in (1296, 1290, 100):  # the threads share cache lines of the first, and each column has one thread
            logits, y = np.ascontiguousarray(z[0, :, :width]), np.arange(width) % 300
            wanted = sg.softmax(logits, axis=0), sg.cross_entropy_with_grad(logits, y, axis=0).grad
            memory = np.empty(logits.size + 8)
            first = (-memory.ctypes.data // 8 - 3) % 8  # three entries before a cache line
            overwritten = memory[first : first + logits.size].reshape(logits.shape)
            overwritten[...] = logits
            sg.softmax(overwritten, axis=0, out=overwritten)
            np.testing.assert_array_equal(overwritten, wanted[0])
            overwritten[...] = logits
            sg.cross_entropy_with_grad(overwritten, y, axis=0, out=overwritten)
            np.testing.assert_array_equal(overwritten, wanted[1])
    finally:
        sg.set_num_threads(before)
