import torch
from torch import Tensor


@torch.library.custom_op("corpus2::silu_and_mul", mutates_args=())
def silu_and_mul(h: Tensor) -> Tensor:
    gate, up = h.chunk(2, dim=-1)
    return torch.nn.functional.silu(gate) * up


@silu_and_mul.register_fake
def _(h):
    return h.new_empty(*h.shape[:-1], h.shape[-1] // 2)


def setup_context(ctx, inputs, output):
    ctx.save_for_backward(inputs[0])


def silu_and_mul_backward(ctx, grad: Tensor) -> Tensor:
    (h,) = ctx.saved_tensors
    gate, up = h.chunk(2, dim=-1)
    sig = gate.sigmoid()
    grad_gate = grad * up * sig * (1 + gate * (1 - sig))
    grad_up = grad * gate * sig
    return torch.cat([grad_up, grad_gate], dim=-1)


silu_and_mul.register_autograd(silu_and_mul_backward, setup_context=setup_context)


def case():
    torch.manual_seed(81)
    return silu_and_mul, (torch.randn(3, 6, dtype=torch.float64),)


CAUSE = 'The two halves of the gradient are joined in the wrong order (up before gate).'
LINE = 'return torch.cat([grad_up, grad_gate], dim=-1)'
SHOWS = 'always'
