import torch


class EmbeddingLookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight, idx):
        ctx.vocab_size = weight.size(0)
        ctx.save_for_backward(idx)
        return weight[idx]

    @staticmethod
    def backward(ctx, grad_output):
        idx, = ctx.saved_tensors
        flat = grad_output.reshape(-1, grad_output.size(-1))
        grad_weight = flat.new_zeros(ctx.vocab_size, flat.size(1))
        grad_weight[idx.reshape(-1)] += flat
        return grad_weight, None


def case():
    torch.manual_seed(40)
    emb = torch.randn(6, 3, dtype=torch.float64)
    tokens = torch.tensor([[1, 4, 1], [0, 5, 4]])
    return EmbeddingLookup, (emb, tokens)


CAUSE = 'Indexed += does not accumulate repeated indices, so all but one of their rows are lost.'
LINE = 'grad_weight[idx.reshape(-1)] += flat'
SHOWS = "only when an index occurs more than once (it does in the case's inputs)"
