"""The schedules of MLPClassifier that `softgrad.nn` does not have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from softgrad import nn

if TYPE_CHECKING:
    from softgrad.estimator.classifier import SoftmaxClassifier

SMALLEST_RATE = 1e-6  # "adaptive" ends the training at a learning rate as small as this


class InverseScaling(nn.Schedule):
    """The learning rate is divided by (t + 1)^power after each epoch, where t counts the rows used so far."""

    def __init__(self, rows: int, power: float, used: int) -> None:
        super().__init__()
        self.rows, self.power, self.used = rows, power, used
        self.now = 1.0

    def factor(self, progress: float) -> float:
        """The factor of the next step."""
        return self.now

    def end_epoch(self, value: float) -> None:
        """Counts the rows of an epoch."""
        self.used += self.rows
        self.now = float(self.used + 1) ** -self.power


class Adaptive(nn.Plateau):
    """The learning rate is divided by 5 at each plateau. The training ends at a plateau with a very small rate."""

    def __init__(self, *, learning_rate: float, patience: int, tol: float) -> None:
        super().__init__(factor=0.2, patience=patience, tol=tol)
        self.learning_rate, self.finished = learning_rate, False

    def end_epoch(self, value: float) -> None:
        """Takes the monitored value of an epoch."""
        before = self.factor(0)
        super().end_epoch(value)
        self.finished = self.factor(0) < before and before * self.learning_rate <= SMALLEST_RATE


class Continued(nn.Schedule):
    """A schedule whose first epochs are over, for a training with one call per epoch."""

    def __init__(self, schedule: nn.Schedule, done: int, epochs: int) -> None:
        super().__init__()
        self.schedule, self.done, self.epochs = schedule, done, epochs

    def factor(self, progress: float) -> float:
        """The factor of the next step."""
        return self.schedule.factor(min(1.0, self.done / self.epochs + progress))

    def end_epoch(self, value: float) -> None:
        """Takes the monitored value of an epoch."""
        self.schedule.end_epoch(value)

    def state(self) -> dict[str, Any]:
        """The state of the schedule itself."""
        return self.schedule.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        self.schedule.restore(state)


def schedule_of(classifier: SoftmaxClassifier, rows: int) -> nn.Schedule:
    """The schedule that the parameters describe."""
    name, patience = classifier.learning_rate, classifier.n_iter_no_change
    if name == "cosine":
        return nn.Cosine()
    if name == "plateau":
        shorter = 2**62 if math.isinf(patience) else max(1, int(patience) // 2)
        return nn.Plateau(patience=shorter, tol=classifier.tol)
    if classifier.solver != "sgd":
        return nn.Constant()
    if name == "invscaling":
        return InverseScaling(rows, classifier.power_t, classifier.t_)
    if name == "adaptive":
        longer = 2**62 if math.isinf(patience) else int(patience) + 1
        return Adaptive(learning_rate=classifier.learning_rate_init, patience=longer, tol=classifier.tol)
    return nn.Constant()
