"""What a gradient of the reader's is: the right one, one of the checker's known mistakes, or neither.

The right backward pass of the loss is written in the lines of the catalogue, with the reader's options. The checker's
search then runs it with each wrong line. There is one input only, so several mistakes may give the reader's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from softgrad._arrays import Array
from softgrad.check.catalogue import ENTRIES
from softgrad.check.catalogue.cross_entropy import ANY_SUM, SMOOTHED, SMOOTHED_TO_ANY_SUM
from softgrad.check.diagnose.line_search import mistakes_in_lines
from softgrad.check.recognise.known_backward import Draw, KnownBackward
from softgrad.check.recognise.known_function import BackwardLine, KnownFunction
from softgrad.check.report.mistake import Mistake
from softgrad.explanation.arguments import Problem
from softgrad.explanation.document import Mine
from softgrad.formulas.language import Layout
from softgrad.formulas.losses import FUSED, LOSSES

RTOL = {"float16": 2e-3, "float32": 1e-5}  # the relative error allowed, by the dtype of the reader's gradient
RTOL_ELSE = 1e-6
DIGITS = 7  # decimals of a number that was computed, not written down
SHOWN = 3  # mistakes that are told if several give the reader's numbers


def judge(problem: Problem, right: Array, mine: Array) -> Mine:
    """The verdict on the reader's gradient.

    Args:
        problem: the reader's logits, target and options.
        right: the gradient, in the shape of the reader's logits.
        mine: the reader's gradient.
    """
    if not np.isfinite(mine).all():
        at = tuple(map(int, np.argwhere(~np.isfinite(mine))[0]))
        return Mine(False, "Your gradient is wrong", (f"Its {_entry(at)} is {mine[at]:g}. The right one is finite.",))
    backward = _OfReader(problem, mine)
    if backward.is_close(mine, right):
        digits = " to the digits given" if backward.tolerance else ""
        return Mine(True, f"Your gradient is right{digits}", ())
    found = mistakes_in_lines(backward)
    if any(one.name not in ENTRIES for one in found):  # on one input, what has no name is little evidence
        found = ()
    if not found:
        at = tuple(map(int, np.unravel_index(np.argmax(np.abs(mine - right)), right.shape)))
        difference = f"Its {_entry(at)} is {mine[at]:.6g}, and {right[at]:.6g} is right."
        return Mine(False, "Your gradient is wrong", (difference, "No mistake of the catalogue gives its numbers."))
    if all(one.also for one in found[1:]):  # one mistake, or all of them at once
        titles = ", and ".join(_small(one.title) for one in found)
        reasons = (*(one.explanation for one in found), *_told(found[0])[1:])
        return Mine(False, f"Your gradient is wrong: {titles}", reasons, found)
    told = (f"{one.title}. {' '.join(_told(one)[1:])}" for one in found[:SHOWN])
    return Mine(False, f"Your gradient is wrong. {len(found)} known mistakes give its numbers", tuple(told), found)


def _told(one: Mistake) -> list[str]:
    """The explanation, the wrong line, and the line to write."""
    shows, _, _ = one.evidence.rpartition(", on ")
    line, gives, _ = shows.partition(" give")
    if gives:
        lines = line.removesuffix(" together").split(" and ")
        give = "gives" if len(lines) == 1 else "together give"
        seen = f"{' and '.join(f'`{each}`' for each in lines)} {give} your numbers."
    else:
        seen = f"{shows.replace('every gradient', 'Every entry')}."
    return [one.explanation, seen, *([f"Write `{one.fix}`."] if one.fix else [])]


def _small(title: str) -> str:
    """A title within a sentence: with a small first letter, unless it is a formula."""
    return title[0].lower() + title[1:] if title[1:2].islower() or title.startswith("A ") else title


def _entry(at: tuple[int, ...]) -> str:
    return f"entry [{', '.join(map(str, at))}]"


class _OfReader(KnownBackward):
    """The right backward pass at the reader's logits. Numbers are compared up to the digits that the reader gives."""

    def __init__(self, problem: Problem, mine: Array) -> None:
        self.within = RTOL.get(str(mine.dtype), RTOL_ELSE)
        self.tolerance = _half_a_unit(mine) if mine.dtype == np.float64 else 0.0
        columns = problem.layout == "columns"
        logits = problem.z.T if columns else problem.z[0] if problem.is_vector else problem.z
        super().__init__(
            _function(problem), [Draw((logits,), np.ones(()), {0: mine.astype(np.float64)})], upstream=False
        )

    def wrong_on(self, n: int) -> list[int]:
        """The one gradient: whether it is right has been asked before."""
        return [0]

    def is_users(self, n: int, i: int, predicted: Any) -> bool:
        """Whether the reader may have meant these numbers."""
        values = np.asarray(predicted, np.float64)
        return values.shape == self.draws[n].grads[i].shape and self.is_close(self.draws[n].grads[i], values)

    def is_close(self, mine: Array, values: Array) -> bool:
        """Whether the values are the reader's, up to the digits given."""
        if not np.isfinite(values).all():
            return False
        slack = self.tolerance or 0.01 * self.within * float(np.abs(values).max(initial=0.0))
        return bool((np.abs(mine - values) <= self.within * np.abs(values) + 1.001 * slack).all())


def _half_a_unit(mine: Array) -> float:
    """Half a unit of the last decimal, if the numbers were written down with few; else 0. Integers are exact."""
    places = max(-int(Decimal(repr(float(one))).normalize().as_tuple().exponent) for one in np.ravel(mine))
    return 0.5 * 10.0**-places if 0 < places < DIGITS else 0.0


def _function(problem: Problem) -> KnownFunction:
    """The loss with its backward pass, in the lines of the catalogue."""
    layout = Layout(-1, 1) if problem.is_vector else Layout(0 if problem.layout == "columns" else -1, 2)
    forward, backward = _lines(problem)
    constants: Mapping[str, Any] = {
        "y": _target_as_given(problem, problem.labels),
        "t_": _target_as_given(problem, problem.given),
        "w": problem.weight,
        "T": problem.temperature,
        "eps": problem.label_smoothing,
    }
    return KnownFunction(
        title=LOSSES[problem.loss].of_softmax,
        layout=layout,
        roles={"z": 0},
        grads={0: "dz"},
        to_logits=(),
        from_logits=tuple(forward),
        output="p",
        backward=tuple(map(BackwardLine, backward)),
        constants={name: value for name, value in constants.items() if value is not None},
    )


def _target_as_given(problem: Problem, target: Array | None) -> Array | None:
    if target is None:
        return None
    if problem.is_vector:
        return np.asarray(target[0])
    return target.T if target.ndim == 2 and problem.layout == "columns" else target


def _lines(problem: Problem) -> tuple[list[str], list[str]]:
    """The lines of the forward and of the backward pass."""
    z = "z" if problem.temperature == 1 else "z / T"
    forward = [f"p = softmax({z})", f"logp = log_softmax({z})"]
    forward.append("t = one_hot(y)" if problem.labels is not None else "t = 1.0 * t_")
    smoothed = "(1 - eps) * t + eps / K" if problem.label_smoothing else "t"
    divisor = "m"
    if problem.weight is not None and problem.labels is not None:
        forward.append("sum_w = sum_all(pick(w, y))")
        divisor = "sum_w"
    if problem.loss == "squared_error":
        forward.append(f"t = {smoothed}")
        backward = list(LOSSES[problem.loss].backward)
        if problem.weight is not None:
            forward.append("c = sum_k(classes(w) * t)")
            backward.append("dz = c * dz")
    elif problem.weight is None:
        forward += [f"q = {smoothed}"] if problem.label_smoothing else []
        backward = [SMOOTHED if problem.label_smoothing else FUSED]
    elif problem.label_smoothing:
        forward.append(f"q = classes(w) * ({smoothed})")
        backward = [SMOOTHED_TO_ANY_SUM]
    elif problem.labels is not None:
        forward.append("c = pick(w, y)")
        backward = [FUSED, "dz = c * dz"]
    else:
        forward.append("t = classes(w) * t")
        backward = [ANY_SUM]
    backward += ["dz = dz / T"] if problem.temperature != 1 else []
    if not problem.is_vector or divisor == "sum_w":
        backward.append(f"dz = dz / {divisor}")
    return forward, backward
