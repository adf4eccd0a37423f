"""Training in one call: a `Trainer` that runs to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from softgrad._calls import explained
from softgrad.errors import OptionError, ShapeError
from softgrad.nn.epoch import Epoch
from softgrad.nn.network import Network
from softgrad.nn.optimizers import Optimizer
from softgrad.nn.rows import read_rows
from softgrad.nn.schedules import Schedule
from softgrad.nn.trainer import Monitor, Score, Trainer


@explained
def train(
    network: Network,
    x: npt.ArrayLike,  # (N, D)
    target: npt.ArrayLike,  # (N) class indices, or (N, K) probabilities
    *,
    sample_weight: npt.ArrayLike | None = None,  # (N)
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int = 32,
    shuffle: bool = True,
    alpha: float = 0.0,
    schedule: str | Schedule = "constant",
    validation: tuple[Any, ...] | None = None,  # (x, target), or (x, target, sample_weight)
    validation_split: float = 0.0,
    score: Score | None = None,
    monitor: Monitor | None = None,
    patience: int | None = 10,
    tol: float = 0.0,
    seed: int | np.random.Generator | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> list[Epoch]:
    """Trains a network in place. With a validation set, training stops when the validation loss stops falling.

    This is `Trainer(...).run()`. Use a `Trainer` to stop and to resume.

    Args:
        network: a network that is initialized for D features.
        x: the inputs, one row per sample.
        target: class indices or probabilities, as the losses take them.
        sample_weight: as `Trainer`.
        optimizer: `SGD` or `Adam`; Adam() if None.
        epochs: the maximum number of passes over the rows.
        batch_size: the number of rows in a step. The rows are shuffled before every epoch; the last batch of an epoch
            may be smaller.
        shuffle: as `Trainer`.
        alpha: the factor of the L2 term of the loss, as `Trainer`.
        schedule: the learning rate over time, as `Trainer`.
        validation: the validation set, (x, target) or (x, target, sample_weight).
        validation_split: the fraction of x and target to use as the validation set instead. `seed` determines which
            rows are drawn.
        score: as `Trainer`.
        monitor: as `Trainer`.
        patience: training stops after this many epochs in a row without a lower validation loss, or without a better
            value of what is monitored; None: never. With a validation set the network ends with the parameters of its
            best epoch. Without one, all epochs are run unless `monitor` is given, and the last parameters are kept.
        tol: as `Trainer`.
        seed: the seed of the split, of the shuffling and of dropout, or a random generator. The same seed gives the
            same parameters.
        on_epoch: a function that is called after each epoch.

    Returns:
        The record of every epoch that was run.

    Raises:
        OptionError: an argument is outside its range.
        ShapeError, LabelError, DtypeError: x or target does not fit the network.
        DataError: x holds a NaN or an infinity, or a sample weight is negative.
        TrainingError: the loss or a parameter is no longer finite. The network then has the last good parameters.

    Example:
        >>> net = sg.nn.Network([sg.nn.Dense(2)]).initialize(1, seed=0)
        >>> history = sg.nn.train(net, [[-1.0], [1.0]], [0, 1], epochs=50, optimizer=sg.nn.SGD(0.5), seed=0)
        >>> net.predict([[-2.0], [2.0]])
        array([0, 1])
    """
    if not 0 <= validation_split < 1:
        raise OptionError(f"train: validation_split is {validation_split}, wanted at least 0 and less than 1")
    rng = np.random.default_rng(seed)
    if validation is None and validation_split:
        rows = read_rows(network, x, target, sample_weight, purpose="train on")
        held_out, kept = np.split(rng.permutation(len(rows.x)), [int(len(rows.x) * validation_split)])
        if not len(held_out):
            raise ShapeError(
                f"train: there are 0 rows to validate on, wanted at least 1; validation_split is {validation_split} of "
                f"{len(rows.x)} rows"
            )
        (x, target, sample_weight), validation = rows.subset(kept), rows.subset(held_out)
    trainer = Trainer(
        network,
        x,
        target,
        sample_weight=sample_weight,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        shuffle=shuffle,
        alpha=alpha,
        schedule=schedule,
        validation=validation,
        score=score,
        monitor=monitor,
        patience=patience,
        tol=tol,
        seed=rng,
    )
    return trainer.run(on_epoch=on_epoch)
