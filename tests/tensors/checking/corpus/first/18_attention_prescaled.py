import torch


class SDPA(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, causal):
        scale = q.shape[-1] ** -0.5
        qs = q * scale                      # scale folded into q once
        s = qs @ k.mT
        if causal:
            keep = torch.ones(s.shape[-2:], dtype=torch.bool, device=s.device).tril()
            s = s.masked_fill(~keep, float("-inf"))
        p = s.softmax(-1)
        out = p @ v
        ctx.save_for_backward(qs, k, v, p, out)
        ctx.scale = scale
        return out

    @staticmethod
    def backward(ctx, do):
        qs, k, v, p, out = ctx.saved_tensors
        delta = (do * out).sum(-1, keepdim=True)
        ds = p * (do @ v.mT - delta)        # masked entries vanish with p
        dq = (ds @ k) * ctx.scale
        dk = ds.mT @ qs
        dv = p.mT @ do
        return dq, dk, dv, None


def case():
    torch.manual_seed(59)
    q, k, v = (torch.randn(2, 4, 3, dtype=torch.float64) for _ in range(3))
    return SDPA, (q, k, v, True)


CAUSE = None
LINE = None
SHOWS = None
