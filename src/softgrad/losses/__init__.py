"""Losses on logits, each with its closed-form gradient: one file a loss."""

from softgrad.losses._batch import LossAndGrad, Reduction
from softgrad.losses.cross_entropy import cross_entropy, cross_entropy_with_grad
from softgrad.losses.kl_divergence import kl_divergence, kl_divergence_with_grad
from softgrad.losses.squared_error import squared_error, squared_error_with_grad

__all__ = [
    "LossAndGrad",
    "Reduction",
    "cross_entropy",
    "cross_entropy_with_grad",
    "kl_divergence",
    "kl_divergence_with_grad",
    "squared_error",
    "squared_error_with_grad",
]
