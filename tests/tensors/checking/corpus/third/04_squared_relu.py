import torch


class SquaredRelu(torch.autograd.Function):
    """relu(x)**2 from the Primer paper. Only relu(x) is kept, to save memory."""

    @staticmethod
    def forward(ctx, x):
        r = x.clamp(min=0)
        ctx.save_for_backward(r)
        return r * r

    @staticmethod
    def backward(ctx, grad_output):
        (r,) = ctx.saved_tensors
        # no extra allocation: reuse the incoming buffer
        grad_input = grad_output.mul_(r)
        grad_input = grad_input.mul_(2.0)
        return grad_input


def case():
    x = torch.tensor([[-1.3, 0.4, 2.0], [0.7, -0.2, 1.1]], dtype=torch.float64)
    return SquaredRelu, (x,)


CAUSE = "The backward multiplies grad_output in place, so the caller's gradient tensor is overwritten."
LINE = "grad_input = grad_output.mul_(r)"
SHOWS = "the returned values are right; grad_output is changed by the call (also wrong where the same gradient is used by another branch, and an error on an expanded, stride-0 grad_output)"
