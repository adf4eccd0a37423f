import torch


class LSTMCellPointwise(torch.autograd.Function):
    """gates: (B, 4H) pre-activations in the order i, f, g, o."""

    @staticmethod
    def forward(ctx, gates, c_prev):
        i, f, g, o = gates.chunk(4, dim=1)
        i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
        g = torch.tanh(g)
        c = f * c_prev + i * g
        tc = torch.tanh(c)
        ctx.save_for_backward(i, f, g, o, c_prev, tc)
        return o * tc, c

    @staticmethod
    def backward(ctx, grad_h, grad_c):
        i, f, g, o, c_prev, tc = ctx.saved_tensors
        d_o = grad_h * tc
        d_c = grad_h * o * (1 - tc ** 2)
        d_f = d_c * c_prev
        d_i = d_c * g
        d_g = d_c * i
        d_gates = torch.cat(
            [d_i * i * (1 - i), d_f * f * (1 - f), d_g * (1 - g ** 2), d_o * o * (1 - o)], dim=1
        )
        return d_gates, d_c * f


def case():
    torch.manual_seed(30)
    return LSTMCellPointwise, (torch.randn(2, 12, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64))


CAUSE = 'The gradient that arrives at the new cell state is not added to the one that comes through the hidden state.'
LINE = 'd_c = grad_h * o * (1 - tc ** 2)'
SHOWS = 'only when a gradient arrives at the second output, the cell state'
