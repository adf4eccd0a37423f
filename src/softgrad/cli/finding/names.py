"""Which functions belong together, by their names: softmax and softmax_grad, cost and gradient, f and df.

A name is read as words. A function is a derivative if one of its words says so, or if its name is "d" and the name of
another function. Its partner is the function with the same words, without those that only say what it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from softgrad.cli.finding.word_sets import word_set

DERIVATIVE = word_set(
    "grad grads gradient gradients backward backwards bwd back backprop backpropagate backpropagation bprop derivative "
    "derivatives deriv der prime vjp jacobian jac"
)
LOSS = word_set(
    "loss losses cost costs objective error energy criterion nll mse mae bce rmse likelihood entropy divergence"
)
FORWARD = word_set(
    "forward fwd forwards feedforward activation function func fn fun value output loss losses cost costs objective "
    "criterion predict"
)
FILLERS = word_set(
    "compute computes calc calculate calculated get my the of a and with wrt pass prop propagation propagate step "
    "analytic analytical exact manual hand np numpy vectorized batch eval evaluate layer f alt naive fast slow loop "
    "loops im2col old new simple custom stable v1 v2"
)
OTHER = word_set(  # of functions that use or estimate a gradient
    "numeric numerical num check checks checker checking descent clip clipped apply update updates plot test tests "
    "train fit zero approx approximate approximation finite difference norm hist history optimizer optimize minimize "
    "init initialize main run demo save load print show true correct expected reference torch autograd"
)
OPERATIONS = {"clip", "norm"}
NORMS = word_set("batch layer group instance rms weight spectral")  # kinds of a layer that is called a norm


class Pairing(NamedTuple):
    """A derivative, and the functions that it may be the derivative of, the likeliest first."""

    derivative: str
    partners: tuple[str, ...]


def words(name: str) -> tuple[str, ...]:
    """The words of a name: "softmaxLoss_grad2" has softmax, loss, grad2."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return tuple(word for word in spaced.lower().split("_") if word)


def is_other(name: str) -> bool:
    """Whether a function only uses or estimates gradients: gradient_check, numerical_gradient."""
    own = set(words(name))
    return bool(OTHER & (own - {"norm"} if own & NORMS else own))


def is_derivative(name: str, names: Sequence[str]) -> bool:
    """Whether the name is that of a derivative, among the names of a file."""
    other = is_other(name) and not (_is_marked(name) and _operation(name) in names)
    return not other and (_is_marked(name) or _undotted(name, names) is not None)


def is_loss(name: str) -> bool:
    """Whether the name says that a number is returned."""
    return bool(LOSS & set(words(name))) or name in ("J",)


def pairings(names: Sequence[str]) -> list[Pairing]:
    """Every derivative among the names, in their order."""
    derivatives = [name for name in names if is_derivative(name, names)]
    operations = {_operation(name) for name in derivatives}
    others = [name for name in names if name not in derivatives and (not is_other(name) or name in operations)]
    return [Pairing(name, tuple(_partners(name, others, len(derivatives) == 1))) for name in derivatives]


def named_alike(pairing: Pairing) -> bool:
    """Whether a derivative and its first partner share a word that is their own: sigmoid, relu."""
    general = DERIVATIVE | FILLERS | FORWARD
    own = set(_without(words(pairing.derivative), general)) & set(_without(words(pairing.partners[0]), general))
    return bool(own) or _undotted(pairing.derivative, pairing.partners) is not None


def _partners(derivative: str, others: Sequence[str], alone: bool) -> list[str]:
    """The possible partners of a derivative; with `alone`, any function that says it is a forward pass."""
    dotted = _undotted(derivative, others)
    stem = words(derivative) if dotted is None else words(dotted)
    for leave_out in (DERIVATIVE, DERIVATIVE | FILLERS, DERIVATIVE | FILLERS | FORWARD):
        own = _without(stem, leave_out)
        same = [name for name in others if _without(words(name), leave_out) == own]
        if not own and len(same) > 1:
            same = [name for name in same if FORWARD & set(words(name))]
        if same:
            return sorted(same, key=lambda name: _mismatch(derivative, name))
    part = [name for name in others if set(words(name)) < set(_without(stem, DERIVATIVE | FILLERS))]
    if part:
        return sorted(part, key=lambda name: -len(words(name)))[:1]
    if alone and not _without(stem, DERIVATIVE | FILLERS | FORWARD):
        return [name for name in others if is_loss(name)] or (list(others) if len(others) == 1 else [])
    return []


def _mismatch(derivative: str, name: str) -> tuple[bool, bool, bool]:
    """Less for a likelier partner: rnn_backward belongs to rnn_forward, backward to forward, a gradient to a loss."""
    passes = DERIVATIVE | {"forward", "forwards", "fwd"}
    other = _without(words(name), passes) != _without(words(derivative), passes)
    backward = any(word.startswith(("back", "bwd", "vjp")) for word in words(derivative))
    return is_loss(name) is backward, other, not FORWARD & set(words(name))


def _operation(derivative: str) -> str:
    """The operation that a name such as clip_backward is the derivative of, whose name means something else alone."""
    own = _without(words(derivative), DERIVATIVE)
    return own[0] if len(own) == 1 and own[0] in OPERATIONS else ""


def _is_marked(name: str) -> bool:
    return bool(DERIVATIVE & set(words(name)))


def _undotted(name: str, names: Sequence[str]) -> str | None:
    """The function whose name follows a "d": dsoftmax, d_softmax, df_dx, dsigmoid."""
    lowered = {other.lower(): other for other in names if other != name}
    rest = re.fullmatch(r"(?:delta_|d_?)(\w+?)(_?d_?[a-z]\w?)?", name)
    if rest is None:
        return None
    return lowered.get(rest[1].lower())


def _without(all_words: Sequence[str], leave_out: frozenset[str]) -> tuple[str, ...]:
    return tuple(word for word in all_words if word not in leave_out)
