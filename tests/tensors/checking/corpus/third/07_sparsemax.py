import torch


class SparsemaxFunction(torch.autograd.Function):
    """Martins & Astudillo (2016), over the last dimension."""

    @staticmethod
    def forward(ctx, z):
        z = z - z.max(-1, keepdim=True)[0]
        zs, _ = torch.sort(z, dim=-1, descending=True)
        rng = torch.arange(1, z.size(-1) + 1, dtype=z.dtype, device=z.device)
        bound = 1 + rng * zs
        cumsum = zs.cumsum(-1)
        k = (bound > cumsum).sum(-1, keepdim=True)
        tau = (cumsum.gather(-1, k - 1) - 1) / k.to(z.dtype)
        out = torch.clamp(z - tau, min=0)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad_output):
        out, = ctx.saved_tensors
        nonzeros = (out > 0).to(grad_output.dtype)
        v_hat = (grad_output * nonzeros).mean(-1, keepdim=True)
        return nonzeros * (grad_output - v_hat)


def case():
    z = torch.tensor([[0.9, 0.5, -1.2, 0.3], [2.0, 0.1, 1.6, -0.4], [0.2, -0.1, 0.05, -2.0]], dtype=torch.float64)
    return SparsemaxFunction, (z,)


CAUSE = "The mean over the support is taken over all entries of the row instead of dividing by the number of nonzeros."
LINE = "v_hat = (grad_output * nonzeros).mean(-1, keepdim=True)"
SHOWS = "always (only in rows whose support is not the whole row)"
