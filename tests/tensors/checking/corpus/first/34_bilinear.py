import torch


class Bilinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, left, right, W):
        """out[b, o] = sum_ij left[b, i] W[o, i, j] right[b, j]"""
        ctx.save_for_backward(left, right, W)
        return torch.einsum("bi,oij,bj->bo", left, W, right)

    @staticmethod
    def backward(ctx, grad):
        left, right, W = ctx.saved_tensors
        g_left = torch.einsum("bo,oij,bj->bi", grad, W, right)
        g_right = torch.einsum("bo,oij,bj->bi", grad, W, left)
        g_W = torch.einsum("bo,bi,bj->oij", grad, left, right)
        return g_left, g_right, g_W


def case():
    torch.manual_seed(13)
    a = torch.randn(4, 3, dtype=torch.float64)
    b = torch.randn(4, 3, dtype=torch.float64)
    W = torch.randn(2, 3, 3, dtype=torch.float64)
    return Bilinear, (a, b, W)


CAUSE = 'The gradient of the right operand contracts the weight on the wrong index (copied from the left one); with equal sizes it still runs.'
LINE = 'g_right = torch.einsum("bo,oij,bj->bi", grad, W, left)'
SHOWS = 'always'
