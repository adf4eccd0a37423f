import torch


class Conv1dUnfold(torch.autograd.Function):
    """x: (N, C, L), w: (O, C, K), no padding."""

    @staticmethod
    def forward(ctx, x, w, stride):
        K = w.shape[-1]
        cols = x.unfold(2, K, stride)                 # N, C, T, K
        y = torch.einsum("nctk,ock->not", cols, w)
        ctx.save_for_backward(x, w)
        ctx.stride = stride
        return y

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        K, s = w.shape[-1], ctx.stride
        cols = x.unfold(2, K, s)
        dw = torch.einsum("not,nctk->ock", dy, cols)
        dcols = torch.einsum("not,ock->nctk", dy, w)
        dx = torch.zeros_like(x)
        for t in range(dcols.shape[2]):
            dx[:, :, t * s:t * s + K] = dcols[:, :, t]
        return dx, dw, None


def case():
    torch.manual_seed(17)
    x = torch.randn(2, 2, 7, dtype=torch.float64)
    w = torch.randn(3, 2, 3, dtype=torch.float64)
    return Conv1dUnfold, (x, w, 2)


CAUSE = 'Overlapping windows are assigned and not added into the input gradient.'
LINE = 'dx[:, :, t * s:t * s + K] = dcols[:, :, t]'
SHOWS = "only when the windows overlap, i.e. stride < kernel size (so in the case's inputs)"
