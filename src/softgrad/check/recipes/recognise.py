"""Finds out what a user's function computes: the recipe whose forward pass gives the numbers that it gives."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from softgrad.check.mistakes import softmax
from softgrad.check.mistakes.lines import Array, Layout, Names, functions, run
from softgrad.check.recipes.chains import Chain, Leaf, chains
from softgrad.check.recipes.heads import (
    EPSILONS,
    TEMPERATURES,
    Head,
    Options,
    Target,
    activations,
    away_from_0,
    cross_entropies,
    inferred_temperature,
    losses_of_probabilities,
    other_losses,
)
from softgrad.check.recipes.recipe import Recipe, Step, fits, matches

SECONDS = 1.0  # that the search may take
SMOOTHINGS = (0.1, 0.2, 0.05, 0.3, 0.01, 0.15, 0.25)


def recognise(
    samples: Sequence[tuple[Sequence[Leaf], Array]],
    context: Mapping[str, Any],
    *,
    gradient_at_logits: Array | None = None,
) -> Recipe | None:
    """The recipe that gives the user's outputs, or None where the catalogue knows no such function.

    Args:
        samples: the user's arrays and what the function makes of them, several times.
        context: what the user says: class_axis, layout, temperature, label_smoothing, class_weight, ignore_index, mask,
            keep, slope, epsilon, target.
        gradient_at_logits: the right gradient at the first sample, where there is one array, from which a target that
            the function keeps to itself can be read off.
    """
    deadline = time.perf_counter() + SECONDS
    with np.errstate(all="ignore"):
        for found in _candidates(samples[0][0], samples[0][1], context, gradient_at_logits):
            if found is not None and all(
                matches(found, [leaf.array for leaf in leaves], output) for leaves, output in samples[1:]
            ):
                return found
            if time.perf_counter() > deadline:
                return None
    return None


def _candidates(
    leaves: Sequence[Leaf], output: Array, context: Mapping[str, Any], gradient_at_logits: Array | None
) -> Iterator[Recipe | None]:
    """The recipes that fit the first sample, the usual ones first; None for one that does not fit."""
    arrays = [leaf.array for leaf in leaves]
    targets = list(_targets(leaves, context))
    if gradient_at_logits is not None and output.ndim == 0 and len(leaves) == 1 and leaves[0].array.ndim:
        yield from _with_hidden_target(leaves, output, context, gradient_at_logits)
    for usual in (True, False):
        for used, target, options in targets:
            if target is None and output.ndim == 0 and not any(leaf.array.ndim == 1 for leaf in leaves):
                continue  # without a target only the logsumexp of a vector is a number
            for chain in chains(leaves, used, context, _axes(context)):
                names = _up_to_the_logits(chain, arrays)
                if names is None:
                    yield None
                    continue
                for head in _heads(
                    names[chain.logits], output, chain, target, options, leaves, context.get("mask"), usual=usual
                ):
                    yield _held(chain, head, dict(names), output)
                    if target is not None and output.ndim == 0 and chain.penalties:
                        yield _penalised(chain, head, dict(names), output)


def _axes(context: Mapping[str, Any]) -> tuple[int, ...]:
    """The class axes to try: the user's, else rows, then columns."""
    axis = context.get("class_axis")
    if isinstance(axis, int):
        return (axis,)
    return (0, -1) if "column" in str(context.get("layout", "")) else (-1, 0)


def _targets(
    leaves: Sequence[Leaf], context: Mapping[str, Any]
) -> Iterator[tuple[frozenset[int], Target | None, Options]]:
    """Which of the arrays may be the target, with what the others may then be; and that there is none."""
    given = context.get("target")
    for i, leaf in enumerate(leaves):
        if leaf.array.dtype.kind in "iu" and not leaf.parameter and not _distributions(leaf.array):
            used, options = _options(leaves, context, {i}, integer=True, y=leaf.array)
            yield used, Target("t = one_hot(y)", {"y": i}, True), options
    if given is not None:
        y = np.asarray(given)
        integer = y.dtype.kind in "iu"
        used, options = _options(leaves, context, set(), integer=integer, y=y if integer else None)
        name = "y" if integer else "t"
        yield (
            used,
            Target("t = one_hot(y)" if integer else None, {}, integer, {name: y if integer else y.astype(float)}),
            options,
        )
    used, options = _options(leaves, context, set(), integer=False, y=None)
    yield used, None, options
    for i in sorted(range(len(leaves)), key=lambda i: (not _distributions(leaves[i].array), -i)):
        array = leaves[i].array
        if (
            (array.dtype.kind in "fb" or _distributions(array))
            and array.ndim
            and len(leaves) > 1
            and not leaves[i].parameter
        ):
            used, options = _options(leaves, context, {i}, integer=False, y=None)
            yield used, Target("t = 1.0 * t_", {"t_": i}, _distributions(array)), options


def _distributions(array: Array) -> bool:
    """Whether the array holds probabilities along one of its axes."""
    if array.ndim < (2 if array.dtype.kind in "iu" else 1) or not (array >= 0).all():
        return False
    return any(np.allclose(array.sum(axis=axis), 1) for axis in range(array.ndim))


def _options(
    leaves: Sequence[Leaf], context: Mapping[str, Any], used: set[int], *, integer: bool, y: Array | None
) -> tuple[frozenset[int], Options]:
    """What the arrays beside the target may be, by shape and by what the user says."""
    free = [i for i in range(len(leaves)) if i not in used and not leaves[i].parameter]
    vectors = [
        i
        for i in free
        if leaves[i].array.ndim == 1 and leaves[i].array.dtype.kind == "f" and (leaves[i].array > 0).all()
    ]
    rows = None if y is None else y.shape
    weight = next((i for i in vectors if rows is None or leaves[i].array.shape != rows), None)
    sample = next((i for i in vectors if rows is not None and leaves[i].array.shape == rows), None)
    masks = [i for i in free if set(np.unique(leaves[i].array)) <= {0.0, 1.0} and leaves[i].array.ndim == 1]
    mask = next((i for i in masks if rows is None or leaves[i].array.shape == rows), None)
    ignore = context.get("ignore_index")
    if not isinstance(ignore, int) and y is not None and (y < 0).any():
        ignore = int(y.min())
    values = context.get("class_weight")
    smoothing = context.get("label_smoothing")
    smoothings = (float(smoothing),) if isinstance(smoothing, int | float) and smoothing else SMOOTHINGS
    temperature = context.get("temperature")
    scalars = tuple(float(leaf.array) for leaf in leaves if leaf.array.ndim == 0 and leaf.array.dtype.kind == "f")
    temperatures = (float(temperature),) if isinstance(temperature, int | float) and temperature != 1 else TEMPERATURES
    taken = used | ({mask} if mask is not None else set())
    small = [context.get(key) for key in ("eps", "epsilon")]
    return frozenset(taken | ({weight} if weight is not None and len(vectors) else set())), Options(
        weight=weight,
        weight_values=values if values is not None and np.ndim(values) == 1 else None,
        sample_weight=sample,
        mask=mask,
        epsilons=tuple(float(v) for v in small if isinstance(v, int | float)),
        ignore=ignore if isinstance(ignore, int) else None,
        smoothing_tried=tuple(dict.fromkeys((*(s for s in scalars if 0 < s < 1), *smoothings))),
        temperatures=tuple(dict.fromkeys((*(s for s in scalars if s > 0 and s != 1), *temperatures))),
        integer_target=integer,
    )


def _up_to_the_logits(chain: Chain, arrays: Sequence[Any]) -> Names | None:
    names = functions(chain.layout)
    names.update(chain.constants)
    names.update({name: arrays[i] for name, i in chain.roles.items()})
    try:
        run(chain.forward, names)
    except (ValueError, IndexError):
        return None
    shape = np.shape(names[chain.logits])
    axis = chain.layout.class_axis
    if len(shape) != chain.layout.ndim or not shape[axis]:
        return None
    names["K"] = float(shape[axis])
    names["m"] = float(np.prod(shape) / shape[axis])
    for i in range(len(arrays)):
        names[f"array_{i}"] = arrays[i]
    return names


def _heads(
    z: Array,
    output: Array,
    chain: Chain,
    target: Target | None,
    options: Options,
    leaves: Sequence[Leaf],
    context_mask: Any,
    *,
    usual: bool,
) -> Iterator[Head]:
    """The heads that could give an output of this shape."""
    scalar = output.ndim == 0
    if target is None:
        if usual and output.shape == z.shape:
            if chain.forward:
                yield Head("", (), "z", (), "dz")
            yield from activations(z, output, inferred_temperature(z, output, chain.layout.class_axis))
            yield from _masked(z, leaves, context_mask)
            if not chain.forward:
                yield from _dropped(z, output, leaves)
        elif usual and output.ndim == z.ndim - 1:
            lse = "lse = per_row(max_k(z) + log(sum_k(exp(z - max_k(z)))))"
            yield Head("logsumexp", ("p = softmax(z)", lse), "lse", ("dz = rows(g) * p",), "g")
    elif scalar or output.ndim == z.ndim - 1:
        if usual:
            yield from cross_entropies(target, options._replace(temperatures=(), smoothing_tried=()), scalar=scalar)
            yield from other_losses(target, scalar=scalar)
            if not chain.forward:
                yield from losses_of_probabilities(target, scalar=scalar)
            return
        yield from cross_entropies(target, options._replace(temperatures=()), scalar=scalar)
        yield from cross_entropies(target, options._replace(smoothing_tried=()), scalar=scalar)
        if len(options.smoothing_tried) == 1 or len(options.temperatures) == 1:
            yield from cross_entropies(target, options, scalar=scalar)
        yield from cross_entropies(
            target, options._replace(temperatures=(), smoothing_tried=()), scalar=scalar, bases=("2", "10")
        )
        yield from away_from_0(target, scalar=scalar, epsilons=(*options.epsilons, *EPSILONS))
        if not chain.forward:
            yield from losses_of_probabilities(target, scalar=scalar, epsilons=(*options.epsilons, *EPSILONS))
            yield from losses_of_probabilities(target, scalar=scalar, bases=("2", "10"))


def _masked(z: Array, leaves: Sequence[Leaf], given: Any) -> Iterator[Head]:
    """A softmax over the classes that a mask lets pass, and one whose output is masked; the mask an array, or context's."""
    masks: list[tuple[dict[str, Any], dict[str, int]]] = [
        ({}, {"mask_": i}) for i, leaf in enumerate(leaves) if leaf.array.shape == z.shape and leaf.array is not z
    ]
    if given is not None and np.shape(given) == z.shape:
        masks.append(({"mask_": np.asarray(given)}, {}))
    for constants, roles in masks:
        lines = ("mask = 1.0 * mask_", "p = masked_softmax(z, mask)")
        yield Head("masked softmax", lines, "p", (softmax.SOFTMAX,), "dp", constants, roles)
        lines = ("mask = 1.0 * mask_", "p = softmax(z)", "y_ = mask * p")
        yield Head("softmax, masked behind", lines, "y_", ("dp = mask * dp", softmax.SOFTMAX), "dp", constants, roles)


def _dropped(x: Array, y: Array, leaves: Sequence[Leaf]) -> Iterator[Head]:
    """Dropout, by a mask that is given; the keep probability is read off the output."""
    for i, leaf in enumerate(leaves):
        if leaf.array.shape == x.shape and leaf.array is not x:
            kept = (y != 0) & (x != 0)
            ratio = float((y[kept] / x[kept]).mean()) if kept.any() else 1.0
            if leaf.array.dtype == bool or set(np.unique(leaf.array)) <= {0.0, 1.0}:
                if abs(ratio - 1) > 1e-9:
                    keep = float(f"{1 / ratio:.12g}")
                    yield Head(
                        "dropout",
                        ("y = x * mask / keep",),
                        "y",
                        ("dx = dy * mask / keep",),
                        "dy",
                        {"keep": keep},
                        {"mask": i},
                        "x",
                    )
            yield Head("a mask", ("y = x * mask",), "y", ("dx = dy * mask",), "dy", {}, {"mask": i}, "x")


def _held(chain: Chain, head: Head, names: Names, output: Array) -> Recipe | None:
    """The recipe of chain and head, if it gives the output."""
    own = dict(chain.names)
    if head.at != "z" and not chain.forward:
        own = {}
        names[head.at] = names["z"]
    names.update(head.constants)
    names.update({name: names[f"array_{i}"] for name, i in head.roles.items()})
    lines = tuple(_in_words(line, own) for line in head.forward)
    result = own.get(head.output, head.output)
    try:
        run(lines, names)
        if not fits(names[result], output):
            return None
    except (ValueError, IndexError, TypeError, KeyError, ZeroDivisionError):
        return None
    return _recipe(chain, head, own, lines, result)


def _recipe(chain: Chain, head: Head, own: Mapping[str, str], lines: tuple[str, ...], result: str) -> Recipe:
    at = head.at
    bare = not chain.forward
    roles = {(at if bare and name == "z" else name): i for name, i in chain.roles.items()} | dict(head.roles)
    grads = {i: (f"d{at}" if bare else name) for i, name in chain.grads.items()}
    back = tuple(Step(line, tuple(own.items())) for line in head.backward)
    title = head.title + (f" behind {chain.title}" if chain.title and head.title else chain.title)
    return Recipe(
        title=title,
        layout=chain.layout,
        roles=roles,
        grads=grads,
        prefix=chain.forward,
        head=lines,
        output=result,
        backward=(*back, *chain.backward),
        upstream=own.get(head.upstream, head.upstream),
        logits=at if bare else chain.logits,
        constants={**chain.constants, **head.constants},
    )


def _in_words(line: str, own: Mapping[str, str]) -> str:
    """A line of a head with the names of its chain."""
    for name, word in own.items():
        if name != word:
            line = re.sub(rf"\b{name}\b", word, line)
    return line


def _penalised(chain: Chain, head: Head, names: Names, output: Array) -> Recipe | None:
    """The loss with a multiple of the squared weights added; the multiple is read off the output."""
    own = dict(chain.names)
    names.update(head.constants)
    names.update({name: names[f"array_{i}"] for name, i in head.roles.items()})
    lines = tuple(_in_words(line, own) for line in head.forward)
    try:
        run(lines, names)
    except (ValueError, IndexError, TypeError, KeyError, ZeroDivisionError):
        return None
    penalty = sum(float((names[w] ** 2).sum()) for w in chain.penalties) / 2
    if np.ndim(names["loss"]) or not penalty:
        return None
    reg = (float(output) - float(names["loss"])) / penalty
    rounded = float(f"{reg:.9g}")
    if not 1e-9 < rounded < 1e3 or not _few_digits(reg, names["m"]):
        return None
    squares = " + ".join(f"sum_all({w} ** 2)" for w in chain.penalties)
    recipe = _recipe(chain, head, own, (*lines, f"loss = loss + reg / 2 * ({squares})"), "loss")
    steps: list[Step] = []
    for step in recipe.backward:
        steps.append(step)
        if step.template.startswith("dW = "):
            names_of = dict(step.names)
            steps.append(Step("dW = dW + reg * W", tuple((n, names_of[n]) for n in ("dW", "W"))))
    constants = {**recipe.constants, "reg": reg}
    return replace(
        recipe, backward=tuple(steps), constants=constants, title=f"{recipe.title}, with a penalty {rounded:g}/2 ||W||²"
    )


def _few_digits(reg: float, m: float) -> bool:
    """Whether a constant is one that somebody would write: of up to four digits, by itself or divided by m or 2 m."""
    return any(abs(float(f"{reg * by:.4g}") - reg * by) <= 1e-7 * abs(reg * by) for by in (1.0, m, 2 * m, 2.0))


def _with_hidden_target(
    leaves: Sequence[Leaf], output: Array, context: Mapping[str, Any], grad: Array
) -> Iterator[Recipe | None]:
    """A cross-entropy whose target the function keeps to itself: t = p - grad * m, if that is a target at all."""
    z = leaves[0].array
    for axis in _axes(context) if z.ndim == 2 else (-1,):
        p = run(("p = softmax(z)",), {**functions(Layout(axis, z.ndim)), "z": z})["p"]
        for divisor in (z.size / z.shape[axis], 1.0, float(z.size)):
            t = p - grad * divisor
            t = np.where(np.abs(t) < 1e-7, 0.0, np.where(np.abs(t - 1) < 1e-7, 1.0, t))
            if (t >= 0).all() and np.allclose(t.sum(axis=axis), 1, atol=1e-6):
                target = Target(None, {}, True, {"t": t})
                for chain in chains(leaves, frozenset(), context, (axis,)):
                    names = _up_to_the_logits(chain, [z])
                    for head in cross_entropies(target, Options(), scalar=True):
                        yield None if names is None else _held(chain, head, dict(names), output)
