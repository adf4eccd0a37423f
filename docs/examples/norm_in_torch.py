import torch

import softgrad.torch as st


class RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        rstd = torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6)
        ctx.save_for_backward(x, weight, rstd)
        return x * rstd * weight

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, rstd = ctx.saved_tensors
        x_hat = x * rstd
        grad = grad_output * weight
        along = (grad * x_hat).sum(dim=-1, keepdim=True)
        return (grad - x_hat * along) * rstd, (grad_output * x_hat).sum(dim=0)


torch.manual_seed(0)
print(st.check(RMSNorm, torch.randn(4, 6), torch.randn(6)))
