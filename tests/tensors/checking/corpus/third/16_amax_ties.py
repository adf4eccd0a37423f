import torch


class GlobalMaxPool(torch.autograd.Function):
    # tied maxima share the gradient evenly, as torch.amax does
    @staticmethod
    def forward(ctx, feats):
        pooled = feats.amax(dim=(-2, -1))
        ctx.save_for_backward(feats, pooled)
        return pooled

    @staticmethod
    def backward(ctx, grad):
        feats, pooled = ctx.saved_tensors
        hit = (feats == pooled[..., None, None]).to(grad.dtype)
        hit /= hit.sum(dim=(-2, -1), keepdim=True)
        hit *= grad[..., None, None]
        return hit


def case():
    x = torch.tensor([[[[1.0, 3.0], [3.0, 0.5]], [[-2.0, -1.0], [-4.0, -3.0]]]], dtype=torch.float64)
    return GlobalMaxPool, (x,)


CAUSE = None
LINE = None
SHOWS = "always"
