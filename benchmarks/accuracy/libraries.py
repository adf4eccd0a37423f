"""The results of each library: from its own functions if it has them, otherwise from a formula of its softmax.

Each function takes a case and returns one array per quantity, under the names that the judge uses. Losses are computed
for each row.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.accuracy.cases import Case
from benchmarks.questions.base import Array


class Library(NamedTuple):
    """A library, which is a column of the table."""

    name: str
    results: Callable[[Case], dict[str, Array]]
    packages: tuple[str, ...]

    def is_present(self) -> bool:
        """Whether the packages of the library are installed."""
        return all(importlib.util.find_spec(package) for package in self.packages)


def softgrad(case: Case) -> dict[str, Array]:
    """The public functions of softgrad."""
    import softgrad as sg

    z, y = case.logits, case.classes
    loss, grad = sg.cross_entropy_with_grad(z, y, reduction="none")
    squared, squared_grad = sg.squared_error_with_grad(z, y, reduction="none")
    return {
        "softmax": sg.softmax(z),
        "log_softmax": sg.log_softmax(z),
        "logsumexp": sg.logsumexp(z),
        "cross_entropy": loss,
        "cross_entropy gradient": grad,
        "squared_error": squared,
        "squared_error gradient": squared_grad,
        "kl_divergence": sg.kl_divergence(z, case.probs, reduction="none"),
    }


def torch(case: Case) -> dict[str, Array]:
    """torch.nn.functional, with gradients by autograd."""
    import torch
    from torch.nn import functional

    z = torch.from_numpy(case.logits.copy()).requires_grad_()
    y, t = torch.from_numpy(case.classes), torch.from_numpy(case.probs)
    loss = functional.cross_entropy(z, y, reduction="none")
    p, log_p = torch.softmax(z, 1), torch.log_softmax(z, 1)
    squared = 0.5 * ((p - functional.one_hot(y, z.shape[1]).to(z.dtype)) ** 2).sum(1)
    results = {
        "softmax": p,
        "log_softmax": log_p,
        "logsumexp": torch.logsumexp(z, 1),
        "cross_entropy": loss,
        "cross_entropy gradient": torch.autograd.grad(loss.sum(), z)[0],
        "squared_error": squared,
        "squared_error gradient": torch.autograd.grad(squared.sum(), z)[0],
        "kl_divergence": functional.kl_div(log_p, t, reduction="none").sum(1),
    }
    return {name: result.detach().numpy() for name, result in results.items()}


def jax(case: Case) -> dict[str, Array]:
    """jax.nn and optax.losses, with gradients by jax.grad."""
    import jax
    import optax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    z, y, t = jax.numpy.asarray(case.logits), jax.numpy.asarray(case.classes), jax.numpy.asarray(case.probs)

    def cross_entropy(z: jax.Array) -> jax.Array:
        return optax.losses.softmax_cross_entropy_with_integer_labels(z, y)

    def squared_error(z: jax.Array) -> jax.Array:
        return optax.losses.l2_loss(jax.nn.softmax(z), jax.nn.one_hot(y, z.shape[1], dtype=z.dtype)).sum(1)

    results = {
        "softmax": jax.nn.softmax(z),
        "log_softmax": jax.nn.log_softmax(z),
        "logsumexp": jax.nn.logsumexp(z, axis=1),
        "cross_entropy": cross_entropy(z),
        "cross_entropy gradient": jax.grad(lambda z: cross_entropy(z).sum())(z),
        "squared_error": squared_error(z),
        "squared_error gradient": jax.grad(lambda z: squared_error(z).sum())(z),
        "kl_divergence": optax.losses.kl_divergence(jax.nn.log_softmax(z), t),
    }
    return {name: np.asarray(result) for name, result in results.items()}


def scipy(case: Case) -> dict[str, Array]:
    """scipy.special: the losses are computed from its log_softmax, the gradients from its softmax."""
    from scipy import special

    z, y = case.logits, case.classes
    p, log_p = special.softmax(z, axis=1), special.log_softmax(z, axis=1)
    p_minus_t = p.copy()
    p_minus_t[np.arange(len(z)), y] -= 1
    return {
        "softmax": p,
        "log_softmax": log_p,
        "logsumexp": special.logsumexp(z, axis=1),
        "cross_entropy": -log_p[np.arange(len(z)), y],
        "cross_entropy gradient": p_minus_t,
        "squared_error": 0.5 * (p_minus_t**2).sum(axis=1),
        "squared_error gradient": p * (p_minus_t - (p_minus_t * p).sum(axis=1, keepdims=True)),
        "kl_divergence": special.rel_entr(case.probs, p).sum(axis=1),
    }


LIBRARIES = (
    Library("softgrad", softgrad, ("softgrad",)),
    Library("torch", torch, ("torch",)),
    Library("jax, optax", jax, ("jax", "optax")),
    Library("SciPy", scipy, ("scipy",)),
)
