"""Tensors that the short way of a function does not take."""

from conftest import load

torch = load("torch")


class Subclass(torch.Tensor):
    """A tensor of a class of its own."""


def strided(tensor):
    """The same numbers with gaps between them, differentiable."""
    return torch.stack([tensor, tensor], -1)[..., 0]


def left_by_torch_func(tensor):
    """A tensor of torch.func after its transform has ended."""
    left = []
    torch.func.grad(lambda z: (left.append(z), z.sum())[1])(tensor)
    return left[0]
