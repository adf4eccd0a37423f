"""Gradients against numerical derivatives, and what was done wrong where they differ.

Nothing here uses softgrad's own functions: it must be able to judge them.
"""

from softgrad.check.checks import check_grad, check_vjp
from softgrad.check.compare import GradientError, compare_gradients
from softgrad.check.differences import central_difference
from softgrad.check.report import Mistake, Place, Report

__all__ = [
    "GradientError",
    "Mistake",
    "Place",
    "Report",
    "central_difference",
    "check_grad",
    "check_vjp",
    "compare_gradients",
]
