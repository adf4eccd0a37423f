import torch


class ScaleNorm(torch.autograd.Function):
    """g * x / rms(x), one scalar gain g."""

    @staticmethod
    def forward(ctx, x, g):
        inv = x.pow(2).mean(-1, keepdim=True).rsqrt()
        normed = x * inv
        ctx.normed = normed.detach() if ctx.needs_input_grad[1] else None
        ctx.save_for_backward(inv, g)
        return normed * g

    @staticmethod
    def backward(ctx, dout):
        inv, g = ctx.saved_tensors
        normed = ctx.normed
        grad_x = grad_g = None
        if ctx.needs_input_grad[1]:
            grad_g = (dout * normed).sum()
        if ctx.needs_input_grad[0]:
            d = dout * g
            grad_x = inv * (d - normed * (d * normed).mean(-1, keepdim=True))
        return grad_x, grad_g


def case():
    torch.manual_seed(93)
    return ScaleNorm, (torch.randn(3, 4, dtype=torch.float64), torch.tensor(1.3, dtype=torch.float64))


CAUSE = 'The normalised input is kept only if g needs a gradient, but the gradient of x uses it too.'
LINE = 'ctx.normed = normed.detach() if ctx.needs_input_grad[1] else None'
SHOWS = 'only when g requires no gradient: the backward then raises an error'
