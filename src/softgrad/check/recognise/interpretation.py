"""What the user's arrays may be: which is the target of a loss, which are weights, a mask, a temperature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.formulas.losses import PARAMETERS
from softgrad.formulas.numbers import Array

# Values to try where neither an array nor the context says which.
SMOOTHINGS = (0.1, 0.2, 0.05, 0.3, 0.01, 0.15, 0.25)
TEMPERATURES = (2.0, 0.5, 3.0, 4.0, 5.0, 1.5, 10.0, 0.1)


HELD = "held by forward"  # the name of an array that is no input: data, or parameters of a layer object


class UserArray(NamedTuple):
    """One of the user's arrays."""

    name: str
    array: Array
    parameter: bool = False  # in a dict, or one that a gradient is asked for


class Target(NamedTuple):
    """How the target t is given."""

    line: str | None  # computes t
    roles: Mapping[str, int]
    sums_to_1: bool  # whether each row of t does
    constants: Mapping[str, Any] = {}


class LossOptions(NamedTuple):
    """The options of a loss, as the other arrays and the context give them. An array is given by its number."""

    integer_target: bool = False
    weight: int | None = None
    weight_values: Any = None  # class weights from the context
    sample_weight: int | None = None
    mask: int | None = None
    ignore: int | None = None
    smoothings: tuple[float, ...] = ()
    temperatures: tuple[float, ...] = ()
    epsilons: tuple[float, ...] = ()
    z_loss: float | None = None  # only where the context says so
    parameters: Mapping[str, tuple[float, ...]] = {}  # of the losses that take one of their own

    def plain(self) -> LossOptions:
        """Without the options whose values are guessed."""
        return self._replace(smoothings=(), temperatures=())


class Interpretation(NamedTuple):
    """One interpretation of the user's arrays."""

    used: frozenset[int]  # the arrays that are neither logits nor parameters
    target: Target | None
    options: LossOptions


def interpretations(arrays: Sequence[UserArray], context: Mapping[str, Any]) -> Iterator[Interpretation]:
    """All interpretations, the likelier ones first: class indices, the context's target, no target, probabilities."""
    free = [i for i, one in enumerate(arrays) if not one.parameter]
    numbers = [i for i in free if arrays[i].array.dtype.kind in "iu" and not are_distributions(arrays[i].array)]
    for i in numbers:
        yield from _weighted(arrays, context, {i}, arrays[i].array, Target("t = one_hot(y)", {"y": i}, True))
    given = context.get("target")
    if given is not None and np.asarray(given).dtype.kind in "fiub":
        y = np.asarray(given)
        classes = y.dtype.kind in "iu"
        constants = {"y": y} if classes else {"t": y.astype(float)}
        target = Target("t = one_hot(y)" if classes else None, {}, classes or are_distributions(y), constants)
        yield from _weighted(arrays, context, set(), y if classes else None, target)
    yield Interpretation(frozenset(), None, LossOptions())
    if len(arrays) > 1:
        others = [i for i in free if i not in numbers and arrays[i].array.ndim]
        for i in sorted(others, key=lambda i: (not are_distributions(arrays[i].array), -i)):
            yield from _weighted(
                arrays, context, {i}, None, Target("t = 1.0 * t_", {"t_": i}, are_distributions(arrays[i].array))
            )


def _weighted(
    arrays: Sequence[UserArray], context: Mapping[str, Any], used: set[int], classes: Array | None, target: Target
) -> Iterator[Interpretation]:
    """A loss with the array that may be its class weights, then without: a bias of positive entries looks the same."""
    taken, options = _options(arrays, context, used, classes)
    yield Interpretation(taken, target, options)
    if options.weight is not None:
        yield Interpretation(taken - {options.weight}, target, options._replace(weight=None))


def are_distributions(array: Array) -> bool:
    """Whether an array holds probabilities along one of its axes; integers only as one-hot rows."""
    if array.ndim < (2 if array.dtype.kind in "iu" else 1) or not (array >= 0).all():
        return False
    return any(np.allclose(array.sum(axis=axis), 1) for axis in range(array.ndim))


def _options(
    arrays: Sequence[UserArray], context: Mapping[str, Any], used: set[int], classes: Array | None
) -> tuple[frozenset[int], LossOptions]:
    """What the arrays beside the target may be, by their shapes and by the context."""
    rows = None if classes is None else classes.shape
    free = [(i, one.array) for i, one in enumerate(arrays) if i not in used and not one.parameter]
    vectors = [(i, array) for i, array in free if array.ndim == 1 or array.shape == rows]
    positive = [(i, array) for i, array in vectors if array.dtype.kind == "f" and (array > 0).all()]
    masks = [(i, array) for i, array in vectors if set(np.unique(array)) <= {0, 1}]
    weight = next((i for i, array in positive if array.shape != rows), None)
    mask = next((i for i, array in masks if rows is None or array.shape == rows), None)
    ignore = context.get("ignore_index")
    if ignore is None and classes is not None and (classes < 0).any():
        ignore = int(classes.min())
    scalars = [float(array) for _, array in free if array.ndim == 0 and array.dtype.kind == "f"]
    taken = used | {i for i in (weight, mask) if i is not None}
    values = context.get("class_weight")
    return frozenset(taken), LossOptions(
        integer_target=classes is not None,
        weight=weight,
        weight_values=values if values is not None and np.ndim(values) == 1 else None,
        sample_weight=next((i for i, array in positive if array.shape == rows), None),
        mask=mask,
        ignore=ignore if isinstance(ignore, int) else None,
        smoothings=_tried(context, ("label_smoothing", "smoothing"), [s for s in scalars if 0 < s < 1], SMOOTHINGS),
        temperatures=_tried(context, ("temperature",), [s for s in scalars if s > 0 and s != 1], TEMPERATURES),
        epsilons=_tried(context, ("eps", "epsilon"), [], ()),
        z_loss=next(iter(_tried(context, ("z_loss",), [], ())), None),
        parameters={one.name: _tried(context, (one.name,), scalars, one.tried) for one in PARAMETERS},
    )


def _tried(
    context: Mapping[str, Any], keys: tuple[str, ...], scalars: Sequence[float], usual: tuple[float, ...]
) -> tuple[float, ...]:
    """Values to try: that of the context; without one, those among the inputs, and then the usual ones."""
    said = [float(context[key]) for key in keys if isinstance(context.get(key), int | float)]
    return tuple(dict.fromkeys(said or (*scalars, *usual)))
