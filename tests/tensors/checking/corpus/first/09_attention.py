import math
import torch


class Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, Q, K, V):
        d = Q.shape[-1]
        S = Q @ K.transpose(-2, -1) / math.sqrt(d)
        P = torch.softmax(S, dim=-1)
        ctx.save_for_backward(Q, K, V, P)
        return P @ V

    @staticmethod
    def backward(ctx, dO):
        Q, K, V, P = ctx.saved_tensors
        d = Q.shape[-1]
        dV = P.transpose(-2, -1) @ dO
        dP = dO @ V.transpose(-2, -1)
        dS = P * (dP - (dP * P).sum(-1, keepdim=True))
        dQ = dS @ K / math.sqrt(d)
        dK = dS.transpose(-2, -1) @ Q
        return dQ, dK, dV


def case():
    torch.manual_seed(1)
    mk = lambda n: torch.randn(2, n, 3, dtype=torch.float64)
    return Attention, (mk(4), mk(5), mk(5))


CAUSE = 'The 1/sqrt(d) scale is applied to the gradient of the queries, not to that of the keys.'
LINE = 'dK = dS.transpose(-2, -1) @ Q'
SHOWS = 'always'
