import torch


class CosineSim(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, v):
        nu = u.norm(dim=1, keepdim=True)
        nv = v.norm(dim=1, keepdim=True)
        cos = (u * v).sum(1, keepdim=True) / (nu * nv)
        ctx.save_for_backward(u, v, nu, nv, cos)
        return cos.squeeze(1)

    @staticmethod
    def _one_side(a, b, na, nb, cos):
        return b / (na * nb) - cos * a / na

    @staticmethod
    def backward(ctx, grad_out):
        u, v, nu, nv, cos = ctx.saved_tensors
        g = grad_out.unsqueeze(1)
        du = g * CosineSim._one_side(u, v, nu, nv, cos)
        dv = g * CosineSim._one_side(v, u, nv, nu, cos)
        return du, dv


def case():
    torch.manual_seed(19)
    return CosineSim, (torch.randn(4, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64))


CAUSE = 'The projection term divides by the norm and not by the squared norm of the vector.'
LINE = 'return b / (na * nb) - cos * a / na'
SHOWS = 'always'
