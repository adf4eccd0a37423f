import torch
import torch.nn.functional as F


class NTXent(torch.autograd.Function):
    """z holds the two views stacked: rows k and k + n/2 are positives. z is expected to be normalised by the caller."""

    @staticmethod
    def forward(ctx, z, temperature):
        n = z.size(0)
        sim = z @ z.t() / temperature
        eye = torch.eye(n, dtype=torch.bool)
        sim = sim.masked_fill(eye, float("-inf"))
        pos = (torch.arange(n) + n // 2) % n
        logp = F.log_softmax(sim, dim=1)
        ctx.save_for_backward(z, logp, pos)
        ctx.temperature = temperature
        return -logp[torch.arange(n), pos].mean()

    @staticmethod
    def backward(ctx, grad_output):
        z, logp, pos = ctx.saved_tensors
        n = z.size(0)
        d_sim = logp.exp()
        d_sim[torch.arange(n), pos] -= 1
        d_sim = d_sim * grad_output / n
        d_z = d_sim @ z / ctx.temperature
        return d_z, None


def case():
    torch.manual_seed(15)
    z = F.normalize(torch.randn(6, 3, dtype=torch.float64), dim=1)
    return NTXent, (z, 0.5)


CAUSE = 'The similarity matrix z z^T depends on z from both sides, but only one side (dS @ z, without dS^T @ z) is returned.'
LINE = 'd_z = d_sim @ z / ctx.temperature'
SHOWS = 'always'
