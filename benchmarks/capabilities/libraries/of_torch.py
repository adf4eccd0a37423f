"""torch.nn.functional, and what softgrad.torch shares with it: everything except the functions themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks.capabilities.libraries.base import Library, is_stride_0
from benchmarks.questions.base import Array


class Torch(Library):
    """torch, in eager mode unless a question says otherwise."""

    functions: Any = torch  # softmax and log_softmax, with the class axis last

    def loss(self, z: torch.Tensor, target: torch.Tensor, axis: int = 1, **options: Any) -> torch.Tensor:
        """The classes of torch are on axis 1, or on axis 0 of one row."""
        return functional.cross_entropy(z, target, **options)

    def loss_and_grad(self, z: Array, target: Array, dtype: str = "float64", **options: Any) -> tuple[Array, ...]:
        z, target = tensor(z, dtype).requires_grad_(), tensor(target)
        options = {name: tensor(x) if isinstance(x, np.ndarray) else x for name, x in options.items()}
        loss = self.loss(z, target, **options)
        return arrays(loss, *torch.autograd.grad(loss.sum(), z))

    def grad_at_target(self, z: Array, t: Array) -> Array:
        t = tensor(t).requires_grad_()
        return array(*torch.autograd.grad(self.loss(tensor(z), t), t))

    def grad_at_weights(self, z: Array, y: Array, weight: Array) -> Array:
        weight = tensor(weight).requires_grad_()
        return array(*torch.autograd.grad(self.loss(tensor(z), tensor(y), weight=weight), weight))

    def rows_vjp(self, z: Array, y: Array, g: Array) -> Array:
        z = tensor(z).requires_grad_()
        upstream = tensor(g.flat[:1]).expand(g.shape) if is_stride_0(g) else tensor(g)
        return array(*torch.autograd.grad(self.loss(z, tensor(y), reduction="none"), z, upstream))

    def hvp(self, z: Array, y: Array, v: Array) -> Array:
        return array(self._repeated(z, y, v)[1])

    def third(self, z: Array, y: Array, v: Array) -> Array:
        z, product = self._repeated(z, y, v)
        return array(*torch.autograd.grad((product * tensor(v)).sum(), z))

    def _repeated(self, z: Array, y: Array, v: Array) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits, and the Hessian times v, which can be differentiated."""
        z = tensor(z).requires_grad_()
        (grad,) = torch.autograd.grad(self.loss(z, tensor(y)), z, create_graph=True)
        return z, torch.autograd.grad((grad * tensor(v)).sum(), z, create_graph=True)[0]

    def jvp(self, z: Array, y: Array, v: Array) -> Array:
        return array(torch.func.jvp(self._of(y), (tensor(z),), (tensor(v),))[1])

    def vmap_grad(self, z: Array, y: Array) -> Array:
        return array(torch.func.vmap(torch.func.grad(self.loss))(tensor(z), tensor(y)))

    def vmap_hessian(self, z: Array, y: Array) -> Array:
        return array(torch.func.vmap(torch.func.hessian(self.loss))(tensor(z), tensor(y)))

    def jacrev(self, z: Array, y: Array) -> Array:
        return array(torch.func.jacrev(self._of(y, reduction="none"))(tensor(z)))

    def jacfwd(self, z: Array, y: Array) -> Array:
        return array(torch.func.jacfwd(self._of(y, reduction="none"))(tensor(z)))

    def hessian(self, z: Array, y: Array) -> Array:
        return array(torch.func.hessian(self._of(y))(tensor(z)))

    def jacfwd_twice(self, z: Array, y: Array) -> Array:
        return array(torch.func.jacfwd(torch.func.jacfwd(self._of(y)))(tensor(z)))

    def own_function_jacfwd_twice(self, z: Array, y: Array) -> Array:
        twice = torch.func.jacfwd(torch.func.jacfwd(lambda z: OwnFunction.apply(z, tensor(y))))
        return array(twice(tensor(z)))

    def compiled(self, z: Array, y: Array, dtype: str = "float64") -> tuple[Array, ...]:
        z = tensor(z, dtype).requires_grad_()
        loss = torch.compile(self._of(y, reduction="none"), fullgraph=True)(z)
        return arrays(loss, *torch.autograd.grad(loss.sum(), z))

    def compiled_hvp(self, z: Array, y: Array, v: Array) -> Array:
        grad = torch.func.grad(self._of(y))
        compiled = torch.compile(lambda z, v: torch.func.jvp(grad, (z,), (v,))[1], fullgraph=True)
        return array(compiled(tensor(z), tensor(v)))

    def linear_loss(self, x: torch.Tensor, w: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The form that stores some of the logits at a time."""
        return functional.linear_cross_entropy(x, w, y, options=torch.nn.LinearCrossEntropyOptions())

    def linear(self, x: Array, w: Array, y: Array) -> tuple[Array, ...]:
        x, w = (torch.from_numpy(given).requires_grad_() for given in (x, w))
        loss = self.linear_loss(x, w, tensor(y))
        return arrays(loss, *torch.autograd.grad(loss, (x, w)))

    def tokens(self, z: torch.Tensor, y: torch.Tensor, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """By torch.distributions."""
        categorical = torch.distributions.Categorical(logits=z, **options)
        return categorical.log_prob(y), categorical.entropy()

    def token_log_probs(self, z: Array, y: Array, dtype: str = "float64", **options: Any) -> tuple[Array, ...]:
        return arrays(*self.tokens(tensor(z, dtype), tensor(y), **options))

    def token_grad(self, z: Array, y: Array, g: Array, h: Array, dtype: str = "float64") -> Array:
        z = tensor(z, dtype).requires_grad_()
        outputs = self.tokens(z, tensor(y))
        return array(*torch.autograd.grad(outputs, z, [tensor(given, dtype) for given in (g, h)]))

    def softmax_vjp(self, z: Array, g: Array) -> Array:
        return self._vjp(self.functions.softmax, z, g)

    def log_softmax_vjp(self, z: Array, g: Array, dtype: str = "float64") -> Array:
        return self._vjp(self.functions.log_softmax, z, g, dtype)

    def _vjp(self, function: Callable[..., torch.Tensor], z: Array, g: Array, dtype: str = "float64") -> Array:
        z = tensor(z, dtype).requires_grad_()
        return array(*torch.autograd.grad(function(z, -1), z, tensor(g, dtype)))

    def logsumexp_grad(self, z: Array) -> Array:
        z = tensor(z).requires_grad_()
        return array(*torch.autograd.grad(torch.logsumexp(z, -1), z))

    def masked_logsumexp_grad(self, z: Array, where: Array) -> Array:
        z = tensor(z).requires_grad_()
        return array(*torch.autograd.grad(torch.masked.logsumexp(z, -1, mask=tensor(where)), z))

    def _of(self, y: Array, **options: Any) -> Callable[[torch.Tensor], torch.Tensor]:
        y = tensor(y)
        return lambda z: self.loss(z, y, **options)


class OwnFunction(torch.autograd.Function):
    """Cross-entropy of one row, with both of its derivatives, as torch asks for them."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(z, y)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def grad(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The softmax minus the target."""
        return torch.softmax(z, -1) - functional.one_hot(y, z.shape[-1]).to(z.dtype)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> tuple[torch.Tensor, None]:
        return g * OwnFunction.grad(*ctx.saved_tensors), None

    @staticmethod
    def jvp(ctx: Any, dz: torch.Tensor, dy: None) -> torch.Tensor:
        return (OwnFunction.grad(*ctx.saved_tensors) * dz).sum(-1)


def tensor(x: Array, dtype: str | None = None) -> torch.Tensor:
    """A tensor with the numbers and the layout of an array."""
    t = torch.from_numpy(x if x.flags.writeable else x.copy())
    return t if dtype is None else t.to(getattr(torch, dtype))


def array(t: torch.Tensor) -> Array:
    """The numbers of a tensor, in float32 if it has 16 bits."""
    t = t.detach()
    return (t.float() if t.element_size() == 2 else t).numpy()


def arrays(*tensors: torch.Tensor) -> tuple[Array, ...]:
    """The numbers of several tensors."""
    return tuple(array(t) for t in tensors)
