"""Every way in which torch differentiates or batches a function, each as a function of a function of one tensor."""

import torch
from torch.autograd import forward_ad


def fixed(shape, seed=0):
    """The same numbers in every call, also inside transforms."""
    n = int(torch.Size(shape).numel())
    return torch.cos(torch.arange(n, dtype=torch.float64) * 1.3 + seed).reshape(shape)


def as_scalar(f):
    def scalar(z):
        y = f(z)
        return (y * fixed(y.shape)).sum()

    return scalar


def grad(f):
    return torch.func.grad(as_scalar(f))


def vjp(f):
    def call(z):
        y, back = torch.func.vjp(f, z)
        return back(fixed(y.shape, 1))[0]

    return call


def jvp(f):
    return lambda z: torch.func.jvp(f, (z,), (fixed(z.shape, 2),))[1]


def vmap(f):
    return lambda z: torch.func.vmap(f)(torch.stack([z, 0.5 * z]))


def hessian(f):
    return torch.func.hessian(as_scalar(f))


def autograd(f):
    """torch.autograd.grad with create_graph."""

    def call(z):
        z = z if z.requires_grad else z.clone().requires_grad_()
        with torch.enable_grad():
            return torch.autograd.grad(as_scalar(f)(z), z, create_graph=True)[0]

    return call


def batched(f):
    """torch.autograd.grad with is_grads_batched."""

    def call(z):
        z = z if z.requires_grad else z.clone().requires_grad_()
        with torch.enable_grad():
            y = f(z)
            g = torch.stack([fixed(y.shape, 3), fixed(y.shape, 4)])
            return torch.autograd.grad(y, z, g, is_grads_batched=True, create_graph=True)[0]

    return call


def dual(f):
    """Forward mode by dual numbers."""

    def call(z):
        with forward_ad.dual_level():
            return forward_ad.unpack_dual(f(forward_ad.make_dual(z, fixed(z.shape, 5)))).tangent

    return call


TRANSFORMS = {
    "grad": grad,
    "vjp": vjp,
    "jvp": jvp,
    "vmap": vmap,
    "jacrev": torch.func.jacrev,
    "jacfwd": torch.func.jacfwd,
    "hessian": hessian,
    "autograd": autograd,
    "batched": batched,
    "dual": dual,
}
