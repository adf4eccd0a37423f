"""Which of the user's arrays may be the target of a loss, and what the others beside it may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.recipes.chains import Leaf
from softgrad.formulas.numbers import Array

# Tried where neither an array nor the context says what they are.
SMOOTHINGS = (0.1, 0.2, 0.05, 0.3, 0.01, 0.15, 0.25)
TEMPERATURES = (2.0, 0.5, 3.0, 4.0, 5.0, 1.5, 10.0, 0.1)


class Target(NamedTuple):
    """How the target is given: a line that makes t of it, and whether its rows sum to 1."""

    line: str | None
    roles: Mapping[str, int]
    sums_to_1: bool
    constants: Mapping[str, Any] = {}


class Options(NamedTuple):
    """What the other arrays and the context say of a loss; arrays by their number."""

    integer_target: bool = False
    weight: int | None = None
    weight_values: Any = None  # class weights that only the context has
    sample_weight: int | None = None
    mask: int | None = None
    ignore: int | None = None
    smoothings: tuple[float, ...] = ()
    temperatures: tuple[float, ...] = ()
    epsilons: tuple[float, ...] = ()
    z_loss: float | None = None  # only where the context says so

    def plain(self) -> Options:
        """Without what has to be tried."""
        return self._replace(smoothings=(), temperatures=())


class Reading(NamedTuple):
    """One reading of the user's arrays."""

    used: frozenset[int]  # the arrays that are something else than logits or parameters
    target: Target | None
    options: Options


def readings(leaves: Sequence[Leaf], context: Mapping[str, Any]) -> Iterator[Reading]:
    """The readings, the likelier ones first: class numbers, the context's target, no target, probabilities."""
    free = [i for i, leaf in enumerate(leaves) if not leaf.parameter]
    numbers = [i for i in free if leaves[i].array.dtype.kind in "iu" and not are_distributions(leaves[i].array)]
    for i in numbers:
        yield from _weighted(leaves, context, {i}, leaves[i].array, Target("t = one_hot(y)", {"y": i}, True))
    given = context.get("target")
    if given is not None and np.asarray(given).dtype.kind in "fiub":
        y = np.asarray(given)
        classes = y.dtype.kind in "iu"
        constants = {"y": y} if classes else {"t": y.astype(float)}
        target = Target("t = one_hot(y)" if classes else None, {}, classes or are_distributions(y), constants)
        yield from _weighted(leaves, context, set(), y if classes else None, target)
    yield Reading(frozenset(), None, Options())
    if len(leaves) > 1:
        others = [i for i in free if i not in numbers and leaves[i].array.ndim]
        for i in sorted(others, key=lambda i: (not are_distributions(leaves[i].array), -i)):
            yield from _weighted(
                leaves, context, {i}, None, Target("t = 1.0 * t_", {"t_": i}, are_distributions(leaves[i].array))
            )


def _weighted(
    leaves: Sequence[Leaf], context: Mapping[str, Any], used: set[int], classes: Array | None, target: Target
) -> Iterator[Reading]:
    """A loss with what may be its class weights, and then without: a bias of positive entries looks like them."""
    taken, options = _options(leaves, context, used, classes)
    yield Reading(taken, target, options)
    if options.weight is not None:
        yield Reading(taken - {options.weight}, target, options._replace(weight=None))


def are_distributions(array: Array) -> bool:
    """Whether an array holds probabilities along one of its axes; whole numbers only as one-hot rows."""
    if array.ndim < (2 if array.dtype.kind in "iu" else 1) or not (array >= 0).all():
        return False
    return any(np.allclose(array.sum(axis=axis), 1) for axis in range(array.ndim))


def _options(
    leaves: Sequence[Leaf], context: Mapping[str, Any], used: set[int], classes: Array | None
) -> tuple[frozenset[int], Options]:
    """What the arrays beside the target may be, by their shapes and by what the user says."""
    rows = None if classes is None else classes.shape
    free = [(i, leaf.array) for i, leaf in enumerate(leaves) if i not in used and not leaf.parameter]
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
    return frozenset(taken), Options(
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
    )


def _tried(
    context: Mapping[str, Any], keys: tuple[str, ...], scalars: Sequence[float], usual: tuple[float, ...]
) -> tuple[float, ...]:
    """Values to try: the context's, or those that the inputs have, and then the usual ones."""
    said = [float(context[key]) for key in keys if isinstance(context.get(key), int | float)]
    return tuple(dict.fromkeys(said or (*scalars, *usual)))
