"""The line where a backward pass goes wrong is found in many styles of code, and told in words."""

from functools import cache

import numpy as np
import pytest

import softgrad as sg
from check.locate import formulas_in_styles, loops_and_objects  # noqa: F401 (they fill STYLES)
from check.locate.styles import STYLES
from sampled import every

CHECKS = {"vjp": sg.check_vjp, "grad": sg.check_grad, "both": sg.check_grad}


@cache
def report_on(name):
    kind, function, derivative, inputs, options = STYLES[name].make(np.random.default_rng(0))
    options = {key: value for key, value in options.items() if key == "wrt"}
    return CHECKS[kind](function, derivative, *inputs, **options)


@pytest.mark.parametrize("name", every(2, STYLES))
def test_the_line_is_found(name):
    report = report_on(name)
    assert report.ok is False
    assert report.backward_line is not None
    assert report.backward_line.number in STYLES[name].lines, report.backward_line.shown
    assert report.backward_line.file == STYLES[name].make.__code__.co_filename
