import torch


class AttnWithDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, s, v, drop_mask, p_drop):
        # s: attention logits (T, S); drop_mask: 1 keeps, 0 drops
        attn = s.softmax(dim=-1)
        rp = 1.0 / (1.0 - p_drop)
        z = attn * drop_mask * rp
        ctx.save_for_backward(attn, v, drop_mask)
        ctx.rp = rp
        return z.matmul(v)

    @staticmethod
    def backward(ctx, grad):
        attn, v, drop_mask = ctx.saved_tensors
        grad_v = attn.t().matmul(grad)
        grad_z = grad.matmul(v.t())
        grad_attn = grad_z * drop_mask * ctx.rp
        grad_s = attn * (grad_attn - (attn * grad_attn).sum(-1, keepdim=True))
        return grad_s, grad_v, None, None


def case():
    torch.manual_seed(72)
    s = torch.randn(3, 4, dtype=torch.float64)
    v = torch.randn(4, 2, dtype=torch.float64)
    mask = torch.tensor([[1, 0, 1, 1], [1, 1, 1, 0], [0, 1, 1, 1]])
    return AttnWithDropout, (s, v, mask, 0.25)


CAUSE = 'The gradient of v uses the attention weights before dropout.'
LINE = 'grad_v = attn.t().matmul(grad)'
SHOWS = "only when the dropout mask drops something (it does in the case's inputs)"
