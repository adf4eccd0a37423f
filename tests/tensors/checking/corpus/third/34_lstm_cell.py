import torch


class LSTMPointwise(torch.autograd.Function):
    """The elementwise half of an LSTM cell: gates (B, 4H) in order i, f, g, o."""

    @staticmethod
    def forward(ctx, gates, c_prev):
        i, f, g, o = gates.chunk(4, dim=1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c_prev + i * g
        tanh_c = c.tanh()
        ctx.save_for_backward(i, f, g, o, c_prev, tanh_c)
        return o * tanh_c, c

    @staticmethod
    def backward(ctx, grad_h, grad_c):
        i, f, g, o, c_prev, tanh_c = ctx.saved_tensors
        d_o = grad_h * tanh_c
        d_c = grad_h * o * (1 - tanh_c ** 2)
        d_gates = torch.cat([
            d_c * g * i * (1 - i),
            d_c * c_prev * f * (1 - f),
            d_c * i * (1 - g ** 2),
            d_o * o * (1 - o),
        ], dim=1)
        return d_gates, d_c * f


def case():
    torch.manual_seed(34)
    return LSTMPointwise, (torch.randn(3, 8, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64))


CAUSE = "The gradient arriving at the new cell state (grad_c) is never added to d_c."
LINE = "d_c = grad_h * o * (1 - tanh_c ** 2)"
SHOWS = "only when the second output (c) receives a gradient"
