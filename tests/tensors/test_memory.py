"""Tensors as arrays over the same memory: whatever the layout and the dtype, and the tensor stays as it was."""

import numpy as np
import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.torch.memory import NAMES, to_array  # noqa: E402

LAYOUTS = {
    "C order": lambda t: t,
    "transposed": lambda t: t.T,
    "every second": lambda t: t[:, ::2],
    "expanded": lambda t: t[:1].expand(3, -1),
    "a part": lambda t: t[1:],
    "one entry": lambda t: t[0, 0],
    "no entries": lambda t: t[:0],
}
W = torch.randn(5, 4)
CALLS = {
    "softmax": lambda z, y: st.softmax(z),
    "log_softmax": lambda z, y: st.log_softmax(z),
    "logsumexp": lambda z, y: st.logsumexp(z),
    "cross_entropy": lambda z, y: st.cross_entropy(z, y),
    "cross_entropy of each row": lambda z, y: st.cross_entropy(z, y, reduction="none"),
    "linear_cross_entropy": lambda z, y: st.linear_cross_entropy(W, z[:, :4], y, z[:, 4].contiguous()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [*NAMES, "bfloat16"])
def test_an_array_shares_the_memory(dtype, layout):
    tensor = LAYOUTS[layout](torch.arange(12).view(3, 4).to(getattr(torch, dtype)))
    array = to_array(tensor)
    assert (array.shape, array.dtype.name) == (tuple(tensor.shape), dtype)
    assert np.array_equal(array.astype(float), tensor.double().numpy())
    if array.size:
        array[...] = 0
        assert not tensor.double().any()


def test_zeros_without_memory():
    assert np.array_equal(to_array(torch._efficientzerotensor(3)), np.zeros(3))


def test_an_array_keeps_its_tensor():
    arrays = [to_array(torch.full((1000,), float(i))) for i in range(50)]
    assert [array.mean() for array in arrays] == list(range(50))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_memory_of_arguments_can_be_resized(call, dtype):
    z, y = torch.randn(5, 5, dtype=torch.float32).to(dtype).requires_grad_(), torch.arange(5)
    for _ in range(2):  # the second call of a loss goes a shorter way
        CALLS[call](z, y).sum().backward()
    z.untyped_storage().resize_(0)
    y.untyped_storage().resize_(0)
