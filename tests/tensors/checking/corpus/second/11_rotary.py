import torch


def rotate_half(x):
    a, b = x.chunk(2, dim=-1)
    return torch.cat((-b, a), dim=-1)


class ApplyRotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, positions, base=10000.0):
        half = x.shape[-1] // 2
        inv_freq = base ** (-torch.arange(half, dtype=x.dtype, device=x.device) / half)
        ang = positions.to(x.dtype)[:, None] * inv_freq[None]
        ang = torch.cat((ang, ang), dim=-1)
        cos, sin = ang.cos(), ang.sin()
        ctx.save_for_backward(cos, sin)
        return x * cos + rotate_half(x) * sin

    @staticmethod
    def backward(ctx, grad):
        cos, sin = ctx.saved_tensors
        return grad * cos + rotate_half(grad) * sin, None, None


def case():
    torch.manual_seed(80)
    return ApplyRotary, (torch.randn(2, 5, 4, dtype=torch.float64), torch.arange(5))


CAUSE = 'The backward applies the same rotation and not its inverse (sin needs the opposite sign).'
LINE = 'return grad * cos + rotate_half(grad) * sin, None, None'
SHOWS = 'always'
