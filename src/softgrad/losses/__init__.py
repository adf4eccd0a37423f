"""Losses of logits, each with its closed-form first and second derivatives: one file per loss."""

from typing import TYPE_CHECKING

from softgrad.losses._options import LossOptions as LossOptions
from softgrad.losses._results import *
from softgrad.losses.cross_entropy import *
from softgrad.losses.focal_loss import *
from softgrad.losses.kl_divergence import *
from softgrad.losses.linear import *
from softgrad.losses.squared_error import *

if not TYPE_CHECKING:  # type checkers follow the imports
    _OTHERS = {"TYPE_CHECKING", "linear"}
    __all__ = sorted(name for name in globals() if not name.startswith("_") and name not in _OTHERS)
