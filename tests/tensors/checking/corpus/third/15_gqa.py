import torch


class GroupedQueryAttention(torch.autograd.Function):
    """q: (B, Hq, T, D), k and v: (B, Hkv, S, D) with Hq a multiple of Hkv."""

    @staticmethod
    def forward(ctx, q, k, v):
        B, Hq, T, D = q.shape
        rep = Hq // k.shape[1]
        kr = k.repeat_interleave(rep, dim=1)
        vr = v.repeat_interleave(rep, dim=1)
        att = torch.softmax(q @ kr.transpose(-1, -2) / D ** 0.5, dim=-1)
        ctx.save_for_backward(q, kr, vr, att)
        ctx.n_kv, ctx.rep = k.shape[1], rep
        return att @ vr

    @staticmethod
    def backward(ctx, g):
        q, kr, vr, att = ctx.saved_tensors
        B, Hq, T, D = q.shape
        dvr = att.transpose(-1, -2) @ g
        datt = g @ vr.transpose(-1, -2)
        ds = att * (datt - (datt * att).sum(-1, keepdim=True)) / D ** 0.5
        dq = ds @ kr
        dkr = ds.transpose(-1, -2) @ q
        # fold the repeated heads back
        S = kr.shape[2]
        dk = dkr.reshape(B, ctx.rep, ctx.n_kv, S, D).sum(dim=1)
        dv = dvr.reshape(B, ctx.n_kv, ctx.rep, S, D).sum(dim=2)
        return dq, dk, dv


def case():
    torch.manual_seed(15)
    d = torch.float64
    return GroupedQueryAttention, (torch.randn(2, 4, 3, 4, dtype=d), torch.randn(2, 2, 3, 4, dtype=d), torch.randn(2, 2, 3, 4, dtype=d))


CAUSE = "k was repeated with repeat_interleave (heads of a group adjacent), but its gradient is folded as if repeated block-wise, mixing the heads."
LINE = "dk = dkr.reshape(B, ctx.rep, ctx.n_kv, S, D).sum(dim=1)"
SHOWS = "always (with more than one kv head and more than one query head each)"
