import torch


class DiscountedReturn(torch.autograd.Function):
    """G_t = r_t + gamma * G_{t+1} along the last dim (time)."""

    @staticmethod
    def forward(ctx, rewards, gamma):
        ctx.gamma = gamma
        out = torch.empty_like(rewards)
        running = torch.zeros_like(rewards[..., 0])
        for t in reversed(range(rewards.shape[-1])):
            running = rewards[..., t] + gamma * running
            out[..., t] = running
        return out

    @staticmethod
    def backward(ctx, grad):
        # The adjoint runs forwards in time.
        grad = grad.clone()
        for t in range(1, grad.shape[-1]):
            grad[..., t] += ctx.gamma * grad[..., t - 1]
        return grad, None


def case():
    torch.manual_seed(10)
    return DiscountedReturn, (torch.randn(3, 5, dtype=torch.float64), 0.9)


CAUSE = None
LINE = None
SHOWS = "always"
