"""Known functions that are no chain of layers and an output function.

A function of these uses every input. Arrays that forward holds, such as the gamma of a layer object, it may use or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from softgrad.check.recognise.attention import attentions, lookups
from softgrad.check.recognise.interpretation import UserArray
from softgrad.check.recognise.known_function import KnownFunction
from softgrad.check.recognise.normalisation import norms
from softgrad.check.recognise.penalties import penalties
from softgrad.formulas.numbers import Array

FAMILIES = (norms, attentions, lookups, penalties)


def matching(
    arrays: Sequence[UserArray], output: Array, context: Mapping[str, Any], rtol: float
) -> Iterator[KnownFunction | None]:
    """The functions of all families that give the output; None for each that does not."""
    plain = [one.array for one in arrays]
    for family in FAMILIES:
        for function in family(arrays, output, context):
            yield function if function.matches(plain, output, rtol=rtol) else None
