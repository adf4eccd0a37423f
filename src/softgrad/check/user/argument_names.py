"""What an argument of a backward pass is, by its name: the upstream gradient, the output, a target."""

from __future__ import annotations

import re

OUTPUTS = (
    *("out", "output", "outputs", "y_hat", "y_pred", "ypred", "pred", "preds", "prediction", "predictions"),
    *("probs", "probabilities", "activation", "activations"),
)
TARGETS = ("y", "t", "y_true", "ytrue", "target", "targets", "label", "labels", "y_batch", "expected", "actual")
UPSTREAM = re.compile(r"(?!data|dim|depth|decay|debug|drop)d\w*|g|\w*(grad|error|delta|upstream|nabla)\w*")


def plain(name: str) -> str:
    """A name in lower case, without the underscores around it."""
    return name.strip("_").lower()


def is_upstream(name: str) -> bool:
    """Whether an argument of this name is the upstream gradient."""
    return UPSTREAM.fullmatch(plain(name)) is not None


def is_output(name: str) -> bool:
    """Whether an argument of this name is the output of the forward pass."""
    return plain(name) in OUTPUTS
