"""Output functions without a target: softmax, activations, masks, dropout. Their constants are read off the output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from softgrad.check.catalogue.activations import ELU, LEAKY, RELU, SIGMOID, SWISH, TANH
from softgrad.check.catalogue.log_softmax import LOG_SOFTMAX
from softgrad.check.catalogue.softmax import SOFTMAX
from softgrad.check.recognise.interpretation import UserArray
from softgrad.check.recognise.output_function import OutputFunction
from softgrad.formulas.numbers import Array


def of_its_shape(z: Array, y: Array, axis: int) -> Iterator[OutputFunction]:
    """Functions of z alone, with an output y of the same shape."""
    for argument, back, said, constants in _softmax_arguments(z, y, axis):
        yield OutputFunction(f"softmax{said}", (f"p = softmax({argument})",), "p", (SOFTMAX, *back), "dp", constants)
        lines = (f"logp = log_softmax({argument})", "p = exp(logp)")
        yield OutputFunction(f"log-softmax{said}", lines, "logp", (LOG_SOFTMAX, *back), "dp", constants)
    yield OutputFunction("sigmoid", ("a = sigmoid(z)",), "a", (SIGMOID,), "da")
    yield OutputFunction("tanh", ("a = tanh(z)",), "a", (TANH,), "da")
    yield OutputFunction("ReLU", ("a = relu(z)",), "a", (RELU,), "da")
    slope = _slope(z, y)
    if slope is not None and abs(slope - 1) > 1e-9:
        line = "a = where(z > 0, z, slope * z)"
        yield OutputFunction(f"leaky ReLU of slope {slope:g}", (line,), "a", (LEAKY,), "da", {"slope": slope})
    yield OutputFunction("swish", ("s = sigmoid(z)", "a = z * s"), "a", (SWISH,), "da")
    alpha = _alpha(z, y)
    if alpha is not None:
        line = "a = where(z > 0, z, alpha * (exp(z) - 1))"
        yield OutputFunction(f"ELU of alpha {alpha:g}", (line,), "a", (ELU,), "da", {"alpha": alpha})
    yield OutputFunction("softplus", ("a = softplus(z)",), "a", ("dz = da * sigmoid(z)",), "da")
    yield OutputFunction("exp", ("a = exp(z)",), "a", ("dz = da * a",), "da")


def _softmax_arguments(z: Array, y: Array, axis: int) -> Iterator[tuple[str, tuple[str, ...], str, dict[str, Any]]]:
    """What softmax may be taken of: z, -z, or z / T, if two of the entries of y fit. T is negative in exp(-beta E).

    Each with the line back through it, what the title says of it, and its constants.
    """
    yield "z", (), "", {}
    rows, outputs = (np.moveaxis(a, axis, -1).reshape(-1, a.shape[axis]) for a in (z, y))
    row = np.ptp(rows, axis=-1).argmax()
    with np.errstate(all="ignore"):
        for logs in (np.log(outputs[row]), outputs[row]):
            high, low = rows[row].argmax(), rows[row].argmin()
            temperature = float(f"{np.ptp(rows[row]) / (logs[high] - logs[low]):.10g}")
            if abs(temperature + 1) <= 1e-6:
                yield "-z", ("dz = -dz",), " of -z", {}
            elif np.isfinite(temperature) and temperature and abs(temperature - 1) > 1e-6:
                yield "z / T", ("dz = dz / T",), f" at temperature {temperature:g}", {"T": temperature}


def _alpha(z: Array, y: Array) -> float | None:
    """The alpha of an ELU."""
    with np.errstate(all="ignore"):
        alphas = (y / np.expm1(z))[z < 0]
    return float(alphas[0]) if len(alphas) and np.ptp(alphas) <= 1e-9 * abs(alphas[0]) and alphas[0] > 0 else None


def _slope(z: Array, y: Array) -> float | None:
    """The slope of a leaky ReLU."""
    if not (z < 0).any():
        return None
    with np.errstate(all="ignore"):
        slopes = (y / z)[z < 0]
    return float(slopes[0]) if np.ptp(slopes) <= 1e-9 * abs(slopes[0]) and slopes[0] > 0 else None


def logsumexp() -> OutputFunction:
    """The logsumexp of each row of z."""
    line = "lse = per_row(max_k(z) + log(sum_k(exp(z - max_k(z)))))"
    return OutputFunction("logsumexp", ("p = softmax(z)", line), "lse", ("dz = rows(g) * p",), "g")


def masked(z: Array, arrays: Sequence[UserArray], given: Any) -> Iterator[OutputFunction]:
    """A softmax over the classes that a mask lets pass, and a softmax whose output is masked."""
    masks: list[tuple[dict[str, Any], dict[str, int]]] = [
        ({}, {"mask_": i})
        for i, one in enumerate(arrays)
        if one.array.shape == z.shape and one.array is not z and _is_mask(one.array)
    ]
    if given is not None and np.shape(given) == z.shape:
        masks.append(({"mask_": np.asarray(given)}, {}))
    for constants, roles in masks:
        before = ("mask = 1.0 * mask_", "p = masked_softmax(z, mask)")
        yield OutputFunction("masked softmax", before, "p", (SOFTMAX,), "dp", constants, roles)
        behind = ("mask = 1.0 * mask_", "p = softmax(z)", "y_ = mask * p")
        back = ("dp = mask * dp", SOFTMAX)
        yield OutputFunction("softmax, masked behind", behind, "y_", back, "dp", constants, roles)


def dropped(x: Array, y: Array, arrays: Sequence[UserArray]) -> Iterator[OutputFunction]:
    """Dropout with a mask among the inputs; without a scale it is just a mask."""
    kept = (y != 0) & (x != 0)
    keep = float(f"{(x[kept] / y[kept]).mean():.12g}") if kept.any() else 1.0
    for i, one in enumerate(arrays):
        if one.array.shape == x.shape and one.array is not x and _is_mask(one.array):
            line, back = "y = x * mask / keep", "dx = dy * mask / keep"
            if abs(keep - 1) > 1e-9:
                yield OutputFunction("dropout", (line,), "y", (back,), "dy", {"keep": keep}, {"mask": i}, "x")
            yield OutputFunction("a mask", ("y = x * mask",), "y", ("dx = dy * mask",), "dy", {}, {"mask": i}, "x")


def _is_mask(array: Array) -> bool:
    """Whether an array is a mask: 0 and one other number. Of three real numbers, one may be 0 by chance."""
    return array.dtype == bool or (array.size > 3 and len(np.unique(array)) == 2 and 0 in array)
