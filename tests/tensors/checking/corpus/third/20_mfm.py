import torch


class MaxFeatureMap(torch.autograd.Function):
    """MFM activation (LightCNN): elementwise max of the two channel halves."""

    mask = None
    shape = None

    @staticmethod
    def forward(ctx, x):
        a, b = torch.split(x, x.size(1) // 2, dim=1)
        MaxFeatureMap.mask = a >= b
        MaxFeatureMap.shape = x.shape
        return torch.where(MaxFeatureMap.mask, a, b)

    @staticmethod
    def backward(ctx, grad_output):
        m = MaxFeatureMap.mask.to(grad_output.dtype)
        grad_input = torch.cat([grad_output * m, grad_output * (1 - m)], dim=1)
        return grad_input.view(MaxFeatureMap.shape)


def case():
    torch.manual_seed(20)
    return MaxFeatureMap, (torch.randn(3, 6, dtype=torch.float64),)


CAUSE = "The mask is kept on the class instead of on ctx, so a second forward call before the backward replaces it."
LINE = "MaxFeatureMap.mask = a >= b"
SHOWS = "only when the function is called more than once before the backward"
