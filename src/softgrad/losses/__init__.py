"""Losses on logits, each with its closed-form first and second derivatives: one file a loss."""

from importlib import import_module
from typing import TYPE_CHECKING

from softgrad.losses._batch import LossAndGrad, LossGradStats, LossOptions, Reduction, RowStats
from softgrad.losses.cross_entropy import (
    cross_entropy,
    cross_entropy_hvp,
    cross_entropy_jvp,
    cross_entropy_with_grad,
    cross_entropy_with_stats,
)
from softgrad.losses.kl_divergence import (
    kl_divergence,
    kl_divergence_hvp,
    kl_divergence_jvp,
    kl_divergence_with_grad,
)
from softgrad.losses.squared_error import (
    squared_error,
    squared_error_hvp,
    squared_error_jvp,
    squared_error_with_grad,
)

if TYPE_CHECKING:
    from softgrad.losses._linear.gradients import LinearGrad
    from softgrad.losses.linear import (
        LinearLossAndGrad,
        LinearLossGradStats,
        linear_cross_entropy,
        linear_cross_entropy_hvp,
        linear_cross_entropy_with_grad,
        linear_cross_entropy_with_stats,
    )

__all__ = [
    "LinearGrad",
    "LinearLossAndGrad",
    "LinearLossGradStats",
    "LossAndGrad",
    "LossGradStats",
    "LossOptions",
    "Reduction",
    "RowStats",
    "cross_entropy",
    "cross_entropy_hvp",
    "cross_entropy_jvp",
    "cross_entropy_with_grad",
    "cross_entropy_with_stats",
    "kl_divergence",
    "kl_divergence_hvp",
    "kl_divergence_jvp",
    "kl_divergence_with_grad",
    "linear_cross_entropy",
    "linear_cross_entropy_hvp",
    "linear_cross_entropy_with_grad",
    "linear_cross_entropy_with_stats",
    "squared_error",
    "squared_error_hvp",
    "squared_error_jvp",
    "squared_error_with_grad",
]

_LINEAR = {name for name in __all__ if name.lower().startswith("linear")}  # imported when they are first asked for


def __getattr__(name: str) -> object:
    if name not in _LINEAR:
        raise AttributeError(f"module 'softgrad.losses' has no attribute {name!r}")
    return getattr(import_module("softgrad.losses.linear"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LINEAR})
