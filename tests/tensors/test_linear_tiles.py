"""linear_cross_entropy of bfloat16 in tiles: some rows and some classes at a time."""

import numpy as np
import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.torch.cpu_linear import tiles  # noqa: E402

N, D, V = 70, 8, 300
TINY = 40 * 40 * 2  # bytes of a tile of 40 rows and 40 classes
OPTIONS = {
    "none": {},
    "bias": {"bias": True},
    "a masked class": {"bias": True, "masked": True},
    "ignored rows": {"ignore_index": 5, "bias": True},
    "weight": {"weight": np.linspace(0, 2, V)},
    "z_loss": {"z_loss": 0.01, "weight": np.linspace(0.1, 2, V)},
    "temperature": {"temperature": 0.5},
    "softcap": {"softcap": 2.0, "z_loss": 0.01},
}


def inputs(case, dtype=torch.bfloat16):
    """Numbers whose logits are exact in bfloat16: multiples of 1/4 below 32."""
    options, draw = dict(OPTIONS[case]), torch.Generator().manual_seed(0)
    x = torch.randint(-1, 2, (N, D), generator=draw).to(dtype)
    w = (torch.randint(-8, 9, (V, D), generator=draw) / 4).to(dtype)
    bias = None
    if options.pop("bias", False):
        bias = (torch.randint(-8, 9, (V,), generator=draw) / 4).to(dtype)
        bias[[3, 299]] = -torch.inf if options.pop("masked", False) else 0
    y = torch.randint(4, V - 1, (N,), generator=draw)
    if "ignore_index" in options:
        y[::5] = 5
    if "weight" in options:
        options["weight"] = torch.tensor(options["weight"])
    leaves = [None if t is None else t.requires_grad_() for t in (x, w, bias)]
    return leaves, y, options


def gradients(case, dtype, reduction, max_memory):
    leaves, y, options = inputs(case, dtype)
    x, w, bias = leaves
    loss = st.linear_cross_entropy(x, w, y, bias, reduction=reduction, max_memory=max_memory, **options)
    upstream = torch.linspace(-1, 2, N)[: loss.numel()].to(loss.dtype).reshape(loss.shape) if loss.ndim else None
    loss.backward(upstream)
    return loss.detach(), [None if t is None else t.grad for t in leaves]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("case", OPTIONS)
def test_agrees_with_float64(case, reduction, monkeypatch):
    calls = []
    original = tiles.run
    monkeypatch.setattr(tiles, "run", lambda *arguments: calls.append(1) or original(*arguments))
    loss, grads = gradients(case, torch.bfloat16, reduction, TINY)
    assert calls
    right, exact = gradients(case, torch.float64, reduction, 2**26)
    torch.testing.assert_close(loss.double(), right, rtol=1e-6, atol=0)
    # Each g and each product is rounded to bfloat16, within 2^-8 of itself, and so is the gradient.
    size = sizes_of_terms(case, reduction)
    for grad, wanted, terms in zip(grads, exact, size, strict=True):
        if wanted is not None:
            assert grad.dtype == torch.bfloat16
            assert ((grad.double() - wanted).abs() <= 3.02 * 2**-8 * terms + 1e-30).all()


def sizes_of_terms(case, reduction):
    """sum_j |g_j w_jd|, sum_i |g_ij x_id| and sum_i |g_ij|, with g of float64."""
    (x, w, bias), y, options = inputs(case, torch.float64)
    z = torch.nn.functional.linear(x, w, bias).detach().requires_grad_()
    loss = st.cross_entropy(z, y, reduction=reduction, **options)
    loss.backward(torch.linspace(-1, 2, N).double() if loss.ndim else None)
    g = z.grad.abs()
    return g @ w.detach().abs(), g.T @ x.detach().abs(), g.sum(dim=0)


@pytest.mark.parametrize("slip", ["no shrinking", "maximum of the last tile", "targets of other rows"])
def test_a_planted_slip_is_caught(slip, monkeypatch):
    see, targets = tiles.RowSums.see, tiles.RowSums.targets

    def wrong(self, tile, logits):
        if slip == "maximum of the last tile":
            self.max[tile.rows] = -np.inf
        see(self, tile, logits)

    def of_other_rows(self, tile):
        row, column = targets(self, tile)
        return row[::-1].copy(), column

    if slip == "no shrinking":
        monkeypatch.setattr(tiles.RowSums, "_below", lambda self, logits, largest: np.zeros(len(logits)))
    elif slip == "targets of other rows":
        monkeypatch.setattr(tiles.RowSums, "targets", of_other_rows)
    monkeypatch.setattr(tiles.RowSums, "see", wrong)
    with pytest.raises(AssertionError):
        test_agrees_with_float64("none", "mean", monkeypatch)


def test_a_confident_row_is_exact():
    """p_y is near 1, and its loss and its gradient are near 39 exp(-20), far below an ulp of 1."""
    K = 40
    x = torch.eye(K).bfloat16().requires_grad_()
    w = (20 * torch.eye(K)).bfloat16().requires_grad_()
    loss = st.linear_cross_entropy(x, w, torch.arange(K), reduction="sum", max_memory=16 * 16 * 2)
    exact = np.log1p(39 * np.exp(-20.0))
    assert loss.item() / K == pytest.approx(exact, rel=1e-6)
    loss.backward()
    assert w.grad.diagonal().float().numpy() == pytest.approx(-39 * np.exp(-20.0), rel=2**-8)


def test_a_row_that_is_masked_whole_is_nan_and_no_other():
    bias = torch.full((V,), -torch.inf).bfloat16()
    x, w = torch.tensor([[torch.nan], [1.0], [2.0]]).bfloat16().requires_grad_(), torch.ones(V, 1).bfloat16()
    y = torch.tensor([7, 7, 7])
    assert st.linear_cross_entropy(x, w, y, bias, reduction="none", max_memory=V * 4).isnan().all()
    bias[7] = 0
    loss = st.linear_cross_entropy(x, w, y, bias, reduction="none", max_memory=V * 4)
    assert loss.isnan().tolist() == [True, False, False]
    loss[1:].sum().backward()
    assert x.grad[1:].tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("memory", [2, 64, TINY, 2**20])
def test_the_buffer_holds_no_more_than_max_memory(memory, monkeypatch):
    sizes = []
    original = tiles.Tiles.new_buffer

    def watched(self):
        buffer = original(self)
        sizes.append(buffer.nbytes)
        return buffer

    monkeypatch.setattr(tiles.Tiles, "new_buffer", watched)
    (x, w, _), y, _ = inputs("none")
    st.linear_cross_entropy(x, w, y, max_memory=max(memory, V * 4))
    assert sum(sizes) <= max(memory, V * 4)
    assert sizes or memory == 2**20


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_logits_that_are_kept_are_not_computed_again(reduction, monkeypatch):
    monkeypatch.setattr(tiles, "SMALLEST", TINY), monkeypatch.setattr(tiles, "LARGEST", TINY)
    products, original = [], tiles.Problem.logits
    monkeypatch.setattr(tiles.Problem, "logits", lambda *of: products.append(1) or original(*of))
    found, calls = [], []
    for tiles_in_memory in (1, 4, 100):
        products.clear()
        found.append(gradients("bias", torch.bfloat16, reduction, tiles_in_memory * TINY))
        calls.append(len(products))
    assert calls[0] - calls[1] == 3 and calls[0] - calls[2] == tiles.KEPT
    for loss, grads in found[1:]:
        assert torch.equal(loss, found[0][0]) and all(map(torch.equal, grads, found[0][1]))
    products.clear()
    (x, w, bias), y, _ = inputs("bias")
    with torch.no_grad():
        st.linear_cross_entropy(x, w, y, bias, max_memory=100 * TINY)
    assert len(products) == calls[0] // (2 if reduction == "mean" else 3)


def test_only_what_is_needed_is_computed():
    (x, w, _), y, _ = inputs("none")
    for needed in (x, w):
        loss = st.linear_cross_entropy(*(t if t is needed else t.detach() for t in (x, w)), y, max_memory=TINY)
        (grad,) = torch.autograd.grad(loss, needed)
        (both,) = torch.autograd.grad(st.linear_cross_entropy(x, w, y, max_memory=TINY), needed)
        assert torch.equal(grad, both)
