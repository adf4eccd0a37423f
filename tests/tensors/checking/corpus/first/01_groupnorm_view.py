import torch


class GroupNormNoAffine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, groups, eps):
        n = x.shape[0]
        z = x.reshape(n, groups, -1)
        z = z - z.mean(2, keepdim=True)
        sigma = (z.square().mean(2, keepdim=True) + eps).sqrt()
        z = z / sigma
        ctx.save_for_backward(z, sigma)
        return z.view(x.shape)

    @staticmethod
    def backward(ctx, grad):
        z, sigma = ctx.saved_tensors
        g = grad.reshape(z.shape)
        g = g - z * (g * z).mean(2, keepdim=True)
        # z has zero mean, so centring last is the same as centring first
        g = g - g.mean(2, keepdim=True)
        return (g / sigma).view(grad.shape), None, None


def case():
    torch.manual_seed(62)
    return GroupNormNoAffine, (torch.randn(2, 4, 3, dtype=torch.float64), 2, 1e-5)


CAUSE = None
LINE = None
SHOWS = None
