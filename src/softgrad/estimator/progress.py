"""What a training says while it runs: printed lines, and scikit-learn's callbacks where its version has them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """A stand-in without methods."""

    def with_callbacks(method: Any) -> Any:
        """The method itself."""
        return method


if TYPE_CHECKING:
    from softgrad.estimator.classifier import SoftmaxClassifier

__all__ = ["CallbackSupportMixin", "Progress", "with_callbacks"]


class Progress:
    """The iterations of a fit as the callbacks see them. Without callbacks, `begin` and `end` do nothing."""

    def __init__(self, classifier: SoftmaxClassifier, iterations: int, x: Any, y: Any) -> None:
        self.classifier, self.data = classifier, {"X": x, "y": y}
        begin = getattr(classifier, "_init_callback_context", None)
        self.fit: Any = begin(max_subtasks=iterations) if begin else None
        self.watched = bool(getattr(classifier, "_skl_callbacks", None))
        self.iteration: Any = None
        if self.watched and self.fit:
            self.fit.call_on_fit_task_begin(estimator=classifier, **self.data)

    def begin(self) -> None:
        """Starts an iteration."""
        if self.watched:
            self.iteration = self.fit.subcontext(task_name="iteration")
            self.iteration.call_on_fit_task_begin(estimator=self.classifier, **self.data)

    def end(self) -> bool:
        """Ends an iteration, and returns whether a callback wants the training to stop."""
        if self.iteration is None:
            return False
        stop: bool = self.iteration.call_on_fit_task_end(
            estimator=self.classifier,
            **self.data,
            reconstruction_attributes=lambda: {"network_": copy.deepcopy(self.classifier.network_)},
        )
        self.iteration = None
        return stop

    def close(self) -> None:
        """Ends the fit."""
        if self.watched:
            if self.iteration is not None:
                self.iteration.call_on_fit_task_end(estimator=self.classifier)
            self.fit.call_on_fit_task_end(estimator=self.classifier, **self.data)
