import torch


def _probs(q, k, scale, cap):
    raw = torch.einsum("bhid,bhjd->bhij", q, k) * scale
    capped = cap * torch.tanh(raw / cap)
    return torch.softmax(capped, dim=-1), capped


class SoftcapAttention(torch.autograd.Function):
    """Gemma-2 style attention: scores are squashed into (-cap, cap) before the softmax."""

    @staticmethod
    def forward(ctx, q, k, v, scale: float, cap: float):
        p, _ = _probs(q, k, scale, cap)
        ctx.save_for_backward(q, k, v)
        ctx.scale, ctx.cap = scale, cap
        return torch.einsum("bhij,bhjd->bhid", p, v)

    @staticmethod
    def backward(ctx, grad_out):
        q, k, v = ctx.saved_tensors
        p, capped = _probs(q, k, ctx.scale, ctx.cap)   # recompute
        grad_v = torch.einsum("bhij,bhid->bhjd", p, grad_out)
        grad_p = torch.einsum("bhid,bhjd->bhij", grad_out, v)
        grad_capped = p * (grad_p - (grad_p * p).sum(-1, keepdim=True))
        grad_raw = grad_capped * (1 - capped.square())
        grad_q = torch.einsum("bhij,bhjd->bhid", grad_raw, k) * ctx.scale
        grad_k = torch.einsum("bhij,bhid->bhjd", grad_raw, q) * ctx.scale
        return grad_q, grad_k, grad_v, None, None


def case():
    torch.manual_seed(11)
    q, k, v = (torch.randn(1, 2, 3, 4, dtype=torch.float64) for _ in range(3))
    return SoftcapAttention, (q, k, v, 0.5, 5.0)


CAUSE = "The derivative of cap*tanh(raw/cap) uses the capped score itself instead of capped/cap: it should be 1 - (capped/cap)**2."
LINE = "grad_raw = grad_capped * (1 - capped.square())"
SHOWS = "always"
