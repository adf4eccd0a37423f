import torch


class LoRALinear(torch.autograd.Function):
    """y = x W^T + s * (x A^T) B^T, W frozen."""

    @staticmethod
    def forward(ctx, x, W, A, B, s):
        xa = x @ A.T
        ctx.save_for_backward(x, W, A, B, xa)
        ctx.s = s
        return x @ W.T + s * (xa @ B.T)

    @staticmethod
    def backward(ctx, dy):
        x, W, A, B, xa = ctx.saved_tensors
        s = ctx.s
        dyB = dy @ B
        dA = dyB.T @ x
        dB = s * dy.T @ xa
        dx = dy @ W + s * dyB @ A
        return dx, None, dA, dB, None


def case():
    torch.manual_seed(88)
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    W = torch.randn(5, 3, dtype=torch.float64)          # frozen
    A = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    B = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    return LoRALinear, (x, W, A, B, 2.0)


CAUSE = 'The scaling alpha / r is missing in the gradient of A.'
LINE = 'dA = dyB.T @ x'
SHOWS = "only when the scaling alpha / r is not 1 (it is 2 in the case's inputs)"
