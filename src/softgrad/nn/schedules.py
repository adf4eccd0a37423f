"""Schedules of the learning rate: in each step it is the optimizer's own learning rate, multiplied by a factor.

    schedule          factor
    Constant()        1
    Cosine()          floor + (1 - floor) (1 + cos(π t)) / 2, where t runs from 0 to 1 while the network is trained
    Plateau()         `factor` to the power of how often the loss stopped falling

Source: Loshchilov and Hutter, ICLR 2017, for the cosine.
"""

from __future__ import annotations

import math
from typing import Any

from softgrad._calls import explained
from softgrad._options import half_open_unit, not_negative, positive, shown
from softgrad.errors import OptionError


class Schedule:
    """The base class, and the schedule of a constant learning rate. Subclasses override what differs."""

    @explained
    def __init__(self) -> None:
        pass

    def factor(self, progress: float) -> float:
        """The factor of the next step. `progress` is the fraction of all epochs that is done, from 0 to 1."""
        return 1.0

    def end_epoch(self, value: float) -> None:
        """Takes the monitored value of an epoch, of which a lower one is better."""

    def state(self) -> dict[str, Any]:
        """All that the next factor depends on beside the options."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""


class Constant(Schedule):
    """A constant learning rate."""


class Cosine(Schedule):
    """Half a period of a cosine, from the optimizer's learning rate to `floor` times as much at the last epoch.

    Args:
        floor: the factor at the end, 0 <= floor < 1.

    Raises:
        OptionError: floor is outside this range.

    Example:
        >>> [round(sg.nn.Cosine().factor(t), 3) for t in (0, 0.25, 0.5, 1)]
        [1.0, 0.854, 0.5, 0.0]
    """

    @explained
    def __init__(self, *, floor: float = 0.0) -> None:
        self.floor = half_open_unit("Cosine", "floor", floor)

    def factor(self, progress: float) -> float:
        """The factor of the next step."""
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * progress)) / 2


class Plateau(Schedule):
    """The learning rate is multiplied by `factor` whenever the monitored value has not fallen for `patience` epochs.

    The value is the one that early stopping monitors: see `train`.

    Args:
        factor: 0 < factor < 1.
        patience: the number of epochs, at least 1.
        tol: a value counts as lower if it is lower by more than this; 0 or positive.
        floor: the factor never falls below this, 0 <= floor < 1.

    Raises:
        OptionError: an argument outside its range.

    Example:
        >>> schedule = sg.nn.Plateau(factor=0.5, patience=2)
        >>> for loss in (1.0, 0.9, 0.9, 0.9):
        ...     schedule.end_epoch(loss)
        >>> schedule.factor(0.1)
        0.5
    """

    @explained
    def __init__(self, *, factor: float = 0.2, patience: int = 5, tol: float = 0.0, floor: float = 0.0) -> None:
        self.reduction = half_open_unit("Plateau", "factor", positive("Plateau", "factor", factor))
        if patience < 1:
            raise OptionError(f"Plateau: patience is {shown(patience)}, wanted at least 1")
        self.patience = patience
        self.tol = not_negative("Plateau", "tol", tol)
        self.floor = half_open_unit("Plateau", "floor", floor)
        self._factor, self._best, self._stale = 1.0, math.inf, 0

    def factor(self, progress: float) -> float:
        """The factor of the next step."""
        return self._factor

    def end_epoch(self, value: float) -> None:
        """Takes the monitored value of an epoch."""
        self._stale = 0 if value < self._best - self.tol else self._stale + 1
        self._best = min(self._best, value)
        if self._stale >= self.patience:
            self._factor, self._stale = max(self.floor, self._factor * self.reduction), 0

    def state(self) -> dict[str, Any]:
        """The factor, the lowest value and the number of epochs since."""
        return {"factor": self._factor, "best": None if math.isinf(self._best) else self._best, "stale": self._stale}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self._factor, self._stale = state["factor"], state["stale"]
        self._best = math.inf if state["best"] is None else state["best"]


SCHEDULES: dict[str, type[Schedule]] = {"constant": Constant, "cosine": Cosine, "plateau": Plateau}


def read_schedule(function: str, schedule: str | Schedule) -> Schedule:
    """A schedule, given itself or by its name."""
    if isinstance(schedule, str) and schedule in SCHEDULES:
        return SCHEDULES[schedule]()
    if not isinstance(schedule, Schedule):
        names = ", ".join(map(repr, SCHEDULES))
        raise OptionError(f"{function}: schedule is {shown(schedule)}, wanted one of {names}, or a Schedule")
    return schedule
