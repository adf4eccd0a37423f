"""Checkpoints: the state of a training in a file, from which it goes on to the same bits.

A checkpoint is written after an epoch, at most once per second; with --checkpoint-seconds S whenever S seconds have
passed, within epochs too; and after Ctrl-C. Besides the state of the trainer it holds the checksum of the data, what
was found before the training, and the time so far.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from softgrad import nn
from softgrad.cli.problem import Problem
from softgrad.cli.training.clock import Clock
from softgrad.errors import DataError
from softgrad.nn.state import State

SECONDS = 1.0  # between checkpoints: with short epochs, writing them would take longer than the training


class Checkpoints:
    """Writes the checkpoints of a training.

    Args:
        path: the file.
        trainer: whose state is saved.
        problem: the data.
        clock: the time so far.
        earlier: what was found before the training, which is not repeated.
        seconds: the time between checkpoints, which may then fall within epochs.
    """

    def __init__(
        self,
        path: Path,
        trainer: nn.Trainer,
        problem: Problem,
        clock: Clock,
        earlier: dict[str, Any],
        seconds: float | None,
    ) -> None:
        self.path, self.trainer, self.problem, self.clock = path, trainer, problem, clock
        self.earlier, self.seconds = earlier, seconds
        self._checksum: str | None = None
        self._last = time.perf_counter()

    def after_step(self) -> None:
        """Writes one, if checkpoints may fall within epochs and enough time has passed."""
        if self.seconds is not None:
            self._write_after(self.seconds)

    def after_epoch(self) -> None:
        """Writes one, if enough time has passed."""
        self._write_after(SECONDS if self.seconds is None else self.seconds)

    def write(self) -> None:
        """Writes one. If this fails, the one before is still there.

        Raises:
            WriteError: the file cannot be written.
        """
        self._checksum = self._checksum or self.problem.checksum()
        self.clock.lap("training_seconds")
        facts = {"data": self._checksum, "earlier": self.earlier, "clock": self.clock.state()}
        nn.save_state(self.trainer.state(), self.path, facts=facts)
        self._last = time.perf_counter()

    def _write_after(self, seconds: float) -> None:
        if time.perf_counter() - self._last >= seconds:
            self.write()


class Checkpoint:
    """A checkpoint that was read.

    Raises:
        ModelError: the file is damaged, or no checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state: State
        self.facts: dict[str, Any]
        self.state, self.facts = nn.load_state(path)

    def check_data(self, problem: Problem) -> None:
        """Checks that the data are those of the checkpoint.

        Raises:
            DataError: they are not.
        """
        if self.facts["data"] != problem.checksum():
            raise DataError(
                f"train: {problem.table.source} has changed since {self.path} was written; restore the table, or train "
                "again without --resume"
            )
