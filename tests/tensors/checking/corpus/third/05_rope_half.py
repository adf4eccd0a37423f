import torch


def rotate_half(x):
    x1, x2 = x.chunk(2, dim=-1)
    return torch.cat((-x2, x1), dim=-1)


class ApplyRotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, cos, sin):
        # x: [batch, heads, seq, head_dim]; cos, sin: [seq, head_dim], both halves equal
        ctx.cos, ctx.sin = cos, sin
        return x * cos + rotate_half(x) * sin

    @staticmethod
    def backward(ctx, grad):
        cos, sin = ctx.cos, ctx.sin
        dx = grad * cos + rotate_half(grad * sin)
        return dx, None, None


def build_tables(seq, dim, base=10000.0):
    inv = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    ang = torch.arange(seq, dtype=torch.float64)[:, None] * inv[None, :]
    ang = torch.cat((ang, ang), dim=-1)
    return ang.cos(), ang.sin()


class RotaryEmbedding(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        cos, sin = build_tables(x.shape[-2], x.shape[-1])
        return ApplyRotary.forward(ctx, x, cos.to(x), sin.to(x))

    @staticmethod
    def backward(ctx, grad):
        return ApplyRotary.backward(ctx, grad)[0]


def case():
    torch.manual_seed(5)
    return RotaryEmbedding, (torch.randn(1, 2, 4, 6, dtype=torch.float64),)


CAUSE = "The backward rotates the gradient the same way as the forward instead of back (the sign of the rotate_half term should be minus)."
LINE = "dx = grad * cos + rotate_half(grad * sin)"
SHOWS = "always"
