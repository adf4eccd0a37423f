"""Functions of torch as people write them, and inputs for them."""

from conftest import load

torch = load("torch")


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def function(forward, backward):
    """An autograd.Function of functions: forward(*inputs) -> output, backward(*inputs, grad_output) -> gradients."""

    class Written(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *inputs):
            ctx.save_for_backward(*inputs)
            return forward(*inputs)

        @staticmethod
        def backward(ctx, grad_output):
            return backward(*ctx.saved_tensors, grad_output)

    return Written
