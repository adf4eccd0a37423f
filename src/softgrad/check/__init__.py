"""A checker of gradients: are they right, and if not, what was done wrong? It uses none of softgrad's own functions.

    api.py        check_vjp, check_grad and check_layer: start here
    layer/        an object with a forward and a backward pass, read as two functions
    pipeline.py   one check, step by step
    diagnose/     which gradients are wrong, and why
    locate/       the line of the user's backward pass where it goes wrong
    mutate/       which change of the right backward pass gives the user's gradients
    trace/        the graph of operations that the user's functions compute, and its exact gradient
    recognise/    which known function forward computes; its right backward pass is then known
    conduct/      what the functions do beside computing: types, state, overwritten arguments
    derivatives/  numerical derivatives with error estimates, and gradients judged by them
    sampling/     other inputs like those given
    report/       what was found, and how it is shown
    catalogue/    data: the mistakes, and the wrong lines that show them
    user/         the user's functions, called on copies

Each imports only from those below it. The language of the lines is softgrad.formulas.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softgrad.check.api import check_grad, check_layer, check_vjp
    from softgrad.check.derivatives.network import GradientError, compare_gradients
    from softgrad.check.report.mistake import Mistake, Place
    from softgrad.check.report.report import Report
    from softgrad.check.report.source import SourceLine

__all__ = [
    "GradientError",
    "Mistake",
    "Place",
    "Report",
    "SourceLine",
    "check_grad",
    "check_layer",
    "check_vjp",
    "compare_gradients",
]

# Imported when they are first asked for: most programs check nothing.
_LATER = {
    "check_grad": "api",
    "check_layer": "api",
    "check_vjp": "api",
    "GradientError": "derivatives.network",
    "compare_gradients": "derivatives.network",
    "Mistake": "report.mistake",
    "Place": "report.mistake",
    "Report": "report.report",
    "SourceLine": "report.source",
}

if not TYPE_CHECKING:  # so that a type checker reports an unknown name

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module 'softgrad.check' has no attribute {name!r}")
        return getattr(import_module(f"softgrad.check.{_LATER[name]}"), name)
