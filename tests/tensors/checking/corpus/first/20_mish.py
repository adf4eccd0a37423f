import torch
import torch.nn.functional as F


class Mish(torch.autograd.Function):
    saved_x = None

    @staticmethod
    def forward(ctx, x):
        Mish.saved_x = x.detach()
        return x * torch.tanh(F.softplus(x))

    @staticmethod
    def backward(ctx, grad_output):
        x = Mish.saved_x
        tsp = torch.tanh(F.softplus(x))
        sig = torch.sigmoid(x)
        return grad_output * (tsp + x * sig * (1 - tsp * tsp))


def case():
    torch.manual_seed(22)
    return Mish, (torch.randn(3, 3, dtype=torch.float64),)


CAUSE = 'The input is kept as an attribute of the class, so a later forward replaces it.'
LINE = 'Mish.saved_x = x.detach()'
SHOWS = 'only when the forward is called again before the backward of the first call'
