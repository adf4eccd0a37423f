"""Training in mini-batches, one step or one epoch at a time, that can be stopped and resumed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from softgrad._arrays import Array
from softgrad._calls import explained
from softgrad._options import not_negative, shown
from softgrad.errors import OptionError, TrainingError
from softgrad.nn import state
from softgrad.nn.epoch import Epoch
from softgrad.nn.network import Network
from softgrad.nn.optimizers import Adam, Optimizer
from softgrad.nn.rows import Rows, read_rows
from softgrad.nn.schedules import Schedule, read_schedule
from softgrad.nn.state import State
from softgrad.nn.stopping import EarlyStopping
from softgrad.nn.words import Words
from softgrad.nn.workspace import Workspace

Monitor: TypeAlias = Literal["loss", "validation_loss", "score"]
MONITORS = ("loss", "validation_loss", "score")
Batches: TypeAlias = Iterable[tuple[npt.ArrayLike, ...]]  # (x, target) or (x, target, sample_weight) each
Score: TypeAlias = Callable[[Network, Array, Array], float]


class Trainer:
    """Trains a network in place, and holds all that training depends on: its state can be saved after any step.

    Args:
        network: a network that is initialized for D features.
        x: the inputs, one row per sample; None if `batches` or `run_epoch` gives each epoch its batches.
        target: class indices or probabilities, as the losses take them.
        sample_weight: a weight for each row, 0 or positive. The loss of a batch is the weighted mean of its rows.
        batches: in place of x and target, for rows that do not fit into memory: a function of the number of an epoch,
            counted from 0, that returns the batches of this epoch, (x, target) or (x, target, sample_weight) each. For
            the same epoch it must return the same batches, if the training is to be resumed.
        optimizer: `SGD` or `Adam`; Adam() if None.
        epochs: the maximum number of passes over the rows.
        batch_size: the number of rows in a step; the last batch of an epoch may be smaller.
        shuffle: whether the rows are shuffled before every epoch.
        alpha: the L2 term alpha / (2 n) times the sum of the squared weights is added to the loss of a batch of n rows
            (n is the sum of their sample weights, if there are any). Biases are left out. For weight decay that is no
            part of the loss, see the optimizers.
        schedule: the learning rate over time: "constant", "cosine", "plateau" or a `Schedule`.
        validation: the validation set, (x, target) or (x, target, sample_weight); or a function that returns its
            batches, as `batches` does.
        score: a function of (network, x, target), which is called with the validation set after each epoch. A higher
            score is better.
        monitor: which value early stopping and the schedule look at: "loss" (of the training rows), "validation_loss"
            or "score". The default is the score if there is one, else the validation loss if there is a validation set,
            else the loss.
        patience: training stops after this many epochs in a row without a better monitored value; None: never. Without
            a validation set and `monitor`, all epochs are run.
        tol: a value is better if it is by more than this.
        seed: the seed of the shuffling and of dropout, or a random generator.

    Raises:
        OptionError: an argument is outside its range.
        ShapeError, LabelError, DtypeError: x or target does not fit the network.
        DataError: x holds a NaN or an infinity, or a sample weight is negative.

    Example:
        >>> def trainer():
        ...     net = sg.nn.Network([sg.nn.Dense(2)]).initialize(1, seed=0)
        ...     return sg.nn.Trainer(net, [[-1.0], [1.0]], [0, 1], epochs=20, seed=0)
        >>> first, second = trainer(), trainer()
        >>> epoch = first.run_epoch()
        >>> second.restore(first.state())
        >>> first.run()[-1].loss == second.run()[-1].loss
        True
    """

    words = Words()  # of its messages; whoever trains for a user puts theirs in its place

    @explained
    def __init__(
        self,
        network: Network,
        x: npt.ArrayLike | None = None,  # (N, D)
        target: npt.ArrayLike | None = None,  # (N) class indices, or (N, K) probabilities
        *,
        sample_weight: npt.ArrayLike | None = None,  # (N)
        batches: Callable[[int], Batches] | None = None,
        optimizer: Optimizer | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        shuffle: bool = True,
        alpha: float = 0.0,
        schedule: str | Schedule = "constant",
        validation: tuple[Any, ...] | Callable[[], Batches] | None = None,
        score: Score | None = None,
        monitor: Monitor | None = None,
        patience: int | None = 10,
        tol: float = 0.0,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        for name, value in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
            if value is not None and value < 1:
                raise OptionError(f"train: {name} is {value}, wanted at least 1")
        self.network = network
        given = x is not None or target is not None
        if given and batches is not None:
            raise OptionError("train: x and batches are both given; leave one of them out")
        self.rows = read_rows(network, x, target, sample_weight, purpose="train on") if given else None  # type: ignore[arg-type]
        self.batches = batches
        self.validation: Rows | Callable[[], Batches] | None = None
        if callable(validation) or validation is None:
            self.validation = validation
        else:
            self.validation = read_rows(network, *validation, purpose="validate on")
        self.optimizer: Optimizer = optimizer or Adam()
        self.epochs, self.batch_size, self.shuffle = epochs, batch_size, shuffle
        self.alpha = not_negative("train", "alpha", alpha)
        self.schedule = read_schedule("train", schedule)
        self.score = score
        if validation is None and monitor is None:
            patience = None
        self.monitor = self._read_monitor(monitor)
        self.stopping = EarlyStopping(patience, not_negative("train", "tol", tol), keep=self.validation is not None)
        self.rng = np.random.default_rng(seed)
        self.history: list[Epoch] = []
        self.steps = 0
        self.batch = 0  # of the epoch, the next one
        self.loss_sum = self.loss_count = 0.0
        self.learning_rate = self.optimizer.learning_rate
        self.generator_at_start = self.rng.bit_generator.state  # of the epoch
        self._workspace = Workspace(network)
        self.parameters = self._workspace.parameters  # all weights, and all biases
        self.last_good, self.last_good_epoch = state.copies(self.parameters), 0

    def _read_monitor(self, monitor: Monitor | None) -> Monitor:
        if self.score is not None and not isinstance(self.validation, Rows):
            raise OptionError("train: score is given without a validation set; give validation=(x, target) too")
        if monitor is None:
            return "score" if self.score is not None else "loss" if self.validation is None else "validation_loss"
        if monitor not in MONITORS:
            raise OptionError(f"train: monitor is {shown(monitor)}, wanted one of {', '.join(map(repr, MONITORS))}")
        if (monitor == "score" and self.score is None) or (monitor == "validation_loss" and self.validation is None):
            missing = "score" if monitor == "score" else "validation"
            raise OptionError(f"train: monitor is {monitor!r}, but {missing} is not given; give {missing} too")
        return monitor

    @property
    def finished(self) -> bool:
        """Whether all epochs were run, or early stopping ended the training."""
        return self.batch == 0 and (len(self.history) >= self.epochs or self.stopping.wants_to_stop)

    @property
    def good_epoch(self) -> int:
        """The epoch whose parameters the network has after an error: the best one, or the last good one, or 0."""
        return self.last_good_epoch if self.stopping.best_parameters is None else self.stopping.best_epoch

    def run(
        self, *, on_epoch: Callable[[Epoch], object] | None = None, on_step: Callable[[], object] | None = None
    ) -> list[Epoch]:
        """Runs all epochs that are left, and keeps the best parameters. Returns the record of every epoch.

        Args:
            on_epoch: a function that is called after each epoch; `state` is then the state after the epoch.
            on_step: a function that is called after each step but the last of an epoch.
        """
        while not self.finished:
            epoch = self.run_epoch(on_step=on_step)
            if on_epoch:
                on_epoch(epoch)
        self.keep_best()
        return self.history

    def run_epoch(
        self,
        batches: Batches | None = None,
        *,
        on_step: Callable[[], object] | None = None,
    ) -> Epoch:
        """Makes the steps of an epoch, or those that are left of it, and returns its record.

        Args:
            batches: the batches of this epoch, (x, target) or (x, target, sample_weight) each, in place of the rows.
                After `restore` in the middle of an epoch, as many as were used before are skipped.
            on_step: a function that is called after each step but the last.

        Raises:
            TrainingError: the loss or a parameter is no longer finite. The network then has the parameters of the last
                epoch whose loss was finite and so was that of the next step, or those of the best epoch.
        """
        if batches is None and self.batches is not None:
            batches = self.batches(len(self.history))
        if batches is None and self.rows is None:
            raise OptionError("train: there are no rows; give the Trainer x and target, or give run_epoch batches")
        self._workspace.attach()
        if self.batch == 0:
            self.generator_at_start = self.rng.bit_generator.state
        count = None if self.rows is None else -(-len(self.rows.x) // self.batch_size)
        source = self._batches() if batches is None else self._read_batches(batches)
        with np.errstate(over="ignore", invalid="ignore"):  # the checks for finite numbers report these
            upcoming = next(source, None)
            while upcoming is not None:
                current, upcoming = upcoming, None
                self._step(current, self.batch / count if count else 0.0)
                upcoming = next(source, None)
                if on_step and upcoming is not None:
                    on_step()
            return self._end_epoch()

    def keep_best(self) -> None:
        """Gives the network the parameters of its best epoch, if there is a validation set."""
        if self.stopping.best_parameters is not None:
            self._workspace.attach()
            state.copy_to(self.parameters, self.stopping.best_parameters)

    def _batches(self) -> Iterator[Rows]:
        """The batches of the epoch that are left. Their arrays are used again for the next batch."""
        assert self.rows is not None
        total, size = len(self.rows.x), min(self.batch_size, len(self.rows.x))
        now = self.rng.bit_generator.state
        if self.batch:  # in the middle of an epoch: its order is drawn again
            self.rng.bit_generator.state = self.generator_at_start
        order = self.rng.permutation(total) if self.shuffle else np.arange(total)
        if self.batch:
            self.rng.bit_generator.state = now
        buffers = self.rows.buffers(size)
        for start in range(self.batch * self.batch_size, total, self.batch_size):
            yield self.rows.take(order[start : start + self.batch_size], buffers)

    def _read_batches(self, batches: Batches) -> Iterator[Rows]:
        for batch in itertools.islice(batches, self.batch, None):
            yield read_rows(self.network, *batch, purpose="train on")

    def _step(self, batch: Rows, of_epoch: float) -> float:
        workspace, parameters = self._workspace, self.parameters
        loss = workspace.loss_with_grads(*batch, self.rng)
        count = float(len(batch.x)) if batch.sample_weight is None else float(batch.sample_weight.sum())
        l2 = self.alpha / count if count else 0.0
        if l2:
            weights = parameters["weight"]
            loss += l2 / 2 * float(weights @ weights)
        if not math.isfinite(loss):
            self._diverged(f"the loss is {loss} in step {self.steps + 1}, epoch {len(self.history) + 1}", batch)
        if self.batch == 0:  # the parameters after the last epoch have a finite loss
            state.copy_to(self.last_good, parameters)
            self.last_good_epoch = len(self.history)
        progress = (len(self.history) + of_epoch) / self.epochs
        self.learning_rate = self.optimizer.learning_rate * self.schedule.factor(min(progress, 1.0))
        self.optimizer.step(parameters, workspace.grads, learning_rate=self.learning_rate, l2=l2)
        self.steps += 1
        self.batch += 1
        self.loss_sum += loss * count
        self.loss_count += count
        return loss

    def _end_epoch(self) -> Epoch:
        number, parameters = len(self.history) + 1, self.parameters
        loss = self.loss_sum / (self.loss_count or 1.0)
        if not all(np.isfinite(array).all() for array in parameters.values()):
            # The last step can overflow after the last loss was computed.
            self._diverged(f"a parameter is not finite after epoch {number}", None)
        validation_loss = score = None
        if self.validation is not None:
            validation_loss = self._validation_loss(number)
            if self.score is not None:
                assert isinstance(self.validation, Rows)
                score = float(self.score(self.network, self.validation.x, self.validation.target))
                if not math.isfinite(score):
                    raise TrainingError(
                        f"{self.words.caller}: the score is {score} after epoch {number}, wanted a finite number; look "
                        "at the function given as score"
                    )
        epoch = Epoch(number, loss, validation_loss, score, self.learning_rate)
        self.history.append(epoch)
        value = {"loss": loss, "validation_loss": validation_loss, "score": score}[self.monitor]
        assert value is not None
        lower_is_better = -value if self.monitor == "score" else value
        self.schedule.end_epoch(lower_is_better)
        self.stopping.end_epoch(number, lower_is_better, parameters)
        self.batch, self.loss_sum, self.loss_count = 0, 0.0, 0.0
        self.generator_at_start = self.rng.bit_generator.state
        return epoch

    def _validation_loss(self, number: int) -> float:
        """The mean over the validation set, whose batches count by their rows, or by the weights of these."""
        if isinstance(self.validation, Rows):
            return self._loss_to_validate(self.validation, number)
        assert self.validation is not None
        total = count = 0.0
        for batch in self.validation():
            rows = read_rows(self.network, *batch, purpose="validate on")
            weight = float(len(rows.x) if rows.sample_weight is None else rows.sample_weight.sum())
            total, count = total + weight * self._loss_to_validate(rows, number), count + weight
        return total / (count or 1.0)

    def _loss_to_validate(self, rows: Rows, number: int) -> float:
        loss = float(self.network.loss(rows.x, rows.target, sample_weight=rows.sample_weight))
        if not math.isfinite(loss):
            self._diverged(f"the validation loss is {loss} after epoch {number}", rows)
        return loss

    def _diverged(self, what: str, batch: Rows | None) -> NoReturn:
        """Restores the last good parameters, and raises an error that says where numbers are not finite."""
        where = _first_not_finite(self.network, batch)
        best = self.stopping.best_parameters
        state.copy_to(self.parameters, self.last_good if best is None else best)
        words = self.words
        raise TrainingError(
            f"{words.caller}: {what}, wanted a finite number; {where}the training has diverged, use a lower "
            f"{words.learning_rate}; {words.kept(self.good_epoch)}"
        )

    def state(self) -> State:
        """All that the rest of the training depends on, beside the arguments.

        Call it between steps: in `on_step`, in `on_epoch`, or between two epochs. If an exception such as
        KeyboardInterrupt ends a step halfway, the last state before it is the one to resume.

        Returns:
            {"arrays": ..., "facts": ...}: copies of arrays by name, and what JSON can represent.
        """
        return state.of(self)

    def restore(self, saved: State) -> None:
        """Goes on from the state of a trainer that was made with the same arguments and data, to the same bits.

        Raises:
            ModelError: the state is one of another network, of another number of rows or of other arguments.
        """
        state.restore(self, saved)


def _first_not_finite(network: Network, batch: Rows | None) -> str:
    """Where the numbers are no longer finite: the first parameter, or else the first output of a layer."""
    for name, parameter in network.parameters.items():
        if not np.isfinite(parameter).all():
            return f"{name} holds a NaN or an infinity; "
    y = None if batch is None else batch.x
    for i, layer in enumerate(network.layers):
        if y is not None and not np.isfinite(y := layer.forward(y)).all():
            return f"the first output that is not finite is that of layers.{i}, {layer}; "
    return ""
