"""Every idiom is traced, and the gradient of its graph is the numerical one."""

import inspect
import re

import numpy as np
import pytest

from check.trace import idioms
from check.trace.idioms import ARRAYS, EXPRESSIONS, FUNCTIONS
from check.trace.measured import functions_of, is_the_numerical_one
from softgrad.check.trace import trace_forward

SCIPY = {name: pytest.importorskip(f"scipy.{name}") for name in ("special", "linalg", "signal", "stats")}
SCIPY["distance"] = pytest.importorskip("scipy.spatial.distance")


def traced(function, names):
    functions = functions_of(function, tuple(ARRAYS[name] for name in names), names=names)
    arrays = functions.arrays()
    output = functions.output(arrays)
    idioms.CACHE[...] = 0
    graph = trace_forward(functions, arrays)
    assert not idioms.CACHE.any()
    assert type(idioms.CACHE) is np.ndarray
    assert graph is not None
    assert graph.untraced == ()
    np.testing.assert_allclose(graph.output.value, output, rtol=1e-12)
    upstream = np.random.default_rng(1).normal(size=output.shape)
    assert is_the_numerical_one(functions, arrays, graph.gradients(upstream), upstream)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression(expression):
    names = [name for name in ARRAYS if re.search(rf"(?<![\w.\"']){name}\b(?!\s*=[^=])", expression)]
    known = {**vars(idioms), **SCIPY}
    traced(eval(f"lambda {', '.join(names)}: {expression}", known), names)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_function(function):
    traced(function, list(inspect.signature(function).parameters))
