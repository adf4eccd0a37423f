import torch
import torch.nn.functional as F


@torch.library.custom_op("corpus2::causal_dwconv", mutates_args=())
def causal_dwconv(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Depthwise causal conv (Mamba style). x: (B, C, T), w: (C, K)."""
    K = w.shape[1]
    xp = F.pad(x, (K - 1, 0))
    return torch.einsum("bctk,ck->bct", xp.unfold(2, K, 1), w)


@causal_dwconv.register_fake
def _(x, w):
    return torch.empty_like(x)


def _bwd(ctx, dy):
    x, w = ctx.saved_tensors
    C, K = w.shape
    T = x.shape[2]
    # input gradient: correlate with the flipped kernel, looking ahead
    dyp = F.pad(dy, (0, K - 1))
    dx = torch.einsum("bctk,ck->bct", dyp.unfold(2, K, 1), w.flip(1))
    dw = torch.empty_like(w)
    for k in range(K):
        dw[:, k] = (dy[:, :, k:] * x[:, :, :T - k]).sum((0, 2))
    return dx, dw


causal_dwconv.register_autograd(
    _bwd, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs)
)


def case():
    torch.manual_seed(87)
    return causal_dwconv, (torch.randn(2, 2, 5, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64))


CAUSE = 'The taps of the weight gradient come out in reversed order.'
LINE = 'dw[:, k] = (dy[:, :, k:] * x[:, :, :T - k]).sum((0, 2))'
SHOWS = 'always (for a kernel longer than 1)'
