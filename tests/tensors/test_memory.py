"""Tensors as arrays over the same memory: whatever the layout and the dtype, and the tensor stays as it was."""

import numpy as np
import pytest

from conftest import load

torch = load("torch")

import softgrad as sg  # noqa: E402
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
    "token_log_probs": lambda z, y: sum(st.token_log_probs(z, y)),
    "linear_token_log_probs": lambda z, y: sum(st.linear_token_log_probs(W, z[:, :4], y, z[:, 4].contiguous())),
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


VIEWS = {  # tensors without memory, whose address is their offset
    "freed": lambda: freed(torch.randn(3, 5, 5)[1]),
    "freed float64": lambda: freed(torch.randn(3, 5, 5, dtype=torch.float64)[2]),
}


def freed(tensor):
    tensor.untyped_storage().resize_(0)
    return tensor


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("call", CALLS)
def test_a_view_of_freed_memory_is_an_error(call, view):
    CALLS[call](torch.randn(5, 5), torch.arange(5))  # the second call of a loss goes a shorter way
    CALLS[call](torch.randn(5, 5, dtype=torch.float64), torch.arange(5))
    with pytest.raises((sg.DataError, RuntimeError), match=r"0 bytes|storage of size 0"):  # ours, or torch's
        CALLS[call](VIEWS[view](), torch.arange(5))


@pytest.mark.parametrize("call", [name for name in CALLS if "softmax" not in name and name != "logsumexp"])
def test_a_target_in_freed_memory_is_an_error(call):
    z = torch.randn(5, 5)
    CALLS[call](z, torch.arange(5))
    with pytest.raises(
        sg.DataError, match=r"^softgrad.torch: the storage of a tensor of shape \(5,\) has 0 bytes, wanted"
    ):
        CALLS[call](z, freed(torch.arange(10)[5:]))


@pytest.mark.parametrize("call", CALLS)
def test_a_view_of_zeros_without_memory(call):
    y = torch.arange(5)
    want = CALLS[call](torch.zeros(5, 5), y)
    got = CALLS[call](torch._efficientzerotensor(3, 5, 5)[1], y)
    for one, other in zip(*(both if isinstance(both, tuple) else (both,) for both in (got, want)), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_memory_at_an_odd_address(dtype):
    z, y = torch.randn(4, 5).to(dtype), torch.arange(4)
    odd_z = torch.frombuffer(bytearray(b"_" + z.view(torch.uint8).numpy().tobytes()), dtype=dtype, offset=1)
    odd_y = torch.frombuffer(bytearray(b"_" + y.numpy().tobytes()), dtype=torch.int64, offset=1)
    for _ in range(2):
        assert torch.equal(st.cross_entropy(odd_z.view(4, 5), odd_y), st.cross_entropy(z, y))
