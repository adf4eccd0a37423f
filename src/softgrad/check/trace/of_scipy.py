"""What replaces the functions of SciPy that turn their arguments into plain arrays, where SciPy is imported."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from softgrad.check.trace.array import Traced, as_array, holds_traced, node_of, plain, plain_all, stacked, traced
from softgrad.check.trace.session import paused, recording

_asarray = np.asarray
ROOT_TWO_PI = math.sqrt(2 * math.pi)


def _sum_of_exponentials(op: str) -> Callable[..., Any]:
    """softmax, log_softmax and logsumexp, as one operation."""

    def make(original: Callable[..., Any], a: Any, axis: Any = None, **options: Any) -> Any:
        session = recording()
        if session is None or set(options) - {"keepdims"}:
            return NotImplemented
        with paused():
            x = node_of(session, stacked(session, a))
            ndim = x.value.ndim
            axes = tuple(range(ndim)) if axis is None else tuple(int(i) % max(ndim, 1) for i in np.atleast_1d(axis))
            value = original(_asarray(plain_all(a)), axis, **options)
            static = {"axis": axes, "keepdims": bool(options.get("keepdims", False))}
            return traced(value, session.node(op, (x,), value, static))

    return make


def _cholesky(original: Any, a: Any, lower: bool = False, **options: Any) -> Any:
    low = np.linalg.cholesky(as_array(a))
    return low if lower else low.T


def _cho_factor(original: Any, a: Any, lower: bool = False, **options: Any) -> Any:
    return _cholesky(original, a, lower), lower


def _cho_solve(original: Any, factor: Any, b: Any, **options: Any) -> Any:
    c, lower = factor
    low = np.tril(c) if lower else np.triu(c).T
    return np.linalg.solve(low.T, np.linalg.solve(low, as_array(b)))


def _solve_triangular(
    original: Any, a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, **options: Any
) -> Any:
    if unit_diagonal or trans not in (0, 1, "N", "T"):
        return NotImplemented
    half = np.tril(as_array(a)) if lower else np.triu(as_array(a))
    return np.linalg.solve(half.T if trans in (1, "T") else half, as_array(b))


def _solve(original: Any, a: Any, b: Any, **options: Any) -> Any:
    return NotImplemented if options.get("transposed") else np.linalg.solve(as_array(a), as_array(b))


def _convolved(turned: bool) -> Callable[..., Any]:
    """Convolutions and correlations along all axes: windows of the padded array times the kernel."""

    def make(original: Any, a: Any, v: Any, mode: str = "full", *args: Any, **options: Any) -> Any:
        fill = options.get("boundary", args[0] if args else "fill")
        if fill != "fill" or options.get("fillvalue", args[1] if len(args) > 1 else 0):
            return NotImplemented
        a, v = as_array(a), as_array(v)
        wanted = original(plain(a), plain(v), mode)
        kernel = v[(slice(None, None, -1),) * v.ndim] if turned else v
        padded = np.pad(a, [(n - 1, n - 1) for n in v.shape])
        windows = np.lib.stride_tricks.sliding_window_view(padded, v.shape)
        axes = list(range(v.ndim))
        full = np.tensordot(windows, kernel, axes=([v.ndim + i for i in axes], axes))
        # Which part of it SciPy returns depends on the mode and on which array is longer: its numbers tell.
        for begin in np.ndindex(*[n - m + 1 for n, m in zip(full.shape, wanted.shape, strict=True)]):
            part = full[tuple(slice(i, i + n) for i, n in zip(begin, wanted.shape, strict=True))]
            if np.allclose(plain(part), wanted, rtol=1e-9, atol=1e-12 * np.abs(wanted).max(initial=1.0)):
                return part
        return NotImplemented

    return make


def _expm(original: Any, a: Any) -> Any:
    session = recording()
    if session is None:
        return NotImplemented
    with paused():
        x = node_of(session, as_array(a))
        value = original(plain(as_array(a)))
        return traced(value, session.node("expm", (x,), value))


def _svd(original: Any, a: Any, full_matrices: bool = True, compute_uv: bool = True, **options: Any) -> Any:
    a = as_array(a)
    return tuple(np.linalg.svd(a, full_matrices=full_matrices)) if compute_uv else np.linalg.svd(a, compute_uv=False)


def _cdist(original: Any, a: Any, b: Any, metric: Any = "euclidean", **options: Any) -> Any:
    difference = as_array(a)[:, None] - as_array(b)[None]
    if options or metric not in ("euclidean", "sqeuclidean", "cityblock"):
        return NotImplemented
    if metric == "cityblock":
        return np.abs(difference).sum(-1)
    return np.linalg.norm(difference, axis=-1) if metric == "euclidean" else np.square(difference).sum(-1)


def _normal(original: Any, x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    z = as_array(x)
    if not (isinstance(loc, float | int) and isinstance(scale, float | int) and loc == 0 and scale == 1):
        z = (z - loc) / scale
    name = original.__name__
    special = sys.modules["scipy.special"]
    if name in ("cdf", "sf"):
        return special.ndtr(z if name == "cdf" else -z)
    if name in ("logcdf", "logsf"):
        return special.log_ndtr(z if name == "logcdf" else -z)
    return np.exp(-z * z / 2) / (scale * ROOT_TWO_PI) if name == "pdf" else -z * z / 2 - np.log(scale * ROOT_TWO_PI)


def _normal_quantile(original: Any, q: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    z = sys.modules["scipy.special"].ndtri(as_array(q))
    return (z if original.__name__ == "ppf" else -z) * scale + loc


def _expm_frechet(original: Any, a: Any, e: Any, *args: Any, **options: Any) -> Any:
    """The derivative of expm in a direction: a block of the exponential of a larger matrix."""
    if args or set(options) - {"compute_expm"}:
        return NotImplemented
    a, e = as_array(a), as_array(e)
    n = a.shape[-1]
    expm = sys.modules["scipy.linalg"].expm
    whole = expm(np.block([[a, e], [np.zeros((n, n)), a]]))
    derivative = whole[:n, n:]
    return derivative if options.get("compute_expm") is False else (whole[:n, :n], derivative)


TABLE: dict[tuple[str, str], Callable[..., Any]] = {
    **{("scipy.special", name): _sum_of_exponentials(name) for name in ("softmax", "log_softmax", "logsumexp")},
    ("scipy.linalg", "cholesky"): _cholesky,
    ("scipy.linalg", "cho_factor"): _cho_factor,
    ("scipy.linalg", "cho_solve"): _cho_solve,
    ("scipy.linalg", "solve_triangular"): _solve_triangular,
    ("scipy.linalg", "solve"): _solve,
    ("scipy.linalg", "expm"): _expm,
    ("scipy.linalg", "expm_frechet"): _expm_frechet,
    ("scipy.linalg", "eigh"): lambda original, a: np.linalg.eigh(as_array(a)),
    ("scipy.linalg", "svd"): _svd,
    ("scipy.linalg", "svdvals"): lambda original, a, **options: np.linalg.svd(as_array(a), compute_uv=False),
    ("scipy.linalg", "pinv"): lambda original, a: np.linalg.pinv(as_array(a)),
    ("scipy.linalg", "inv"): lambda original, a, **options: np.linalg.inv(as_array(a)),
    ("scipy.linalg", "det"): lambda original, a, **options: np.linalg.det(as_array(a)),
    ("scipy.linalg", "norm"): lambda original, a, *args, **options: np.linalg.norm(as_array(a), *args, **options),
    ("scipy.spatial.distance", "cdist"): _cdist,
    **{("scipy.stats.norm", name): _normal for name in ("pdf", "cdf", "logpdf", "sf", "logcdf", "logsf")},
    **{("scipy.stats.norm", name): _normal_quantile for name in ("ppf", "isf")},
    ("scipy.signal", "convolve2d"): _convolved(turned=True),
    ("scipy.signal", "convolve"): _convolved(turned=True),
    ("scipy.signal", "correlate2d"): _convolved(turned=False),
    ("scipy.signal", "correlate"): _convolved(turned=False),
}


def owner_of(place: str) -> Any:
    """The module, or the object in one, that has a function; None where it is not imported."""
    module, _, name = place.rpartition(".")
    within = sys.modules.get(module)
    # Not by getattr: scipy imports its parts when they are asked for, which takes seconds.
    return sys.modules.get(place) or (None if within is None else vars(within).get(name))


def replacement_of(place: str, name: str) -> Any:
    """What replaces a function of SciPy."""
    original = getattr(owner_of(place), name)
    definition = TABLE[place, name]

    @wraps(getattr(original, "__func__", original))
    def call(*args: Any, **options: Any) -> Any:
        session = recording()
        if session is None or not holds_traced(list(args)):
            return original(*args, **options)
        result = definition(original, *args, **options)
        if result is not NotImplemented:
            return result
        if any(node_of(session, one).active for one in args if isinstance(one, Traced)):
            session.lose(f"{place}.{name}")
        with paused():
            return original(*plain_all(args), **plain_all(options))

    return call
