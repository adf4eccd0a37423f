"""How long the steps of a run take, and each epoch."""

from __future__ import annotations

import time
from typing import Any


class Clock:
    """Counts the seconds of a run, under the names that metrics.json has for them."""

    def __init__(self) -> None:
        self.seconds = {"check_seconds": 0.0, "training_seconds": 0.0, "seconds": 0.0}
        self.epochs: list[float] = []
        self._epoch = 0.0  # seconds of the epoch that is running
        self._last = time.perf_counter()

    def lap(self, name: str | None = None) -> None:
        """Counts the time since the last lap: for the run, and for one of its steps."""
        now = time.perf_counter()
        since, self._last = now - self._last, now
        self.seconds["seconds"] += since
        if name is not None:
            self.seconds[name] += since
        if name == "training_seconds":
            self._epoch += since

    def end_epoch(self) -> None:
        """Ends an epoch of the training."""
        self.lap("training_seconds")
        self.epochs.append(self._epoch)
        self._epoch = 0.0

    def rounded(self) -> dict[str, float]:
        """The seconds of the run and of its steps."""
        return {name: round(value, 3) for name, value in self.seconds.items()}

    def state(self) -> dict[str, Any]:
        """What was counted so far."""
        return {"seconds": dict(self.seconds), "epochs": list(self.epochs), "epoch": self._epoch}

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Adds what was counted before the run was interrupted."""
        for name, value in state["seconds"].items():
            self.seconds[name] += value
        self.epochs, self._epoch = list(state["epochs"]), state["epoch"]
