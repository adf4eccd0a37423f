"""The mask of a loss: the classes that take part in each row.

The other classes have probability 0 and gradient 0. Their logits become -inf, which is how the kernels know a class
that does not take part. Two things would then be infinite, and are settled here: a target on such a class is an error,
and label smoothing spreads over the classes that take part.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array
from softgrad._rows import Rows
from softgrad._scores import masked, to_mask
from softgrad.errors import LabelError


class Mask(NamedTuple):
    """The classes that take part, and the class that a row should predict."""

    classes: Array  # (outer, K, inner) bool; False in the rows that are left out
    of_target: Array  # (N)

    def unread(self, tangent: Array) -> Array:
        """A tangent (N, K), 0 where it must not be read."""
        return np.where(np.moveaxis(self.classes, 1, -1).reshape(tangent.shape), tangent, 0)

    def correct(self, z: Rows) -> Array:
        """Whether the first largest logit of a row is that of its target; False for a row that is left out."""
        takes_part = self.classes.any(axis=1).reshape(-1)
        if not takes_part.any():  # also where there are no classes
            return takes_part
        correct: Array = (z.values.argmax(axis=1).reshape(-1) == self.of_target) & takes_part
        return correct


def apply_mask(
    function: str, where: npt.ArrayLike, z: Rows, target: Array, label_smoothing: float
) -> tuple[Rows, Array, Array, Mask]:
    """Masks the logits and checks that the target has no masked class.

    Returns:
        The logits; the target without the rows that have no class; the target that the kernel reads, smoothed; and the
        mask. A smoothed target is (outer, 2 K, inner): t, and then 1 - t, which would lose its digits if it were
        computed from a t near 1.
    """
    classes = z.arrange(to_mask(function, "logits", z.shape, where), np.dtype(np.bool_))
    outer, K, inner = classes.shape
    of_row = np.moveaxis(classes, 1, -1).reshape(outer * inner, K)
    left_out: Array = np.logical_not(of_row.any(axis=1))
    bad: Array
    if target.ndim == 1:
        target = np.where(left_out, -1, target)
        left_out, of_target = target < 0, np.maximum(target, 0)
        bad = ~left_out & ~of_row[np.arange(len(of_row)), of_target]
    else:
        t = np.moveaxis(target, 1, -1).reshape(of_row.shape)
        of_target = t.argmax(axis=1) if K else np.zeros(len(t), np.int64)
        bad = ((t != 0) & ~of_row).any(axis=1)
    if bad.any():
        raise LabelError(_masked_target(function, z, target, of_row, int(bad.argmax())))
    logits = z._replace(stored=masked(z.stored, classes, -np.inf))
    # In a row that is left out, one class has all of p and t: there every loss is 0, and so are lse and the gradient.
    nothing = np.where(np.arange(K) == 0, 0, -np.inf)[:, None].astype(z.stored.dtype)
    np.copyto(logits.stored, nothing, where=left_out.reshape(outer, 1, inner))
    kept = Mask(classes & ~left_out.reshape(outer, 1, inner), of_target)
    if target.ndim == 1 and not label_smoothing:
        return logits, target, target, kept
    t = np.arange(K) == of_target[:, None] if target.ndim == 1 else t
    t = t.astype(np.longdouble if label_smoothing else z.computed_in)
    t[left_out] = np.arange(K) == 0
    if label_smoothing:
        each = of_row / np.maximum(of_row.sum(axis=1, keepdims=True, dtype=np.longdouble), 1)
        each[left_out] = t[left_out]
        t = np.hstack([t + label_smoothing * (each - t), (1 - t) + label_smoothing * (t - each)])
    in_shape = np.moveaxis(t.reshape(outer, inner, -1), -1, 1)
    return logits, target, np.ascontiguousarray(in_shape, z.computed_in), kept


def _masked_target(function: str, z: Rows, target: Array, of_row: Array, row: int) -> str:
    place = [str(i) for i in z.index_of(row)]
    if target.ndim == 1:
        entry, value = f"target[{', '.join(place)}]" if place else "target", f"class {target[row]}"
        advice = ", or ignore_index to leave the row out"
    else:
        t = np.moveaxis(target, 1, -1).reshape(of_row.shape)[row]
        at = int(((t != 0) & ~of_row[row]).argmax())
        place.insert(z.axis, str(at))
        entry, value, advice = f"target[{', '.join(place)}]", f"{t[at]} for class {at}", ""
    return (
        f"{function}: {entry} is {value}, which where leaves out; wanted a target among the classes that take part"
        f"{advice}"
    )
