"""Hand-written backwards, right and wrong, to judge a gradient checker by.

Each file is a family. CASES has those of softmax, its losses and networks; a case says what was done wrong, and by what
name to call it. STRANGERS has code of other kinds, as people write it; a wrong case marks its wrong line too.
"""

from check.corpus import (
    deep_networks,
    exchanged,
    findings,
    labels_and_weights,
    layers,
    log_softmax,
    lookups,
    mixed_up,
    networks,
    norms,
    right,
    right_hard,
    right_networks,
    scale_and_sign,
    softmax,
    strangers_networks,
    strangers_recurrent,
    strangers_right_images,
    strangers_right_in_time,
    strangers_right_models,
    strangers_right_statistics,
    strangers_series,
    strangers_statistics,
    strangers_vision,
    strangers_words,
)
from check.corpus.case import UNNAMED, Case

FAMILIES = (
    softmax,
    log_softmax,
    scale_and_sign,
    mixed_up,
    exchanged,
    labels_and_weights,
    layers,
    norms,
    lookups,
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

STRANGE_FAMILIES = (
    strangers_recurrent,
    strangers_series,
    strangers_vision,
    strangers_words,
    strangers_networks,
    strangers_statistics,
    strangers_right_in_time,
    strangers_right_images,
    strangers_right_models,
    strangers_right_statistics,
)
STRANGERS = [case for file in STRANGE_FAMILIES for case in file.family.cases]

__all__ = ["CASES", "MISTAKES", "RIGHT", "STRANGERS", "UNNAMED", "Case"]
