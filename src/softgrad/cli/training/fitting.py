"""The network that the options of a run describe, and its training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softgrad import nn
from softgrad.cli.console import progress
from softgrad.cli.losses import loss_name
from softgrad.cli.problem import Problem, balanced_weights
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


def build_trainer(network: nn.Network, config: RunConfig, problem: Problem) -> nn.Trainer:
    """The training of the network. It ends with the parameters of its best epoch."""
    x, labels = problem.subset(problem.rows.train)
    validation = problem.subset(problem.rows.validation)
    weight = balanced_weights(labels) if config.class_weight == "balanced" else None
    return nn.Trainer(
        network,
        x,
        labels,
        optimizer=build_optimizer(config),
        epochs=config.epochs,
        batch_size=config.batch_size,
        schedule=build_schedule(config),
        patience=config.patience,
        sample_weight=None if weight is None else weight[labels],
        validation=validation if weight is None else (*validation, weight[validation[1]]),
        seed=config.seed,
    )


def fit(network: nn.Network, config: RunConfig, problem: Problem, clock: Clock) -> list[nn.Epoch]:
    """Trains the network in place."""
    trainer = build_trainer(network, config, problem)
    with blas_threads(network, config.batch_size), progress("training", config.epochs) as bar:

        def after_epoch(epoch: nn.Epoch) -> None:
            clock.end_epoch()
            bar.advance(f"epoch {epoch.number}: loss {epoch.loss:.4f}, validation {epoch.validation_loss:.4f}")

        clock.lap()
        return trainer.run(on_epoch=after_epoch)


def fit_temperature(network: nn.Network, problem: Problem) -> float:
    """The temperature with which the probabilities fit the validation rows."""
    from softgrad.estimator import calibration

    x, labels = problem.subset(problem.rows.validation)
    return calibration.temperature(network.logits(x), labels, None, smoothed=True)
