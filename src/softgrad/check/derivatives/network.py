"""A gradient held against central differences, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad.check.derivatives.differences import STEP, central_difference
from softgrad.errors import DtypeError, ShapeError

# A difference is taken again with a shorter step where it does not agree: a kink (ReLU at 0) or a steep curve inside
# the step is no mistake. There the difference moves to the gradient; where a mistake is, it stays where it was.
STEPS = (STEP, STEP / 16, STEP / 256)


class GradientError(NamedTuple):
    """Where a gradient and the central differences differ most."""

    error: float  # |got - wanted|, relative to the largest entry of that gradient
    name: str
    entry: tuple[int, ...]
    got: float
    wanted: float

    def __str__(self) -> str:
        place = f"{self.name}[{', '.join(map(str, self.entry))}]"
        return f"{self.error:.1e} at {place}: got {self.got:.9g}, central difference {self.wanted:.9g}"


def compare_gradients(
    loss: Callable[[], float],
    parameters: Mapping[str, npt.NDArray[Any]],
    grads: Mapping[str, npt.NDArray[Any]],
    *,
    limit: float = 1e-6,
    on_entry: Callable[[], object] = lambda: None,
) -> GradientError:
    """The largest error of `grads`, over every entry of every parameter.

    The error of an entry is |got - wanted| / size, where size is the largest entry of that parameter's gradient; or,
    for a gradient too small for that, the least that a central difference still resolves to a tenth of `limit`.

    Args:
        loss: the loss as a call without arguments, which reads `parameters`.
        parameters: name to float64 array; changed in place while differences are taken, and put back.
        grads: name to dloss/dparameter, in the same shapes.
        limit: errors above it are looked at again with a shorter step.
        on_entry: called after each entry, to show progress.

    Raises:
        ShapeError: a gradient that is missing or not in its parameter's shape.
        DtypeError: a parameter that is not float64.

    Example:
        >>> from softgrad.check import compare_gradients
        >>> w = np.array([1.0, 2.0])
        >>> compare_gradients(lambda: float(w @ w), {"w": w}, {"w": 2 * w}).error < 1e-6
        True
        >>> print(compare_gradients(lambda: float(w @ w), {"w": w}, {"w": np.array([2.0, 3.0])}))
        2.5e-01 at w[1]: got 3, central difference 4
    """
    worst = GradientError(0.0, "", (), 0.0, 0.0)
    for name, parameter in parameters.items():
        if name not in grads:
            raise ShapeError(f"compare_gradients: grads has no {name!r}; wanted one gradient for each parameter")
        worst = max(worst, _compare(loss, name, parameter, grads[name], limit, on_entry), key=lambda e: e.error)
    return worst


def _compare(
    loss: Callable[[], float],
    name: str,
    parameter: npt.NDArray[Any],
    grad: npt.NDArray[Any],
    limit: float,
    on_entry: Callable[[], object],
) -> GradientError:
    if parameter.dtype != np.float64:
        raise DtypeError(
            f"compare_gradients: parameters[{name!r}].dtype is {parameter.dtype}, wanted float64; differences need its "
            "digits"
        )
    if grad.shape != parameter.shape:
        raise ShapeError(
            f"compare_gradients: grads[{name!r}].shape is {grad.shape}, wanted {parameter.shape}, that of the parameter"
        )
    wanted, rounding = np.empty(parameter.shape), np.empty(parameter.shape)
    for index in np.ndindex(parameter.shape):
        wanted[index], rounding[index] = central_difference(loss, parameter, index)
        on_entry()
    size = np.abs(wanted).max(initial=0.0)
    errors = _relative(grad - wanted, size, rounding, limit)
    for step in STEPS[1:]:
        for index in map(tuple, np.argwhere(errors > limit)):
            closer = central_difference(loss, parameter, index, step=step)
            error = _relative(grad[index] - closer.value, size, closer.rounding, limit)
            moved = abs(grad[index] - closer.value) < abs(wanted[index] - closer.value)
            if moved and error < errors[index]:
                wanted[index], errors[index] = closer.value, error
    index = tuple(int(i) for i in np.unravel_index(errors.argmax(), errors.shape))
    return GradientError(float(errors[index]), name, index, float(grad[index]), float(wanted[index]))


def _relative(difference: Any, size: Any, rounding: Any, limit: float) -> Any:
    """|difference| / size, where size is at least what is resolved to a tenth of the limit; NaN counts as infinite."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        errors = np.abs(difference) / np.maximum(size, 10 * rounding / limit)
    return np.where(difference == 0, 0.0, np.nan_to_num(errors, nan=np.inf, posinf=np.inf))
