import torch


class WeightedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y, class_weight):
        lp = torch.log_softmax(x, 1)
        per_row = class_weight[y]
        loss = -(per_row * lp[torch.arange(len(y)), y]).sum() / per_row.sum()
        ctx.save_for_backward(lp, y, class_weight)
        return loss

    @staticmethod
    def backward(ctx, grad):
        lp, y, class_weight = ctx.saved_tensors
        d = lp.exp()
        d[torch.arange(len(y)), y] -= 1
        d = d * class_weight / class_weight[y].sum()
        return grad * d, None, None


def case():
    torch.manual_seed(73)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    w = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)      # constants of the data set
    return WeightedCrossEntropy, (x, torch.tensor([0, 1, 2, 2, 0]), w)


CAUSE = 'The class weight is taken per column of the gradient; it belongs to the row, weight[target].'
LINE = 'd = d * class_weight / class_weight[y].sum()'
SHOWS = 'always'
