"""Early stopping: the best value of what is monitored, and for how many epochs it has not improved."""

from __future__ import annotations

import math
from typing import Any

from softgrad._arrays import Array


class EarlyStopping:
    """Compares the monitored values of the epochs, of which a lower one is better.

    Args:
        patience: training stops after this many epochs in a row without an improvement; None: never.
        tol: an improvement is a value lower than the best one by more than this.
        keep: whether the parameters of the best epoch are kept.
    """

    def __init__(self, patience: int | None, tol: float, *, keep: bool) -> None:
        self.patience, self.tol, self.keep = patience, tol, keep
        self.best_value, self.best_epoch, self.stale = math.inf, 0, 0
        self.best_parameters: dict[str, Array] | None = None

    @property
    def wants_to_stop(self) -> bool:
        """Whether there was no improvement for too long."""
        return self.patience is not None and self.stale >= self.patience

    def end_epoch(self, number: int, value: float, parameters: dict[str, Array]) -> None:
        """Takes the value of an epoch, and the parameters after it."""
        self.stale = 0 if value < self.best_value - self.tol else self.stale + 1
        if value < self.best_value:
            self.best_value, self.best_epoch = value, number
            if self.keep:
                self.best_parameters = {name: parameter.copy() for name, parameter in parameters.items()}

    def state(self) -> dict[str, Any]:
        """The numbers; the best parameters are not among them."""
        best = None if math.isinf(self.best_value) else self.best_value
        return {"best_value": best, "best_epoch": self.best_epoch, "stale": self.stale}

    def restore(self, state: dict[str, Any], best_parameters: dict[str, Array] | None) -> None:
        """Goes on from a state."""
        self.best_value = math.inf if state["best_value"] is None else state["best_value"]
        self.best_epoch, self.stale, self.best_parameters = state["best_epoch"], state["stale"], best_parameters
