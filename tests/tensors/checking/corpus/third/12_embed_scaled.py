import torch


class ScaledEmbedding(torch.autograd.Function):
    """Token embedding times sqrt(d_model)."""

    @staticmethod
    def forward(ctx, weight, token_ids):
        ctx.save_for_backward(token_ids)
        ctx.vocab, ctx.d = weight.shape
        return weight[token_ids] * ctx.d ** 0.5

    @staticmethod
    def backward(ctx, grad_output):
        token_ids, = ctx.saved_tensors
        grad_weight = grad_output.new_zeros(ctx.vocab, ctx.d)
        grad_weight[token_ids] += grad_output * ctx.d ** 0.5
        return grad_weight, None


def case():
    torch.manual_seed(12)
    return ScaledEmbedding, (torch.randn(6, 4, dtype=torch.float64), torch.tensor([[2, 0, 2], [5, 1, 0]]))


CAUSE = "Indexed += does not accumulate: for repeated token ids only one of the gradient rows survives."
LINE = "grad_weight[token_ids] += grad_output * ctx.d ** 0.5"
SHOWS = "only with repeated token ids"
