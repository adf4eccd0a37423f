"""What torch refuses: a backward pass that returns a wrong number of gradients, or gradients of other shapes."""

from __future__ import annotations

import re

import numpy as np

from softgrad.check.report.findings import plain_mistake
from softgrad.check.report.report import Report
from softgrad.errors import CheckError
from softgrad.torch.checking.places import line_of_return
from softgrad.torch.checking.subject import Subject

COUNT = re.compile(r"returned an incorrect number of gradients \(expected (\d+), got (\d+)\)")
NO_TENSOR = re.compile(r"gradient different than None at position (\d+), but the corresponding forward input was not")
SHAPE = re.compile(
    r"invalid gradient at index (\d+) - got (\[[\d, ]*\]) but expected shape compatible with (\[[\d, ]*\])"
)


def refused(function: str, error: CheckError, subject: Subject) -> Report:
    """The report on a backward pass whose gradients torch refuses.

    Args:
        function: the public function that the user called.
        error: what the check raised.
        subject: what is checked.

    Raises:
        CheckError: that error, where it says something else.
    """
    said = str(error.__cause__ or "")
    count, shape, no_tensor = COUNT.search(said), SHAPE.search(said), NO_TENSOR.search(said)
    if count is not None:
        takes = "" if not subject.before else ", one for each argument of forward after ctx"
        evidence = f"backward returns {count[2]}, wanted {count[1]}{takes}"
        mistake = plain_mistake("wrong-number-of-gradients", evidence)
    elif shape is not None:
        evidence = f"the gradient at position {shape[1]} has the shape {shape[2]}, wanted {shape[3]}"
        mistake = plain_mistake("wrong-shape", evidence)
    elif no_tensor is not None:
        evidence = (
            f"the value at position {no_tensor[1]}, counted from 1, is a gradient, and that argument is no tensor"
        )
        mistake = plain_mistake("gradient-of-no-tensor", evidence)
    else:
        raise error
    line = None if subject.method is None else line_of_return(subject.method)
    return Report(function, False, np.nan, mistakes=(mistake,), backward_line=line)
