import torch


class Sparsemax(torch.autograd.Function):
    """Martins & Astudillo 2016, over the last dim."""

    @staticmethod
    def forward(ctx, z):
        zs, _ = z.sort(dim=-1, descending=True)
        ks = torch.arange(1, z.size(-1) + 1, dtype=z.dtype, device=z.device)
        cs = zs.cumsum(-1) - 1
        support_size = (ks * zs > cs).sum(-1, keepdim=True)
        tau = cs.gather(-1, support_size - 1) / support_size.to(z.dtype)
        out = torch.clamp(z - tau, min=0)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad_output):
        out, = ctx.saved_tensors
        nonzero = (out > 0).to(grad_output.dtype)
        v_hat = (grad_output * nonzero).mean(-1, keepdim=True)
        return nonzero * (grad_output - v_hat)


def case():
    torch.manual_seed(77)
    return Sparsemax, (torch.randn(4, 5, dtype=torch.float64),)


CAUSE = 'The mean of the gradient is over all entries and not over the support.'
LINE = 'v_hat = (grad_output * nonzero).mean(-1, keepdim=True)'
SHOWS = "always (when some row has an entry outside its support, as in the case's inputs)"
