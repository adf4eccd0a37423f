import math
import torch

LOG2E = 1.4426950408889634


class Exp2Attention(torch.autograd.Function):
    # Same bookkeeping as the fused kernel: logits are kept in base 2, so that
    # exp2 can be used, and only the log-sum-exp is saved.
    @staticmethod
    def forward(ctx, q, k, v):
        qk_scale = LOG2E / math.sqrt(q.shape[-1])
        s = (q * qk_scale) @ k.mT
        m = s.amax(-1, keepdim=True)
        p = torch.exp2(s - m)
        l = p.sum(-1, keepdim=True)
        o = (p @ v) / l
        ctx.save_for_backward(q, k, v, o, m + torch.log2(l))
        ctx.qk_scale = qk_scale
        return o

    @staticmethod
    def backward(ctx, do):
        q, k, v, o, lse2 = ctx.saved_tensors
        delta = (o * do).sum(-1, keepdim=True)
        p = torch.exp2((q * ctx.qk_scale) @ k.mT - lse2)
        dv = p.mT @ do
        ds = p * (do @ v.mT - delta)
        sm_scale = 1.0 / math.sqrt(q.shape[-1])
        dk = ds.mT @ (q * sm_scale)
        dq = (ds @ k) * sm_scale
        return dq, dk, dv


def case():
    torch.manual_seed(2)
    q = torch.randn(2, 3, 4, dtype=torch.float64)
    k = torch.randn(2, 5, 4, dtype=torch.float64)
    v = torch.randn(2, 5, 6, dtype=torch.float64)
    return Exp2Attention, (q, k, v)


CAUSE = None
LINE = None
SHOWS = "always"
