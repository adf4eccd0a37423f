"""What is known of a run at its end: the options, the training, and what is measured on each set of rows."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from softgrad import __version__, nn
from softgrad.cli import results, streaming
from softgrad.cli.problem import Problem
from softgrad.cli.training.clock import Clock
from softgrad.cli.training.config import RunConfig
from softgrad.cli.training.fitting import build_optimizer


def collect(
    config: RunConfig,
    problem: Problem,
    network: nn.Network,
    history: Sequence[nn.Epoch],
    temperature: float,
    earlier: Mapping[str, Any],
) -> dict[str, Any]:
    """The metrics of a run, as metrics.json and the model hold them, without the time that the steps took."""
    metrics: dict[str, Any] = {
        "dataset": config.data,
        "target": problem.target,
        "array": config.array,
        **_measure(network, problem, temperature),
        "temperature": temperature,
        "uncalibrated": _measure_uncalibrated(network, problem) if config.calibrate else None,
        **earlier,
        "epochs": len(history),
        "seed": config.seed,
        "hidden": config.units,
        "activation": config.activation,
        "loss": config.loss,
        "optimizer": config.optimizer,
        "learning_rate": build_optimizer(config).learning_rate,
        "schedule": config.schedule,
        "weight_decay": config.weight_decay,
        "dropout": config.dropout,
        "smoothing": config.smoothing,
        "batch_size": config.batch_size,
        "class_weight": config.class_weight,
        "patience": config.patience,
        "split": config.split,
        "stratify": config.stratify and not config.stream,
        "stream": config.stream,
        **{name: getattr(config, name) for name in ("drop", "numbers", "categories", "dates", "missing")},
        "versions": _versions(),
        "calibrate": config.calibrate,
        "cross_validate": config.cross_validate,
    }
    metrics["doubts"] = list(problem.doubts)
    metrics["warning"] = results.warning(
        metrics, balanced=config.class_weight == "balanced", more_epochs=len(history) == config.epochs
    )
    return metrics


def _measure(network: nn.Network, problem: Problem, temperature: float) -> dict[str, Any]:
    if problem.streamed is not None:
        return streaming.measure(network, problem.streamed, temperature)
    return results.measure(network, problem, temperature)


def _measure_uncalibrated(network: nn.Network, problem: Problem) -> dict[str, Any]:
    if problem.streamed is not None:
        return streaming.measure_uncalibrated(network, problem.streamed)
    return results.measure_uncalibrated(network, problem)


def history_of(history: Sequence[nn.Epoch], clock: Clock) -> list[dict[str, Any]]:
    """The record of every epoch: its number, the losses, the learning rate of its last step, and its seconds."""
    return [
        {
            "epoch": epoch.number,
            "loss": epoch.loss,
            "validation_loss": epoch.validation_loss,
            "learning_rate": epoch.learning_rate,
            "seconds": round(seconds, 4),
        }
        for epoch, seconds in zip(history, clock.epochs, strict=True)
    ]


def _versions() -> dict[str, str]:
    """The versions of what computes the result of a run."""
    return {
        "softgrad": __version__,
        "Python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
    }
