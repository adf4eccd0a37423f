"""Functions of tensors as the bridge traces them."""

import numpy as np

import softgrad.check.trace.run  # noqa: F401  # its tables
from conftest import load

torch = load("torch")

import sys  # noqa: E402

from softgrad.check.trace.array import node_of  # noqa: E402
from softgrad.check.trace.graph import Graph  # noqa: E402
from softgrad.check.trace.replacements import replaced  # noqa: E402
from softgrad.check.trace.run import _argument  # noqa: E402
from softgrad.check.trace.session import Session, recorded  # noqa: E402
from softgrad.torch.checking.bridge import tensors  # noqa: E402


def graph_of(function, *arrays, requires_grad=True):
    """The graph of a function of tensors, the inputs by their number."""
    session = Session(sys._getframe())
    with np.errstate(all="ignore"), replaced(), recorded(session):
        inputs = {(i,): session.node("input", (), one, active=True) for i, one in enumerate(arrays)}
        given = [_argument(node, node.value) for node in inputs.values()]
        with tensors() as memory:
            output = function(*[memory.tensor(one).requires_grad_(requires_grad) for one in given])
            node = node_of(session, memory.array(output))
    return Graph(session.nodes, inputs, node, tuple(session.untraced))


def torchs(function, *arrays, is_linear=False):
    """The result of a function of tensors, an upstream gradient, and the gradients by torch."""
    given = [torch.tensor(one, requires_grad=not is_linear) for one in arrays]
    output = function(*given)
    upstream = np.random.default_rng(3).normal(size=output.shape)
    above = torch.tensor(upstream, dtype=output.dtype)
    if is_linear:
        return output.numpy(), upstream, [function(above).numpy()]
    grads = torch.autograd.grad(output, given, above, allow_unused=True)
    zeros = [np.zeros(np.shape(one)) for one in arrays]
    found = [zero if g is None else g.numpy(force=True) for zero, g in zip(zeros, grads, strict=True)]
    return output.detach().numpy(), upstream, found
