import torch


class MovingSum(torch.autograd.Function):
    """Sum over a sliding window of length w along the last dim of a (B, T) batch, stride 1."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.w, ctx.T = w, x.shape[-1]
        return x.unfold(-1, w, 1).sum(-1)

    @staticmethod
    def backward(ctx, grad_out):
        B, n = grad_out.shape
        w, T = ctx.w, ctx.T
        grad_x = grad_out.new_zeros(B, T)
        # windows of grad_x, shifted by one each: (w, B, n), all sharing the same memory
        rows = torch.as_strided(grad_out, (B, n), (n, 1), grad_out.storage_offset())
        for j in range(w):
            torch.as_strided(grad_x, (B, n), (T, 1), j).add_(rows)
        return grad_x, None


def case():
    torch.manual_seed(24)
    return MovingSum, (torch.randn(3, 6, dtype=torch.float64), 3)


CAUSE = "grad_out is re-read with as_strided under row-major strides, which is only true of a contiguous grad_out."
LINE = "rows = torch.as_strided(grad_out, (B, n), (n, 1), grad_out.storage_offset())"
SHOWS = "only with a non-contiguous grad_output: silently wrong where transposed, an out-of-bounds error where expanded (stride 0)"
