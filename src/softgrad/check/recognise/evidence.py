"""Whether the numbers show that forward computes a function: on a few numbers, many functions are the same.

Softmax of one class is the constant 1, ReLU of positive numbers is the identity, and a dense layer of one feature and
one sample is a product. So a function that fits is recognised only if

    its inputs show           forward depends on every array that the lines use
    its lines show            softmax has two classes, ReLU has numbers on both sides of 0, a dense layer has a sum;
                              norms and lengths look at that themselves
    others are ruled out      (numbers - constants) * digits >= log10(tries) + 6

`numbers` counts the different numbers in the outputs that are compared, `constants` those that were read off them (a
slope, a factor), and `digits` the digits to which a number has to agree. A function outside the table then passes by
chance once in a million searches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from softgrad.check.recognise.known_function import KnownFunction
from softgrad.formulas.language import Names
from softgrad.formulas.numbers import Array

Drawn = tuple[Sequence[Array], Array]  # the user's arrays, and the output at them

SPARE_DIGITS = 6
READ_OFF = ("slope", "alpha", "keep", "reg", "T", "epsilon")  # constants that may have been read off the output
KINK = re.compile(r"(?:relu|where|abs)\(([zW]\d*)\b")  # relu(z1), where(z > 0, ...), abs(W)


def is_shown(function: KnownFunction, drawn: Sequence[Drawn], *, tries: int, rtol: float) -> bool:
    """Whether the outputs show that it is this function.

    Args:
        function: a function that gives these outputs.
        drawn: the user's arrays and the output, several times.
        tries: how many functions were tried.
        rtol: the relative error within which an output has to agree.
    """
    forward = [function.forward(arrays) for arrays, _ in drawn]
    return (
        _others_are_ruled_out(function, [output for _, output in drawn], tries, rtol)
        and _lines_show(function, forward)
        and all(any(_depends_on(function, name, *one, rtol) for one in drawn) for name in _used(function))
    )


def _used(function: KnownFunction) -> list[str]:
    """The roles of the arrays that the forward lines use."""
    text = " ".join((*function.to_logits, *function.from_logits))
    return [name for name in function.roles if re.search(rf"\b{name}\b", text)]


def _others_are_ruled_out(function: KnownFunction, outputs: Sequence[Array], tries: int, rtol: float) -> bool:
    values = np.concatenate([np.ravel(output) for output in outputs])
    size = np.abs(values).max(initial=0.0)
    numbers = len(np.unique(np.round(values / size, 7))) if size else 0
    constants = sum(name in function.constants for name in READ_OFF if name != "T" or outputs[0].ndim)
    return bool((numbers - constants) * -np.log10(rtol) >= np.log10(tries) + SPARE_DIGITS)


def _lines_show(function: KnownFunction, forward: Sequence[Names]) -> bool:
    lines = (*function.to_logits, *function.from_logits)
    if any("softmax(" in line for line in lines) and forward[0]["K"] < 2:
        return False
    for line in lines:
        for name in KINK.findall(line):
            seen = np.concatenate([np.ravel(names[name]) for names in forward])
            if not ((seen > 0).any() and (seen < 0).any()):
                return False
    for product in function.to_logits:
        if " @ " in product and all(_is_one_product(function, names) for names in forward):
            return False
    return True


def _is_one_product(function: KnownFunction, names: Names) -> bool:
    """Whether there is one sample of one feature, so that nothing is summed."""
    return bool("x" in names and names["m"] == 1 and np.size(names["x"]) == 1)  # attention has q, k and v


def _depends_on(function: KnownFunction, name: str, arrays: Sequence[Array], output: Array, rtol: float) -> bool:
    """Whether other numbers in one array give another output."""
    changed = list(arrays)
    changed[function.roles[name]] = _other_numbers(arrays[function.roles[name]])
    return not function.matches(changed, output, rtol=rtol)


def _other_numbers(array: Array) -> Array:
    """Other numbers of the same kind: the next class, the opposite of a mask, real numbers times different factors."""
    if array.dtype.kind == "b":
        return ~array
    if array.dtype.kind in "iu" or np.isin(array, (0, 1)).all():
        top = array.max(initial=0)
        return np.where(array < 0, array, (array + 1) % (top + 1)) if top else 1 - array
    factors = np.linspace(0.5, 1.5, array.size).reshape(array.shape)
    return np.where(array == 0, factors, array * factors)
