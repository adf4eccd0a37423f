"""Hand-written backwards, right and wrong, to judge a gradient checker by.

Each file is a family. CASES has all; a case says what was done wrong, and by what name to call it.
"""

from check.corpus import (
    deep_networks,
    findings,
    labels_and_weights,
    layers,
    log_softmax,
    mixed_up,
    networks,
    right,
    right_hard,
    right_networks,
    scale_and_sign,
    softmax,
)
from check.corpus.case import UNNAMED, Case

FAMILIES = (
    softmax,
    log_softmax,
    scale_and_sign,
    mixed_up,
    labels_and_weights,
    layers,
    networks,
    deep_networks,
    findings,
    right,
    right_hard,
    right_networks,
)
CASES = [case for file in FAMILIES for case in file.family.cases]
MISTAKES = [case for case in CASES if case.mistake]
RIGHT = [case for case in CASES if not case.mistake]

__all__ = ["CASES", "MISTAKES", "RIGHT", "UNNAMED", "Case"]
