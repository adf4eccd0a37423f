"""Which name means the gradient of which: dW, grad_W, W_grad, dL_dW and weights_gradient all name that of a parameter.

A name is read without its leading underscores, so that _dW is the gradient of _W.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable

BEFORE = (  # what stands before the name of a parameter in the name of its gradient, the longest first
    *("derivative", "gradient", "partial", "nabla", "deriv", "delta", "grads", "dloss", "dcost", "grad"),
    *("dl", "dj", "de", "dc", "d", "g"),
)
AFTER = ("derivative", "gradients", "gradient", "grads", "deriv", "delta", "grad", "g", "d")
CONTAINERS = ("grads", "gradients", "grad", "gradient", "derivatives", "dparams", "param_grads")
SYNONYMS = (("w", "weight", "weights", "kernel", "kernels"), ("b", "bias", "biases"))
CANONICAL = {word: group[0] for group in SYNONYMS for word in group}


def rank(gradient: Hashable, parameter: Hashable) -> int | None:
    """How well a name fits as that of the gradient of a parameter: 0 is best, None is not at all.

    Args:
        gradient: such as "dW".
        parameter: such as "W", 0; "weights2", 2, since that is a W too.
    """
    if not isinstance(gradient, str) or not isinstance(parameter, str):
        return None
    wanted, stems = parameter.strip("_"), list(_stems(gradient.strip("_")))
    if not wanted:
        return None
    readings: tuple[Callable[[str], str], ...] = (str, _folded, _canonical)
    for worse, read in enumerate(readings):
        if read(wanted) in [read(stem) for stem in stems]:
            return worse
    return None


def is_container(name: Hashable) -> bool:
    """Whether a name is that of a dict or list of gradients, such as grads."""
    return isinstance(name, str) and name.strip("_").lower() in CONTAINERS


def among(names: Iterable[Hashable], parameter: Hashable) -> Hashable | None:
    """Of several names, the one that means the gradient of a parameter; its own name is one as well."""
    names = list(names)
    if parameter in names:
        return parameter
    ranked = [(fit, i) for i, name in enumerate(names) if (fit := rank(name, parameter)) is not None]
    return names[min(ranked)[1]] if ranked else None


def _stems(name: str) -> Iterable[str]:
    """What is left of a name without what makes it a gradient's: "dL_dW" gives "L_dW" and "W"."""
    for before in BEFORE:
        if name.lower().startswith(before) and len(name) > len(before):
            stem = name[len(before) :]
            yield stem.removeprefix("_")
            # dL_dW, dLoss_dW, and dLdW
            if before in ("dl", "dj", "de", "dc", "dloss", "dcost"):
                yield from (stem[len(d) :] for d in ("_d_", "_d", "d") if stem.startswith(d) and len(stem) > len(d))
    for after in AFTER:
        if name.lower().endswith(after) and len(name) > len(after):
            stem = name[: -len(after)]
            is_word = len(after) > 1
            if stem.endswith("_") or is_word:
                yield stem.removesuffix("_")


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _canonical(name: str) -> str:
    """The name with the usual word for what it names: "weights2" and "W_2" are "w2"."""
    word, number = re.fullmatch(r"(.*?)(\d*)", _folded(name), re.DOTALL).groups()  # type: ignore[union-attr]
    return CANONICAL.get(word, word) + number
