import torch

TINY = 1e-8


def kl_div(p, q):
    """sum p * (log p - log q), the logarithms clamped from below at log(TINY)."""
    lp = p.clamp(min=TINY).log()
    lq = q.clamp(min=TINY).log()
    return (p * (lp - lq)).sum(-1)


def kl_div_backward(p, q, out, g):
    g = g.unsqueeze(-1)
    lp = p.clamp(min=TINY).log()
    lq = q.clamp(min=TINY).log()
    one = (p > TINY).to(p.dtype)            # p * 1/p where the clamp is not active
    dp = g * (lp - lq + one)
    dq = torch.where(q > TINY, -g * p / q, torch.zeros_like(q))
    return dp, dq


def case():
    torch.manual_seed(60)
    p = torch.softmax(torch.randn(3, 4, dtype=torch.float64), -1)
    q = torch.softmax(torch.randn(3, 4, dtype=torch.float64), -1)
    return (kl_div, kl_div_backward), (p, q)


CAUSE = None
LINE = None
SHOWS = None
