import torch


class DiscountedReturn(torch.autograd.Function):
    """R_t = sum_{s >= t} gamma^(s - t) r_s for each row of rewards."""

    @staticmethod
    def forward(ctx, rewards, gamma):
        out = rewards.clone()
        for t in reversed(range(rewards.size(1) - 1)):
            out[:, t] += gamma * out[:, t + 1]
        ctx.gamma = gamma
        return out

    @staticmethod
    def backward(ctx, g):
        # the transpose of the recursion runs forward in time
        acc = g.clone(memory_format=torch.contiguous_format)
        for t in range(1, g.size(1)):
            acc[:, t] += ctx.gamma * acc[:, t - 1]
        return acc, None


def case():
    torch.manual_seed(120)
    return DiscountedReturn, (torch.randn(2, 5, dtype=torch.float64), 0.9)


CAUSE = None
LINE = None
SHOWS = None
