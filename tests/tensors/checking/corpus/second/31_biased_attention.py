import torch


class BiasedAttention(torch.autograd.Function):
    """q, k, v: (B, T, D); bias: (B, T, T), e.g. relative position bias, added to the scaled scores."""

    @staticmethod
    def forward(ctx, q, k, v, bias):
        sm_scale = 1.0 / q.size(-1) ** 0.5
        scores = torch.baddbmm(bias, q, k.transpose(1, 2), alpha=sm_scale)
        p = torch.softmax(scores, dim=-1)
        o = torch.bmm(p, v)
        ctx.save_for_backward(q, k, v, p, o)
        ctx.sm_scale = sm_scale
        return o

    @staticmethod
    def backward(ctx, do):
        q, k, v, p, o = ctx.saved_tensors
        dv = torch.bmm(p.transpose(1, 2), do)
        dp = torch.bmm(do, v.transpose(1, 2))
        D = (do * o).sum(-1, keepdim=True)
        ds = p * (dp - D) * ctx.sm_scale
        dq = torch.bmm(ds, k)
        dk = torch.bmm(ds.transpose(1, 2), q)
        return dq, dk, dv, ds


def case():
    torch.manual_seed(71)
    q, k, v = (torch.randn(2, 3, 4, dtype=torch.float64) for _ in range(3))
    bias = torch.randn(2, 3, 3, dtype=torch.float64)
    return BiasedAttention, (q, k, v, bias)


CAUSE = 'The gradient of the additive bias is taken after the multiplication with the softmax scale, but the bias is added after scaling.'
LINE = 'return dq, dk, dv, ds'
SHOWS = 'always'
