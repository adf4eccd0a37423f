"""Layer objects in every style are traced, forwards and backwards: their arrays are held by objects."""

import numpy as np
import pytest

from check.layer import networks, ways_to_write, where_gradients_are  # noqa: F401 (they fill STYLES)
from check.layer.objects import STYLES
from check.trace.measured import is_the_numerical_one
from softgrad.check.layer.functions import LayerFunctions
from softgrad.check.trace import trace_backward
from softgrad.check.user.functions import UserFunctions

RANDOM = {"dropout by the global generator"}  # another mask at every call of forward by hand


@pytest.mark.parametrize("name", sorted(STYLES.keys() - RANDOM))
def test_a_layer(name):
    layer, inputs, options = STYLES[name][0]()
    found = LayerFunctions(
        layer, inputs, names=None, gradients=options.get("gradients"),
        forward=options.get("forward"), backward=options.get("backward"), loss=options.get("loss"),
    )  # fmt: skip
    functions = UserFunctions(
        "check_layer", found.forward, found.backward, found.inputs, takes_upstream=found.takes_upstream,
        names=found.names, wrt=None, generators=found.generators, max_calls=10_000, called=found.called,
        holds=found.holds, data=found.data,
    )  # fmt: skip
    arrays = functions.arrays()
    output = functions.output(arrays)
    upstream = np.random.default_rng(1).normal(size=output.shape) if found.takes_upstream else np.ones(())
    trace = trace_backward(functions, arrays, upstream)
    assert trace.untraced == ()
    assert is_the_numerical_one(functions, arrays, trace.graph.gradients(upstream), upstream)
    for key, gradient in functions.gradients(arrays, upstream).grads.items():
        assert trace.returned[key].active
        np.testing.assert_allclose(trace.returned[key].value, gradient, rtol=1e-12)
    assert all("softgrad/check/layer" not in call.file for node in trace.nodes for call in node.callers)
