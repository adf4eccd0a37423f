"""The gradient of a whole network, every entry of every parameter, held against numerical derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad._calls import explained
from softgrad.check.derivatives.directional import DerivativeTest
from softgrad.check.derivatives.gradient import entry_verdict
from softgrad.errors import DtypeError, ShapeError


class GradientError(NamedTuple):
    """The entry of a gradient that is furthest from its numerical derivative."""

    error: float  # relative: |got - wanted| / the larger of the two
    name: str
    entry: tuple[int, ...]
    got: float
    wanted: float

    def __str__(self) -> str:
        place = f"{self.name}[{', '.join(map(str, self.entry))}]"
        return f"{self.error:.1e} at {place}: got {self.got:.9g}, central difference {self.wanted:.9g}"


@explained
def compare_gradients(
    loss: Callable[[], float],
    parameters: Mapping[str, npt.NDArray[Any]],
    grads: Mapping[str, npt.NDArray[Any]],
    *,
    limit: float = 1e-6,
    on_entry: Callable[[], object] = lambda: None,
) -> GradientError:
    """The largest error of `grads`, over every entry of every parameter.

    Each entry is judged as `check_grad` does: its error is |got - wanted| relative to the larger of the two, and what
    the rounding of the loss hides is no error. A right entry takes 2 calls of the loss, a hard one some more.

    Args:
        loss: the loss as a call without arguments, which reads `parameters`.
        parameters: name to float64 array; changed in place while derivatives are taken, and put back.
        grads: name to dloss/dparameter, in the same shapes.
        limit: the relative error that passes. An error above it is more than rounding, and its entry is on no kink of
            the loss.
        on_entry: called after each entry, to show progress.

    Raises:
        ShapeError: a gradient is missing or does not have the shape of its parameter.
        DtypeError: a parameter is not float64.

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
        worst = max(worst, _worst_entry(loss, name, parameter, grads[name], limit, on_entry), key=lambda e: e.error)
    return worst


def _worst_entry(
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

    def of_parameter(x: npt.NDArray[Any]) -> float:
        parameter[...] = x
        return loss()

    x, got = parameter.copy(), np.array(grad, dtype=np.float64)
    rng, verdicts = np.random.default_rng(0), []
    try:
        test = DerivativeTest(of_parameter, x, np.ones(()), rng=rng, rtol=limit, takes_complex=False)
        for j in range(x.size):
            verdicts.append(entry_verdict(test, got, j))
            on_entry()
    finally:
        parameter[...] = x
    if not verdicts:
        return GradientError(0.0, name, (), 0.0, 0.0)
    j = int(np.argmax([verdict.distance for verdict in verdicts]))
    entry = tuple(int(i) for i in np.unravel_index(j, x.shape))
    return GradientError(verdicts[j].distance, name, entry, verdicts[j].got, verdicts[j].wanted)
