"""The rows that a network is trained or measured on, checked once, in the dtypes that the steps take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, numbers, to_rows, to_target
from softgrad._foreign import as_array
from softgrad.errors import DataError, ShapeError
from softgrad.nn.network import Network
from softgrad.nn.objective import read_sample_weight


class Rows(NamedTuple):
    """Inputs with their targets, and sample weights if there are any."""

    x: Array  # (N, D) in the dtype of the network
    target: Array  # (N) int64, or (N, K) in the dtype of the network
    sample_weight: Array | None  # (N) float64

    def subset(self, rows: Array) -> Rows:
        """The given rows, in new arrays."""
        return Rows(self.x[rows], self.target[rows], None if self.sample_weight is None else self.sample_weight[rows])

    def buffers(self, size: int) -> Rows:
        """Arrays for `size` rows, for `take`."""
        x, target, sample_weight = (None if a is None else np.empty((size, *a.shape[1:]), a.dtype) for a in self)
        assert x is not None and target is not None
        return Rows(x, target, sample_weight)

    def take(self, rows: Array, buffers: Rows) -> Rows:
        """The given rows, in the first rows of the buffers."""
        x, target, sample_weight = (
            # mode="clip", since with the default NumPy writes to a temporary array first
            None if array is None or buffer is None else array.take(rows, 0, buffer[: len(rows)], "clip")
            for array, buffer in zip(self, buffers, strict=True)
        )
        assert x is not None and target is not None
        return Rows(x, target, sample_weight)


def read_rows(
    network: Network,
    x: npt.ArrayLike,
    target: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    *,
    purpose: str,
) -> Rows:
    """The rows for a network, checked. `purpose` is "train on" or "validate on"."""
    D, K = network.in_features, network.logits(np.zeros((1, network.in_features))).shape[1]
    x, target = numbers("train", "x", x), as_array("train", "target", target)
    if x.shape[1:] != (D,) or target.ndim == 0:
        raise ShapeError(
            f"train: x.shape is {x.shape} and target.shape is {target.shape}, wanted (N, {D}) for x and (N,) or "
            f"(N, {K}) for target: one row per sample"
        )
    if len(x) != len(target):
        raise ShapeError(f"train: x has {len(x)} rows, but target has {len(target)}; wanted one target per row")
    if len(x) == 0:
        more = "; give a larger validation set, or none" if purpose == "validate on" else ""
        raise ShapeError(f"train: there are 0 rows to {purpose}, wanted at least 1{more}")
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(x, network.dtype)
    if not np.isfinite(cast).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(cast))[0])
        wanted = f"a finite number of {network.dtype}" if np.isfinite(x[row, column]) else "a finite number"
        raise DataError(f"train: x[{row}, {column}] is {x[row, column]}, wanted {wanted}; replace it or remove the row")
    logits = to_rows("train", "logits", np.zeros((len(x), K), network.dtype), -1)
    to_target("train", target, logits, -1, network.loss_options.get("ignore_index"))
    read_target = np.ascontiguousarray(target, np.int64 if target.ndim == 1 else network.dtype)
    return Rows(cast, read_target, read_sample_weight("train", sample_weight, len(x)))
