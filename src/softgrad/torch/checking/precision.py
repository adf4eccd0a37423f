"""Gradients in float32, and float64 gradients that are computed in a shorter type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from softgrad.check.user.descriptions import describe_error
from softgrad.torch.checking.places import line_of, line_of_error
from softgrad.torch.checking.trials import Found, Grads, Trials
from softgrad.torch.checking.watching import Watching

DRAWS = 3
LEAST = 0.02  # a gradient off by less, relative to its largest entry, is not looked at
LEAST_OF_UPSTREAM = 1e-5  # nor one off by less, relative to the upstream gradient: terms may cancel
FEW, MANY = 0.2, 0.5  # of the entries of a gradient
STEP, FITS = 2.0**-10, 0.05  # of numerical derivatives in float32: their relative step, and the error of a right one
TIMES = 1000  # as large as the change that rounding the inputs makes


def in_float32(trials: Trials) -> Iterator[Found]:
    """Whether the gradients in float32 are those in float64, up to what the rounding of the inputs explains."""
    if trials.dtype != torch.float64 or trials.functions.randomness.draws:
        return  # the random numbers in float32 are others
    found: list[Found] = []
    for draw in range(DRAWS):  # once may be a tie that rounding decides otherwise
        arrays = _rounded(trials.moved(trials.arrays, 0.1) if draw else trials.arrays)
        try:
            wanted = trials.gradients(trials.leaves(arrays), trials.upstream)
            shaken = [trials.gradients(trials.leaves(trials.moved(arrays, 1e-7)), trials.upstream) for _ in range(2)]
        except Exception:  # not defined there
            return
        try:
            run = trials.run(trials.leaves(arrays, dtype=torch.float32))
        except Exception:  # it takes float64 alone, or holds tensors of float64: that is seen at the first call
            return
        if not all(bool(one.isfinite().all()) for one in run.outputs):
            return
        try:
            upstream = [one.to(out) for one, out in zip(trials.upstream, run.outputs, strict=True)]
            got = trials.backward(run, upstream)
        except Exception as error:
            yield Found(
                "wrong-in-float32",
                f"with float32 inputs, backward raises {describe_error(error)}",
                line_of_error(error),
            )
            return
        least = LEAST_OF_UPSTREAM * max(float(one.abs().max()) for one in trials.upstream)
        i = _differs(got, wanted, shaken, least)
        if i is None or _is_that_of_another_function(trials, arrays, run.outputs, got):
            return
        evidence = f"with float32 inputs, the gradient of {trials.name(i)} is far from that in float64"
        found.append(Found("wrong-in-float32", evidence))
    yield found[0]


def _is_that_of_another_function(
    trials: Trials, arrays: Sequence[Any], outputs: Sequence[torch.Tensor], grads: Grads
) -> bool:
    """Whether forward computes something else in float32, as where it draws random numbers of the dtype of its input.

    Then the gradient in float32 is judged by the outputs in float32, along two directions.
    """
    wanted = [one.detach() for one in trials.run(trials.leaves(arrays)).outputs]
    pairs = [(a.detach().double(), b) for a, b in zip(outputs, wanted, strict=True) if b.numel()]
    size = max((float(b.abs().max()) for _, b in pairs), default=0.0)
    if all(float((a - b).abs().max()) <= LEAST * size for a, b in pairs):
        return False

    def along(steps: Sequence[Any], sign: int) -> float:
        moved = [one if step is None else one + sign * step for one, step in zip(arrays, steps, strict=True)]
        there = trials.run(trials.leaves(moved, dtype=torch.float32)).outputs
        return sum(float((up * out.detach().double()).sum()) for up, out in zip(trials.upstream, there, strict=True))

    for _ in range(2):
        steps = [
            None if grad is None else STEP * trials.rng.uniform(-1, 1, one.shape) * np.maximum(1, np.abs(one))
            for one, grad in zip(arrays, grads, strict=True)
        ]
        terms = [
            grad.double().numpy(force=True) * step for grad, step in zip(grads, steps, strict=True) if grad is not None
        ]
        change, predicted = along(steps, 1) - along(steps, -1), 2 * sum(float(one.sum()) for one in terms)
        if not abs(change - predicted) <= FITS * max(float(np.sqrt(sum((one**2).sum() for one in terms))), 1e-30):
            return False
    return True


def in_a_short_type(trials: Trials) -> Iterator[Found]:
    """Whether the float64 gradients ignore digits that float32 does not have."""
    given = [leaf.given.dtype for leaf in trials.inputs.leaves if leaf.is_tensor and leaf.is_real]
    if trials.dtype != torch.float64 or torch.float64 not in given:
        return  # float32 is enough for inputs of that type
    start = _rounded(trials.arrays)
    upstream = [one.float().double() for one in trials.upstream]

    def passes(by: float, *, of_inputs: bool) -> tuple[Grads, list[torch.Tensor]]:
        run = trials.run(trials.leaves(_in_waves(start, by) if of_inputs else start))
        given = upstream if of_inputs else [one * (1 + by) for one in upstream]
        return trials.backward(run, [one.clone() for one in given]), run.outputs

    try:
        for of_inputs in (True, False):
            (at, output), (near, moved), (far, _) = (
                passes(by, of_inputs=of_inputs) for by in (0.0, 2.0**-30, 2.0**-12)
            )
            if of_inputs and not any(_part_moved(a, b) >= MANY for a, b in zip(output, moved, strict=True)):
                continue  # the function itself moves in steps
            for i, (a, b, c) in enumerate(zip(at, near, far, strict=True)):
                if a is None or b is None or c is None or not bool(a.any()):
                    continue
                if _part_moved(a, b) <= FEW and _part_moved(a, c) >= MANY and not _shortens_an_input(trials, start):
                    said = "of the inputs" if of_inputs else "of the upstream gradient"
                    evidence = (
                        f"digits {said} that float32 does not have hardly change the gradient of {trials.name(i)}"
                    )
                    yield Found("float32-result", evidence, line_of(_shortening(trials)))
                    return
    except Exception:  # not defined beside the inputs
        return


def _shortens_an_input(trials: Trials, start: Sequence[Any]) -> bool:
    """Whether the forward pass itself ignores the digits of an input that float32 does not have, as after x.float()."""

    def outputs(i: int, by: float) -> list[torch.Tensor]:
        moved = [*start[:i], *_in_waves(start[i : i + 1], by), *start[i + 1 :]]
        return trials.run(trials.leaves(moved)).outputs

    at = outputs(0, 0.0)
    for i in trials.wanted_leaves:
        near, far = (
            max(_part_moved(a, b) for a, b in zip(at, outputs(i, by), strict=True)) for by in (2.0**-30, 2.0**-12)
        )
        if near <= FEW and far >= MANY:
            return True
    return False


def _part_moved(a: torch.Tensor, b: torch.Tensor) -> float:
    """The part of the entries other than 0 that differ."""
    nonzero = a != 0
    return float((nonzero & (a != b)).sum()) / max(int(nonzero.sum()), 1)


def _shortening(trials: Trials) -> Any:
    run = trials.run(trials.leaves())
    with Watching({}) as watching:
        trials.backward(run, trials.upstream)
    return watching.shortens


def _rounded(arrays: Sequence[Any]) -> list[Any]:
    return [one.astype(np.float32).astype(np.float64) if _is_real(one) else one for one in arrays]


def _in_waves(arrays: Sequence[Any], by: float) -> list[Any]:
    """Arrays of real numbers, each entry moved by about this relative amount."""
    return [
        one * (1 + by * np.cos(1.0 + np.arange(one.size)).reshape(one.shape)) if _is_real(one) else one
        for one in arrays
    ]


def _is_real(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _differs(got: Grads, wanted: Grads, shaken: Sequence[Grads], least: float) -> int | None:
    """The first gradient that is far from the one wanted."""
    for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
        if a is None or b is None or not b.numel() or not bool(b.isfinite().all()):
            continue
        size = float(b.abs().max())
        moves = max(float((one[i] - b).abs().max()) if one[i] is not None else 0.0 for one in shaken)
        apart = (a.double() - b).abs()
        if not bool(apart.isfinite().all()) or float(apart.max()) > max(LEAST * size, TIMES * moves, least):
            return i
    return None
