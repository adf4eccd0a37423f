import torch
import torch.nn.functional as F


class BCEWithPosWeight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, y, pos_weight):
        # loss = -[pw * y * log s(z) + (1 - y) * log(1 - s(z))]
        loss = pos_weight * y * F.softplus(-z) + (1 - y) * F.softplus(z)
        ctx.save_for_backward(z, y)
        ctx.pos_weight = pos_weight
        return loss.mean()

    @staticmethod
    def backward(ctx, grad):
        z, y = ctx.saved_tensors
        w = 1 + (ctx.pos_weight - 1) * y
        dz = w * (torch.sigmoid(z) - y) / z.numel()
        dy = (ctx.pos_weight * F.softplus(-z) - F.softplus(z)) / z.numel()
        return grad * dz, grad * dy, None


def case():
    torch.manual_seed(8)
    z = torch.randn(6, 2, dtype=torch.float64)
    y = torch.rand(6, 2, dtype=torch.float64)
    return BCEWithPosWeight, (z, y, 3.0)


CAUSE = 'The whole gradient is scaled by a weight that is pos_weight for positives, as (sigmoid - y) * w; for soft labels the two parts of the loss have different weights.'
LINE = 'dz = w * (torch.sigmoid(z) - y) / z.numel()'
SHOWS = "only with soft labels, strictly between 0 and 1 (as in the case's inputs)"
