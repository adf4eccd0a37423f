"""Every forward pass of the corpus is traced, and the gradient of its graph is the numerical one."""

import numpy as np
import pytest

from check.corpus import CASES, STRANGERS
from check.corpus.case import Case
from check.trace.measured import is_the_numerical_one
from softgrad.check.trace import trace_backward, trace_forward
from softgrad.check.user.functions import UserFunctions

LOST = {  # name: why the trace is lost
    "gathered in the type of the logits": "the output is an integer",
    "integer logits": "an integer input",
    "float32 loss": "a float32 scalar",
    "convolution by fourier": "complex numbers",
}


def functions_of(case: Case):
    forward, backward, inputs = case.make(np.random.default_rng(0))
    wrt = case.options.get("wrt", 0)
    return UserFunctions(
        f"check_{case.kind}", forward, backward, inputs, takes_upstream=case.kind == "vjp", names=None,
        wrt=None if case.kind == "vjp" else [wrt] if isinstance(wrt, int) else list(wrt), max_calls=10_000,
    )  # fmt: skip


HARD = {  # the differences, not the trace, are at fault
    "squares of 1e8": "rounding",
    "dropout by global numbers": "another mask at every call",
    "float32 only": "float32",
    "matrix factorisation": "indices among the floats",
    "student embedding": "a maximum at 0",
    "zero by zero": "NaN",
    "logarithm of 0": "NaN",
    "inputs of 1e minus 8": "steps larger than the inputs",
}
TRACED = [case for case in (*CASES, *STRANGERS) if case.name not in LOST and case.name not in HARD]


@pytest.mark.parametrize("case", TRACED, ids=lambda case: case.name)
def test_the_gradient_of_the_graph_is_the_numerical_one(case):
    functions = functions_of(case)
    arrays = functions.arrays()
    output = functions.output(arrays)
    upstream = np.random.default_rng(1).normal(size=output.shape) if case.kind == "vjp" else np.ones(())
    graph = trace_forward(functions, arrays)
    assert graph is not None
    assert graph.untraced == ()
    np.testing.assert_allclose(graph.output.value, output, rtol=1e-14)
    assert is_the_numerical_one(functions, arrays, graph.gradients(upstream), upstream)
    trace = trace_backward(functions, arrays, upstream)
    assert trace is not None
