"""linear_cross_entropy on the CPU: chunks of rows, dtypes, and the memory of the logits."""

import numpy as np
import pytest

import softgrad as sg
from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402

N, D, V = 70, 12, 37
OPTIONS = {
    "none": {},
    "bias": {"bias": True},
    "ignored rows": {"ignore_index": 5, "bias": True},
    "weight and smoothing": {"weight": np.linspace(0.1, 2, V), "label_smoothing": 0.1},
    "softcap": {"softcap": 2.0, "z_loss": 0.01},
    "probabilities": {"probabilities": True, "temperature": 2.0},
}
MEMORY = {"all rows": 2**20, "chunks": 20 * V * 8, "one row": V * 8}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("case", OPTIONS)
def test_agrees_with_arrays(case, memory, reduction):
    options = dict(OPTIONS[case])
    x, w = (torch.randn(n, D, dtype=torch.float64, requires_grad=True) for n in (N, V))
    b = torch.randn(V, dtype=torch.float64, requires_grad=True) if options.pop("bias", False) else None
    t = torch.softmax(torch.randn(N, V).double(), 1) if options.pop("probabilities", False) else torch.randint(V, (N,))
    bias = None if b is None else b.detach().numpy()
    right, grads = sg.linear_cross_entropy_with_grad(
        x.detach().numpy(), w.detach().numpy(), t.numpy(), bias, reduction=reduction, **options
    )
    options = {k: torch.tensor(v) if k == "weight" else v for k, v in options.items()}
    loss = st.linear_cross_entropy(x, w, t, b, reduction=reduction, max_memory=MEMORY[memory], **options)
    np.testing.assert_allclose(loss.detach().numpy(), right, rtol=1e-12)
    loss.sum().backward()
    for tensor, grad in zip((x, w, b), grads, strict=True):
        if tensor is not None:
            np.testing.assert_allclose(tensor.grad.numpy(), grad, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_dtypes(dtype, memory):
    """Against the same numbers in float64: bfloat16 logits are rounded to 8 bits, sums over chunks are not."""
    x, w = ((torch.randn(n, D) / 2).to(dtype).requires_grad_() for n in (N, V))
    t = torch.randint(V, (N,))
    loss = st.linear_cross_entropy(x, w, t, max_memory=MEMORY[memory])
    assert loss.dtype == torch.float32
    loss.backward()
    wide = [tensor.detach().double().requires_grad_() for tensor in (x, w)]
    right = st.linear_cross_entropy(*wide, t)
    right.backward()
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(loss.double(), right, rtol=4 * eps, atol=0)
    for tensor, exact in zip((x, w), wide, strict=True):
        assert tensor.grad.dtype == dtype
        torch.testing.assert_close(
            tensor.grad.double(), exact.grad, rtol=8 * eps, atol=8 * eps * exact.grad.abs().max().item()
        )


def test_bfloat16_is_summed_over_the_chunks_in_float32():
    """1 / N added N times in bfloat16 stops growing after 256 terms."""
    x = torch.ones(2048, 1, dtype=torch.bfloat16)
    w, bias = (torch.zeros(shape, dtype=torch.bfloat16, requires_grad=True) for shape in ((2, 1), (2,)))
    st.linear_cross_entropy(x, w, torch.zeros(2048, dtype=torch.long), bias, max_memory=8).backward()
    assert w.grad.tolist() == [[-0.5], [0.5]]
    assert bias.grad.tolist() == [-0.5, 0.5]


def test_the_buffer_holds_no_more_than_max_memory(buffer_sizes):
    for memory in (V * 4, 33 * V * 4, 2**20):
        st.linear_cross_entropy(torch.randn(N, D), torch.randn(V, D), torch.randint(V, (N,)), max_memory=memory)
        assert buffer_sizes[-1] <= memory
    assert buffer_sizes[-1] == N * V * 4


def test_ignored_rows_are_not_read():
    x = torch.randn(4, D)
    x[1] = torch.nan
    x.requires_grad_()
    st.linear_cross_entropy(x, torch.randn(V, D), torch.tensor([0, -100, 1, 2]), ignore_index=-100).backward()
    assert x.grad.isfinite().all()
    assert not x.grad[1].any()


def test_what_is_not_finite_shows_in_the_loss():
    x = torch.randn(4, D)
    x[1, 0] = torch.inf
    loss = st.linear_cross_entropy(x, torch.randn(V, D), torch.tensor([0, 1, 2, 3]), reduction="none")
    assert loss.isfinite().tolist() == [True, False, True, True]


def test_only_what_is_needed_is_computed():
    x, w = torch.randn(4, D, requires_grad=True), torch.randn(V, D)
    loss = st.linear_cross_entropy(x, w, torch.tensor([0, 1, 2, 3]))
    loss.backward()
    assert w.grad is None
    right = torch.nn.functional.cross_entropy(x.detach() @ w.T, torch.tensor([0, 1, 2, 3]))
    assert abs(loss.item() - right.item()) < 1e-5
