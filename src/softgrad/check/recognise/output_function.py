"""What may stand behind the logits z: a few lines to the output, and the lines back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class OutputFunction(NamedTuple):
    """An activation or a loss, computed from the logits."""

    title: str
    forward: tuple[str, ...]
    output: str  # the name of what the last line computes
    backward: tuple[str, ...]
    upstream: str  # the name of the gradient that arrives at the output
    constants: Mapping[str, Any] = {}
    roles: Mapping[str, int] = {}  # other arrays of the user that the lines use
    input: str = "z"  # the name of the input: p for probabilities, x for dropout
