"""The network that the options of a run describe, and its training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from softgrad import nn
from softgrad.cli.console import progress
from softgrad.cli.interrupt import interrupt_noted
from softgrad.cli.losses import loss_name
from softgrad.cli.problem import Problem, balanced_weights
from softgrad.cli.streaming import Feed
from softgrad.cli.training.checkpoints import Checkpoints
from softgrad.cli.training.clock import Clock
from softgrad.cli.training.config import RunConfig
from softgrad.nn.threads import blas_threads

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softmax": nn.Softmax}
OPTIMIZERS: dict[str, Callable[..., nn.Optimizer]] = {"sgd": nn.SGD, "adam": nn.Adam}


def build(config: RunConfig, problem: Problem) -> nn.Network:
    """A network with initial parameters."""
    layers: list[nn.Layer] = []
    for width in config.units:
        layers += [nn.Dense(width), ACTIVATIONS[config.activation]()]
        if config.dropout:
            layers.append(nn.Dropout(config.dropout))
    options: dict[str, Any] = {"label_smoothing": config.smoothing} if config.smoothing else {}
    network = nn.Network([*layers, nn.Dense(len(problem.classes))], loss=loss_name(config.loss), **options)
    return network.initialize(problem.x.shape[1], seed=config.seed)


def build_optimizer(config: RunConfig) -> nn.Optimizer:
    """The optimizer, with its own learning rate unless one is given."""
    kind, rate = OPTIMIZERS[config.optimizer], config.learning_rate
    options = {} if rate is None else {"learning_rate": rate}
    return kind(weight_decay=config.weight_decay, **options)


def build_schedule(config: RunConfig) -> nn.Schedule:
    """The schedule. A plateau is half as long as the patience, so that training goes on with a lower learning rate."""
    if config.schedule == "plateau":
        return nn.Plateau(patience=max(1, config.patience // 2))
    return nn.Cosine() if config.schedule == "cosine" else nn.Constant()


def rows_of(config: RunConfig, problem: Problem) -> dict[str, Any]:
    """The training rows and the validation set, as arguments of a Trainer."""
    balanced = config.class_weight == "balanced"
    if problem.streamed is not None:
        weight = balanced_weights(problem.streamed.counts[0]) if balanced else None
        feed = Feed(problem.streamed, config.batch_size, weight)
        return {"batches": feed.batches, "validation": feed.validation}
    x, labels = problem.subset(problem.rows.train)
    validation = problem.subset(problem.rows.validation)
    if not balanced:
        return {"x": x, "target": labels, "validation": validation}
    weight = balanced_weights(np.bincount(labels, minlength=len(problem.classes)))
    weighted = {"sample_weight": weight[labels], "validation": (*validation, weight[validation[1]])}
    return {"x": x, "target": labels, **weighted}


def build_trainer(network: nn.Network, config: RunConfig, problem: Problem) -> nn.Trainer:
    """The training of the network. It ends with the parameters of its best epoch."""
    return nn.Trainer(
        network,
        **rows_of(config, problem),
        optimizer=build_optimizer(config),
        epochs=config.epochs,
        batch_size=config.batch_size,
        schedule=build_schedule(config),
        patience=config.patience,
        seed=config.seed,
    )


def fit(trainer: nn.Trainer, clock: Clock, checkpoints: Checkpoints) -> None:
    """Trains the network in place, to its end or until Ctrl-C. It ends with the parameters of its best epoch.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; a checkpoint is written.
        TrainingError: the training has diverged. The network has its last good parameters.
    """
    with (
        blas_threads(trainer.network, trainer.batch_size),
        progress("training", trainer.epochs) as bar,
        interrupt_noted() as interrupts,
    ):

        def between_steps() -> None:
            if interrupts:
                checkpoints.write()
                raise KeyboardInterrupt

        def after_step() -> None:
            checkpoints.after_step()
            between_steps()

        def after_epoch(epoch: nn.Epoch) -> None:
            clock.end_epoch()
            bar.advance(f"epoch {epoch.number}: loss {epoch.loss:.4f}, validation {epoch.validation_loss:.4f}")
            checkpoints.after_epoch()
            between_steps()

        bar.advance(steps=len(trainer.history))
        clock.lap()
        trainer.run(on_epoch=after_epoch, on_step=after_step)


def fit_temperature(network: nn.Network, problem: Problem) -> float:
    """The temperature with which the probabilities fit the validation rows."""
    from softgrad.estimator import calibration

    x, labels = problem.subset(problem.rows.validation)
    return calibration.temperature(network.logits(x), labels, None, smoothed=True)
