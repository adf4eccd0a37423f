import numpy as np
import scipy.optimize
import torch

import softgrad as sg


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(z, p, dp):
    return p * (1 - p) * dp


class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        p = torch.softmax(z, -1)
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx, dp):
        (p,) = ctx.saved_tensors
        return p * (1 - p) * dp


z, dp = np.array([2.0, 1.0, 0.1]), np.array([1.0, 0.0, 0.0])

print("scipy.optimize.check_grad")
print(scipy.optimize.check_grad(lambda z: softmax(z) @ dp, lambda z: softmax_backward(z, softmax(z), dp), z))

print("\ntorch.autograd.gradcheck")
try:
    torch.autograd.gradcheck(Softmax.apply, torch.tensor(z, requires_grad=True))
except RuntimeError as error:
    print(error)

print("softgrad.check_vjp")
print(sg.check_vjp(softmax, softmax_backward, z))
