import torch


def expand_kv(kv, n_rep):
    # (B, Hkv, T, D) -> (B, Hkv * n_rep, T, D)
    return kv.repeat_interleave(n_rep, dim=1)


def reduce_kv(grad, n_rep):
    b, h, t, d = grad.shape
    return grad.reshape(b, n_rep, h // n_rep, t, d).sum(1)


class GroupedQueryAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v):
        n_rep = q.size(1) // k.size(1)
        kk, vv = expand_kv(k, n_rep), expand_kv(v, n_rep)
        scale = q.size(-1) ** -0.5
        att = torch.softmax(torch.einsum("bhqd,bhkd->bhqk", q, kk) * scale, -1)
        ctx.save_for_backward(q, k, v, att)
        ctx.n_rep, ctx.scale = n_rep, scale
        return torch.einsum("bhqk,bhkd->bhqd", att, vv)

    @staticmethod
    def backward(ctx, go):
        q, k, v, att = ctx.saved_tensors
        kk, vv = expand_kv(k, ctx.n_rep), expand_kv(v, ctx.n_rep)
        dvv = torch.einsum("bhqk,bhqd->bhkd", att, go)
        datt = torch.einsum("bhqd,bhkd->bhqk", go, vv)
        ds = att * (datt - (datt * att).sum(-1, keepdim=True)) * ctx.scale
        dq = torch.einsum("bhqk,bhkd->bhqd", ds, kk)
        dkk = torch.einsum("bhqk,bhqd->bhkd", ds, q)
        return dq, reduce_kv(dkk, ctx.n_rep), reduce_kv(dvv, ctx.n_rep)


def case():
    torch.manual_seed(5)
    q = torch.randn(1, 4, 3, 2, dtype=torch.float64)
    k = torch.randn(1, 2, 3, 2, dtype=torch.float64)
    v = torch.randn(1, 2, 3, 2, dtype=torch.float64)
    return GroupedQueryAttention, (q, k, v)


CAUSE = 'Heads were repeated with repeat_interleave, but the backward groups them as (n_rep, kv_heads) and so sums the wrong heads together.'
LINE = 'return grad.reshape(b, n_rep, h // n_rep, t, d).sum(1)'
SHOWS = 'always'
