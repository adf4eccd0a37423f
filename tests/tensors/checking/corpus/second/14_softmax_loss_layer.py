import torch


class SoftmaxWithLoss(torch.autograd.Function):
    """Softmax + NLL as the last layer of the network (mean over the batch)."""

    @staticmethod
    def forward(ctx, scores, labels):
        exp_scores = torch.exp(scores - scores.max(dim=1, keepdim=True).values)
        probs = exp_scores / exp_scores.sum(dim=1, keepdim=True)
        correct_logprobs = -torch.log(probs[range(scores.shape[0]), labels])
        ctx.save_for_backward(probs, labels)
        return correct_logprobs.mean()

    @staticmethod
    def backward(ctx, grad_output):
        probs, labels = ctx.saved_tensors
        num_examples = probs.shape[0]
        dscores = probs.clone()
        dscores[range(num_examples), labels] -= 1
        dscores /= num_examples
        return dscores, None


def case():
    torch.manual_seed(74)
    return SoftmaxWithLoss, (torch.randn(4, 3, dtype=torch.float64), torch.tensor([2, 0, 1, 1]))


CAUSE = 'The gradient of the loss is returned without being multiplied by the upstream gradient.'
LINE = 'return dscores, None'
SHOWS = 'only with an upstream gradient other than 1'
