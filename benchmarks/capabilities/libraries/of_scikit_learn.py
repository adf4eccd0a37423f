"""scikit-learn's HalfMultinomialLoss, which its logistic regression minimizes. Its module is private."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn._loss.loss import HalfMultinomialLoss

from benchmarks.capabilities.libraries.base import Library
from benchmarks.questions.base import Array

REDUCTIONS = {"mean": np.mean, "sum": np.sum, "none": lambda losses: losses}  # those of the loss are one per row


class ScikitLearn(Library):
    """The loss of rows of logits, and its gradient."""

    def loss_and_grad(
        self, z: Array, target: Array, dtype: str = "float64", reduction: str = "mean", **options: Any
    ) -> tuple[Array, ...]:
        z, n = np.asarray(z, dtype), len(z) if reduction == "mean" else 1
        losses, grad = HalfMultinomialLoss(n_classes=z.shape[1]).loss_gradient(target.astype(dtype), z, **options)
        return np.asarray(REDUCTIONS[reduction](losses)), grad / n
