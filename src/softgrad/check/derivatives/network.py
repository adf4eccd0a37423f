"""The gradient of a whole network held against numerical derivatives: every entry, or a sample and projections.

Up to 10,000 parameters, every entry is judged. With more, of each array that has more than 256 entries,

- 8 random projections are judged, which contain every entry: a wrong one shows, and halving finds it;
- 256 entries are judged one by one, which are drawn at random: entries so small that no projection shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad._calls import explained
from softgrad.check.derivatives.directional import DerivativeTest
from softgrad.check.derivatives.gradient import PROJECTIONS, entry_verdict, judge_gradient
from softgrad.errors import DtypeError, ShapeError

MOST_PARAMETERS = 10_000  # with more of them, arrays are sampled
SAMPLE = 256  # entries of an array


class GradientError(NamedTuple):
    """The entry of a gradient that is furthest from its numerical derivative."""

    error: float  # relative: |got - wanted| / the larger of the two
    name: str
    entry: tuple[int, ...]
    got: float
    wanted: float
    entries: int = 0  # how many entries were judged one by one
    projections: int = 0  # how many random projections were judged besides

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
    """The largest error of `grads`, over every entry of every parameter, or over a sample of many.

    Up to 10,000 entries in all are judged one by one. With more, 256 random ones of each array are, and 8 random
    projections of each array, in which every entry counts: the entry that makes one wrong is found by halving. The
    number of calls therefore hardly grows with the parameters. The result says how many were judged.

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
    chosen = _entries(parameters)
    for name, parameter in parameters.items():
        if name not in grads:
            raise ShapeError(f"compare_gradients: grads has no {name!r}; wanted one gradient for each parameter")
        _check(name, parameter, grads[name])
        found = _worst_entry(loss, name, parameter, grads[name], chosen[name], limit, on_entry)
        worst = max(worst, found, key=lambda e: e.error)
    sampled = sum(len(chosen[name]) < parameter.size for name, parameter in parameters.items())
    return worst._replace(entries=sum(map(len, chosen.values())), projections=sampled * PROJECTIONS)


def entries_compared(parameters: Mapping[str, npt.NDArray[Any]]) -> int:
    """How many entries `compare_gradients` judges one by one: how often it calls `on_entry`."""
    return sum(map(len, _entries(parameters).values()))


def _entries(parameters: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The indices of the entries to judge, for each parameter."""
    everything = sum(parameter.size for parameter in parameters.values()) <= MOST_PARAMETERS
    rng = np.random.default_rng(0)
    return {
        name: np.arange(parameter.size)
        if everything or parameter.size <= SAMPLE
        else np.sort(rng.choice(parameter.size, SAMPLE, replace=False))
        for name, parameter in parameters.items()
    }


def _check(name: str, parameter: npt.NDArray[Any], grad: npt.NDArray[Any]) -> None:
    if parameter.dtype != np.float64:
        raise DtypeError(
            f"compare_gradients: parameters[{name!r}].dtype is {parameter.dtype}, wanted float64; differences need its "
            "digits"
        )
    if grad.shape != parameter.shape:
        raise ShapeError(
            f"compare_gradients: grads[{name!r}].shape is {grad.shape}, wanted {parameter.shape}, that of the parameter"
        )


def _worst_entry(
    loss: Callable[[], float],
    name: str,
    parameter: npt.NDArray[Any],
    grad: npt.NDArray[Any],
    chosen: npt.NDArray[Any],
    limit: float,
    on_entry: Callable[[], object],
) -> GradientError:
    def of_parameter(x: npt.NDArray[Any]) -> float:
        if np.iscomplexobj(x):
            raise TypeError("a network computes in real numbers")
        parameter[...] = x
        return loss()

    x, got = parameter.copy(), np.array(grad, dtype=np.float64)
    rng, verdicts = np.random.default_rng(0), []
    worst = GradientError(0.0, name, (), 0.0, 0.0)
    try:
        if len(chosen) < x.size:
            judgement = judge_gradient(of_parameter, x, np.ones(()), got, rng=rng, rtol=limit, max_entries=0)
            spot = judgement.where
            if spot is not None:
                worst = GradientError(judgement.error, name, spot.entry, spot.got, spot.wanted)
            else:  # right, or wrong along a direction though no single entry is
                worst = worst._replace(error=judgement.error)
        test = DerivativeTest(of_parameter, x, np.ones(()), rng=rng, rtol=limit, takes_complex=False, got=got)
        scaled = np.ldexp(got, -test.exponent)
        for j in chosen.tolist():
            verdicts.append(entry_verdict(test, scaled, j))
            on_entry()
    finally:
        parameter[...] = x
    if not verdicts:
        return worst
    k = int(np.argmax([verdict.distance for verdict in verdicts]))
    entry = tuple(int(i) for i in np.unravel_index(int(chosen[k]), x.shape))
    wanted = float(np.ldexp(verdicts[k].wanted, test.exponent))
    of_entries = GradientError(verdicts[k].distance, name, entry, float(got[entry]), wanted)
    return max(of_entries, worst, key=lambda e: e.error)
