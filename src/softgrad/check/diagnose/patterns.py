"""How a wrong gradient differs from the right one, where no formula is known.

By a constant ratio, of the whole or of each row or column; by the order of its entries; in a few places only; in the
sums of its rows; outside of an interval to which the input was clipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from softgrad.formulas.numbers import Array, constant_ratio, nearly_equal

ROUGH = 1e-5  # the relative error within which numerical derivatives are compared
NEARLY = 1e-6  # a ratio closer to 1 than this says nothing


def facts_of(
    name: str,
    got: Array,
    wanted: Array,
    quantities: Mapping[str, float],
    labels: Mapping[str, Array] = {},
    *,
    is_constant: bool = False,
) -> Iterator[str]:
    """Sentences on how one gradient differs from the numerical one.

    Args:
        name: what to call the gradient.
        got: the gradient.
        wanted: the numerical one.
        quantities: numbers that a ratio may equal, by what they are.
        labels: arrays of class indices, which may mark one entry in each row of the gradient.
        is_constant: whether a constant ratio is the same at other inputs. (Any single number has one.)
    """
    if got.shape != wanted.shape or not np.isfinite(got).all() or not np.isfinite(wanted).all() or not got.size:
        return
    if not got.any():
        yield f"{name} is 0 everywhere"
        return
    if not wanted.any():
        yield f"{name} should be 0 everywhere"
        return
    ratio = constant_ratio(got, wanted)
    if ratio is not None and abs(ratio - 1) > NEARLY and _shows_ratio(got, wanted, ratio):
        equal = _equal_to(ratio, quantities)
        if np.count_nonzero(wanted) < 2 and not is_constant and not equal:
            return
        shown = f"{ratio:.6g}" if abs(ratio - 1) > 1e-4 else f"1 {'-' if ratio < 1 else '+'} {abs(ratio - 1):.2g}"
        yield f"{name} is {shown} times the right gradient everywhere{equal}"
        return
    if nearly_equal(got, wanted, rtol=ROUGH):
        return  # what is wrong is too small to have a pattern
    yield from _by_line(name, got, wanted)
    yield from _in_another_order(name, got, wanted)
    yield from _at_labels(name, got, wanted, labels)
    yield from _in_places(name, got, wanted)
    if got.ndim == 2:
        for axis, lines in ((1, "rows"), (0, "columns")):
            size = np.abs(wanted).sum(axis=axis).max()
            if np.abs(wanted.sum(axis=axis)).max() < 1e-7 * size and np.abs(got.sum(axis=axis)).max() > 1e-4 * size:
                yield f"the {lines} of {name} should sum to 0, and do not"


def _shows_ratio(got: Array, wanted: Array, ratio: float) -> bool:
    """Whether what is wrong is mostly this ratio. One near 1 may be that of an error without a pattern."""
    return nearly_equal(got, ratio * wanted, rtol=min(ROUGH, abs(ratio - 1) / 10))


def _equal_to(ratio: float, quantities: Mapping[str, float]) -> str:
    equal = [
        name for name, value in quantities.items() if value not in (0, 1) and abs(ratio - value) < 1e-5 * abs(value)
    ]
    return f", which is {' or '.join(equal)}" if equal else ""


def _by_line(name: str, got: Array, wanted: Array) -> Iterator[str]:
    """Each row, or each column, has a ratio of its own."""
    if got.ndim != 2 or min(got.shape) < 2:
        return
    for axis, line in ((1, "row"), (0, "column")):
        size = (wanted * wanted).sum(axis=axis, keepdims=True)
        if (size > 0).all():
            ratios = (got * wanted).sum(axis=axis, keepdims=True) / size
            if ratios.all() and nearly_equal(got, ratios * wanted, rtol=ROUGH):
                shown = ", ".join(f"{ratio:.4g}" for ratio in ratios.ravel()[:6])
                more = ", ..." if ratios.size > 6 else ""
                yield f"each {line} of {name} is a multiple of the right one: {shown}{more}"
                return


def _in_another_order(name: str, got: Array, wanted: Array) -> Iterator[str]:
    if got.ndim == 2 and got.shape[0] == got.shape[1] and nearly_equal(got.T, wanted, rtol=ROUGH):
        yield f"{name} is right after a transpose"
    elif got.ndim and got.size > 1 and nearly_equal(np.sort(got, axis=None), np.sort(wanted, axis=None), rtol=ROUGH):
        rows = got.ndim == 2 and nearly_equal(_sorted_rows(got), _sorted_rows(wanted), rtol=ROUGH)
        yield f"{name} has the right {'rows' if rows else 'numbers'} in another order"


def _sorted_rows(a: Array) -> Array:
    return a[np.lexsort(np.round(a, 9).T[::-1])]


def _is_off(got: Array, wanted: Array) -> Array:
    """A mask of the wrong entries."""
    return np.asarray(np.abs(got - wanted) > ROUGH * (np.abs(wanted) + 0.01 * np.abs(wanted).max(initial=0.0)))


def _at_labels(name: str, got: Array, wanted: Array, labels: Mapping[str, Array]) -> Iterator[str]:
    """Wrong in the entries of the target classes only, in ignored rows only, or everywhere else only."""
    off = _is_off(got, wanted)
    for said, y in labels.items():
        if got.ndim != 2 or y.shape != got.shape[:1] or y.dtype.kind not in "iu" or y.max(initial=0) >= got.shape[1]:
            continue
        counted = y >= 0
        target = np.zeros(got.shape, dtype=bool)
        target[counted, y[counted]] = True
        if not off[counted].any():
            yield f"{name} is wrong only in the rows that {said} marks as ignored"
        elif not off[~target].any():
            yield f"{name} is wrong only in the entries of the classes that {said} names"
        elif not off[target].any() and got.shape[1] > 2:
            yield f"{name} is right in the entries of the classes that {said} names, and wrong in others"


def _in_places(name: str, got: Array, wanted: Array) -> Iterator[str]:
    """Wrong in some rows, columns or entries only."""
    off = _is_off(got, wanted)
    count = int(off.sum())
    if not 0 < count < off.size:
        return
    if got.ndim == 2:
        rows, columns = np.flatnonzero(off.any(axis=1)), np.flatnonzero(off.any(axis=0))
        if len(rows) <= got.shape[0] // 2 and off[rows].sum() == count:
            yield f"{name} is wrong in row{'s' if len(rows) > 1 else ''} {_list(rows)} only"
            return
        if len(columns) <= got.shape[1] // 2:
            yield f"{name} is wrong in column{'s' if len(columns) > 1 else ''} {_list(columns)} only"
            return
    if count <= off.size // 2:
        yield f"{name} is wrong in {count} of its {off.size} entries"


def clipped(seen: Sequence[tuple[Array, Array, Array]]) -> str | None:
    """The interval to which an input was clipped, in words; None if clipping does not explain what is wrong.

    Args:
        seen: the input, the gradient and the right gradient of several samples.
    """
    x, got, wanted = (np.concatenate([np.ravel(part) for part in parts]) for parts in zip(*seen, strict=True))
    off, nonzero = _is_off(got, wanted), _is_nonzero(wanted)
    passed = ~off & nonzero
    if off.sum() < 3 or passed.sum() < 3 or not may_be_clipped(got, wanted):
        return None
    low, high = x[passed].min(), x[passed].max()
    below, above = x[off & (x < low)], x[off & (x > high)]
    if len(below) + len(above) < off.sum():
        return None
    words = [f"below {low:.3g}"] if len(below) else []
    words += [f"above {high:.3g}"] if len(above) else []
    return " or ".join(words)


def may_be_clipped(got: Array, wanted: Array) -> bool:
    """Whether the right gradient is 0 wherever it is not the user's."""
    return not (_is_off(got, wanted) & _is_nonzero(wanted)).any()


def _is_nonzero(wanted: Array) -> Array:
    """A mask of the entries that are not 0, up to the error of numerical derivatives."""
    return np.asarray(np.abs(wanted) > 1e-9 * np.abs(wanted).max(initial=0.0))


def _list(numbers: Array) -> str:
    return ", ".join(map(str, numbers[:8].tolist())) + (", ..." if len(numbers) > 8 else "")
