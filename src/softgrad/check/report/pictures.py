"""What the page of a report draws: the entries of one gradient, and the error of one entry against the step."""

from __future__ import annotations

from dataclasses import dataclass

from softgrad.formulas.numbers import Array


@dataclass(frozen=True)
class Entries:
    """A gradient beside the right one, or a part of it."""

    name: str
    got: Array
    wanted: Array  # in the shape of got; NaN where it is not known
    worst: tuple[int, ...]  # an index into got
    corner: tuple[int, ...]  # where the part begins in the gradient
    whole: tuple[int, ...]  # the shape of the gradient


@dataclass(frozen=True)
class StepCurve:
    """The relative errors of one entry, measured by plain central differences with many steps."""

    place: str  # "z[0, 1]"
    steps: Array
    errors: Array  # of the gradient; NaN where forward is not defined
    of_right: Array | None  # of the right gradient; None where the gradient is right
    used: float  # the step of the check; 0 where it took the complex step


@dataclass(frozen=True)
class Pictures:
    """The pictures of one report."""

    entries: Entries | None = None
    curve: StepCurve | None = None
    rtol: float = 1e-6  # the relative error that passes
    calls: int = 0  # that they took
