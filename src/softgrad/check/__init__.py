"""Gradients against numerical derivatives, and what was done wrong where they differ.

Nothing here uses softgrad's own functions: it must be able to judge them.

    checks.py        check_vjp and check_grad: start here; check.py runs one check
    subject.py       the user's functions, called on copies; arguments.py, returned.py, randomness.py: what passes
    numerical.py     derivatives with error estimates; verdict.py and judge.py hold a gradient against them
    behaviour.py     what the functions do beside computing; samples.py, draws.py: other inputs
    recipes/         the functions that are recognised; mistakes/: the catalogue of wrong lines
    backward.py      a recognised backward pass with wrong lines in it; diagnose.py: which of them explain the gradient
    unexplained.py   where none does: experiments.py
    report.py        what was found; report_text.py, report_html.py, report_plot.py: how it looks
    compare.py       every entry of a network's gradient before it is trained, by differences.py
"""

from importlib import import_module
from typing import TYPE_CHECKING

from softgrad.check.compare import GradientError, compare_gradients
from softgrad.check.differences import central_difference

if TYPE_CHECKING:
    from softgrad.check.checks import check_grad, check_vjp
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

_LATER = {"check_grad": "checks", "check_vjp": "checks", "Mistake": "report", "Place": "report", "Report": "report"}


def __getattr__(name: str) -> object:
    """The checker and its report, which are imported when they are first asked for: most programs never do."""
    if name not in _LATER:
        raise AttributeError(f"module 'softgrad.check' has no attribute {name!r}")
    return getattr(import_module(f"softgrad.check.{_LATER[name]}"), name)
