"""Checkpoints: the state of a training in a file, from which it goes on to the same bits.

A checkpoint is written after an epoch, at most once per second; with --checkpoint-seconds S whenever S seconds have
passed, within epochs too; and after Ctrl-C. Besides the state of the trainer it holds the checksum of the data, the
options, what was found before the training, and the time so far.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

from softgrad import nn
from softgrad._messages import quoted
from softgrad.cli.problem import Problem
from softgrad.cli.training.clock import Clock
from softgrad.cli.training.config import RunConfig
from softgrad.errors import DataError, OptionError
from softgrad.nn.state import State

SECONDS = 1.0  # between checkpoints: with short epochs, writing them would take longer than the training


class Checkpoints:
    """Writes the checkpoints of a training.

    Args:
        path: the file.
        trainer: whose state is saved.
        problem: the data.
        clock: the time so far.
        config: the options.
        earlier: what was found before the training, which is not repeated.
        seconds: the time between checkpoints, which may then fall within epochs.
    """

    def __init__(
        self,
        path: Path,
        trainer: nn.Trainer,
        problem: Problem,
        clock: Clock,
        config: RunConfig,
        earlier: dict[str, Any],
        seconds: float | None,
    ) -> None:
        self.path, self.trainer, self.problem, self.clock = path, trainer, problem, clock
        self.options, self.earlier, self.seconds = _options(config), earlier, seconds
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
        facts = {
            "data": self._checksum,
            "options": self.options,
            "earlier": self.earlier,
            "clock": self.clock.state(),
        }
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

    def check_options(self, config: RunConfig) -> None:
        """Checks that the options are those of the checkpoint.

        Raises:
            OptionError: they are not.
        """
        saved = self.facts.get("options", {})  # those of earlier versions have none
        for name, value in _options(config).items():
            if value != saved.get(name, value):
                raise OptionError(
                    f"train: {name} is {quoted(str(value))} in config.toml, but {quoted(str(saved[name]))} when "
                    f"{self.path} was written; restore it, or train again without --resume"
                )

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


def _options(config: RunConfig) -> dict[str, Any]:
    """The options that must not change: all but the path of the table, which may have moved."""
    return {name: value for name, value in dataclasses.asdict(config).items() if name != "data"}
