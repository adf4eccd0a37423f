import torch


@torch.library.custom_op("score3::bilinear_score", mutates_args=())
def bilinear_score(head: torch.Tensor, rel: torch.Tensor, tail: torch.Tensor) -> torch.Tensor:
    """RESCAL: head (B, D), rel (R, D, D), tail (B, D) -> scores (B, R)"""
    return torch.einsum("bi,rij,bj->br", head, rel, tail)


def setup_context(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def backward(ctx, grad):
    head, rel, tail = ctx.saved_tensors
    d_head = torch.einsum("br,rij,bj->bi", grad, rel, tail)
    d_rel = torch.einsum("br,bi,bj->rij", grad, head, tail)
    d_tail = torch.einsum("br,rij,bj->bi", grad, rel, head)
    return d_head, d_rel, d_tail


bilinear_score.register_autograd(backward, setup_context=setup_context)


def case():
    torch.manual_seed(32)
    d = torch.float64
    return bilinear_score, (torch.randn(3, 4, dtype=d), torch.randn(2, 4, 4, dtype=d), torch.randn(3, 4, dtype=d))


CAUSE = "The tail's gradient contracts head with the second index of rel (the line was copied from d_head): rel is used untransposed; square, so no error."
LINE = 'd_tail = torch.einsum("br,rij,bj->bi", grad, rel, head)'
SHOWS = "always"
