"""Training in mini-batches, with early stopping on a validation set."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array, numbers, to_rows, to_target
from softgrad._calls import explained
from softgrad._foreign import as_array
from softgrad.errors import DataError, OptionError, ShapeError, TrainingError
from softgrad.nn.network import Network
from softgrad.nn.optimizers import Adam, Optimizer


class Epoch(NamedTuple):
    """The record of one pass over the training rows."""

    number: int  # counted from 1
    loss: float  # the mean over the rows; the loss of each batch is taken before its step
    validation_loss: float | None  # the loss on the validation set after the epoch


@explained
def train(
    network: Network,
    x: npt.ArrayLike,  # (N, D)
    target: npt.ArrayLike,  # (N) class indices, or (N, K) probabilities
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int = 32,
    validation: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    validation_split: float = 0.0,
    patience: int = 10,
    seed: int | np.random.Generator | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> list[Epoch]:
    """Trains a network in place. With a validation set, training stops when the validation loss stops falling.

    Args:
        network: a network that is initialized for D features.
        x: the inputs, one row per sample.
        target: class indices or probabilities, as the losses take them.
        optimizer: `SGD` or `Adam`; Adam() if None.
        epochs: the maximum number of passes over the rows.
        batch_size: the number of rows in a step. The rows are shuffled before every epoch; the last batch of an epoch
            may be smaller.
        validation: the validation set, a pair (x, target).
        validation_split: the fraction of x and target to use as the validation set instead. `seed` determines which
            rows are drawn.
        patience: training stops after this many epochs in a row without a lower validation loss. With a validation set
            the network ends with the parameters of its best epoch. Without one, all epochs are run and the last
            parameters are kept.
        seed: the seed of the split and of the shuffling, or a random generator. The same seed gives the same
            parameters.
        on_epoch: a function that is called after each epoch.

    Returns:
        The record of every epoch that was run.

    Raises:
        OptionError: an argument is outside its range.
        ShapeError, LabelError, DtypeError: x or target does not fit the network.
        DataError: x holds a NaN or an infinity.
        TrainingError: the loss or a parameter is no longer finite.

    Example:
        >>> net = sg.nn.Network([sg.nn.Dense(2)]).initialize(1, seed=0)
        >>> history = sg.nn.train(net, [[-1.0], [1.0]], [0, 1], epochs=50, optimizer=sg.nn.SGD(0.5), seed=0)
        >>> net.predict([[-2.0], [2.0]])
        array([0, 1])
    """
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if value < 1:
            raise OptionError(f"train: {name} is {value}, wanted at least 1")
    if not 0 <= validation_split < 1:
        raise OptionError(f"train: validation_split is {validation_split}, wanted at least 0 and less than 1")
    rng = np.random.default_rng(seed)
    optimizer = optimizer or Adam()
    x, target = _read(network, x, target)
    if validation is not None:
        validation = _read(network, *validation)
    elif validation_split:
        order = rng.permutation(len(x))
        held_out, kept = np.split(order, [int(len(x) * validation_split)])
        validation = (x[held_out], target[held_out])
        x, target = x[kept], target[kept]
    if len(x) == 0:
        raise ShapeError("train: there are 0 rows to train on, wanted at least 1")
    if validation is not None and len(validation[0]) == 0:
        raise ShapeError(
            "train: there are 0 rows to validate on, wanted at least 1; give a larger validation set, or none"
        )

    history: list[Epoch] = []
    best_loss, best_number, best_parameters = np.inf, 0, _copy(network.parameters)
    for number in range(1, epochs + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # the check below reports these
            loss = _run_epoch(network, x, target, optimizer, batch_size, rng)
            validation_loss = float(network.loss(*validation)) if validation is not None else None
        epoch = Epoch(number, loss, validation_loss)
        largest = max((float(np.abs(parameter).max()) for parameter in network.parameters.values()), default=0.0)
        for quantity, latest in (
            ("loss", loss),
            ("validation loss", validation_loss or 0.0),
            ("largest parameter", largest),  # the last step can overflow after the last loss was computed
        ):
            if not np.isfinite(latest):
                raise TrainingError(
                    f"train: the {quantity} is {latest} after epoch {number}, wanted a finite number; the training has "
                    "diverged, use a lower learning rate"
                )
        history.append(epoch)
        if on_epoch:
            on_epoch(epoch)
        if validation_loss is None:
            continue
        if validation_loss < best_loss:
            best_loss, best_number, best_parameters = validation_loss, number, _copy(network.parameters)
        elif number - best_number >= patience:
            break
    if validation is not None:
        for name, parameter in network.parameters.items():
            parameter[...] = best_parameters[name]
    return history


def _run_epoch(
    network: Network, x: Array, target: Array, optimizer: Optimizer, batch_size: int, rng: np.random.Generator
) -> float:
    """Makes one step for each mini-batch, and returns the mean loss over the rows."""
    total = 0.0
    order = rng.permutation(len(x))
    for start in range(0, len(x), batch_size):
        batch = order[start : start + batch_size]
        loss, grads = network.loss_with_grads(x[batch], target[batch])
        optimizer.step(network.parameters, grads)
        total += float(loss) * len(batch)
    return total / len(x)


def _read(network: Network, x: npt.ArrayLike, target: npt.ArrayLike) -> tuple[Array, Array]:
    D, K = network.in_features, network.logits(np.zeros((1, network.in_features))).shape[1]
    x, target = numbers("train", "x", x), as_array("train", "target", target)
    if x.shape[1:] != (D,) or target.ndim == 0:
        raise ShapeError(
            f"train: x.shape is {x.shape} and target.shape is {target.shape}, wanted (N, {D}) for x and (N,) or "
            f"(N, {K}) for target: one row per sample"
        )
    if len(x) != len(target):
        raise ShapeError(f"train: x has {len(x)} rows, but target has {len(target)}; wanted one target per row")
    if not np.isfinite(x).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise DataError(
            f"train: x[{row}, {column}] is {x[row, column]}, wanted a finite number; replace it or remove the row"
        )
    logits = to_rows("train", "logits", np.zeros((len(x), K)), -1)
    to_target("train", target, logits, -1, None)  # before the split, so that an error names the caller's row
    return x, target


def _copy(parameters: dict[str, Array]) -> dict[str, Array]:
    return {name: value.copy() for name, value in parameters.items()}
