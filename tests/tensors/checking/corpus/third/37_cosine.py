import torch


class CosineSim(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        na = a.norm(dim=1, keepdim=True)
        nb = b.norm(dim=1, keepdim=True)
        cos = (a * b).sum(1, keepdim=True) / (na * nb)
        ctx.save_for_backward(a, b, na, nb, cos)
        return cos.squeeze(1)

    @staticmethod
    def backward(ctx, g):
        a, b, na, nb, cos = ctx.saved_tensors
        g = g[:, None]
        denom = na * nb
        ga = g * (b / denom - cos * a / na ** 2)
        gb = g * (a / denom - cos * b / na ** 2)
        return ga, gb


def case():
    torch.manual_seed(37)
    return CosineSim, (torch.randn(4, 3, dtype=torch.float64), 2 * torch.randn(4, 3, dtype=torch.float64))


CAUSE = "Copied from the line above: the projection term of b's gradient is divided by |a|^2 instead of |b|^2."
LINE = "gb = g * (a / denom - cos * b / na ** 2)"
SHOWS = "always (not where both vectors have the same norm)"
