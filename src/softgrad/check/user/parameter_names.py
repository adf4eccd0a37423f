"""Names of parameters: W, W1, W_hidden, bias, gamma. Functions that take data and parameters name them so."""

from __future__ import annotations

import re

NAMES = re.compile(r"(?:[wb](?:_?[a-z]{1,2}|_[a-z]+)?|weights?|bias(?:es)?|kernels?|gamma|beta|theta|params?)[_\d]*")


def is_parameter(name: str) -> bool:
    """Whether an array of this name is a parameter rather than data; of "layer1.W", the last part counts."""
    return NAMES.fullmatch(re.split(r"[.\[\]'\"]+", name.strip("'\"[]"))[-1].strip("_").lower()) is not None
