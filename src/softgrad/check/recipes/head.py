"""What a head is: the few lines from the logits z to the output, and back from the gradient that arrives there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Head(NamedTuple):
    """An activation or a loss behind the logits."""

    title: str
    forward: tuple[str, ...]
    output: str
    backward: tuple[str, ...]
    upstream: str  # what the gradient that arrives at the output is called
    constants: Mapping[str, Any] = {}
    roles: Mapping[str, int] = {}  # further arrays of the user's that it reads
    at: str = "z"  # what the input is called: p where it holds probabilities, x where it is dropped from
