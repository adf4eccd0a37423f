"""PyTorch on the CPU, in eager mode and compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.providers.base import Call, Provider
from benchmarks.questions.base import Array, numpy_dtype


class Torch(Provider):
    """Eager mode: torch.nn.functional and autograd."""

    def __init__(self, name: str, dtype: str) -> None:
        super().__init__(name, dtype)
        import torch

        self.torch = torch

    def native(self, array: Array) -> Any:
        """A tensor that shares the memory of the array. bfloat16 is passed as 16-bit integers."""
        if array.dtype.name == "bfloat16":
            return self.torch.from_numpy(array.view(np.int16)).view(self.torch.bfloat16)
        return self.torch.from_numpy(array)

    def numpy(self, array: Any) -> Array:
        """An array that shares the memory of the tensor."""
        tensor = array.detach()
        if tensor.dtype == self.torch.bfloat16:
            return np.asarray(tensor.contiguous().view(self.torch.int16)).view(numpy_dtype("bfloat16"))
        return np.asarray(tensor)

    def optimized(self, function: Any) -> Any:
        """The function as it is run; a subclass compiles it."""
        return function

    def cross_entropy(self, logits: Any, target: Any) -> Call:
        """F.cross_entropy in the forward pass, autograd in the backward pass."""
        z = logits.requires_grad_()
        cross_entropy = self.optimized(self.torch.nn.functional.cross_entropy)

        def call() -> tuple[Any, ...]:
            loss = cross_entropy(z, target)
            return loss, self.torch.autograd.grad(loss, z)[0]

        return call

    def softmax(self, logits: Any) -> Call:
        """torch.softmax."""
        softmax = self.optimized(lambda z: self.torch.softmax(z, 1))
        return lambda: (softmax(logits),)

    def softmax_columns(self, logits: Any) -> Call:
        """torch.softmax along the outer axis."""
        softmax = self.optimized(lambda z: self.torch.softmax(z, 0))
        return lambda: (softmax(logits),)

    def log_softmax(self, logits: Any) -> Call:
        """torch.log_softmax."""
        log_softmax = self.optimized(lambda z: self.torch.log_softmax(z, 1))
        return lambda: (log_softmax(logits),)

    def softmax_vjp(self, probs: Any, grad_output: Any) -> Call:
        """The kernel of the backward pass of softmax, without the overhead of autograd."""
        backward = self.torch.ops.aten._softmax_backward_data
        return lambda: (backward(grad_output, probs, 1, probs.dtype),)

    def log_softmax_vjp(self, log_probs: Any, grad_output: Any) -> Call:
        """The kernel of the backward pass of log_softmax."""
        backward = self.torch.ops.aten._log_softmax_backward_data
        return lambda: (backward(grad_output, log_probs, 1, log_probs.dtype),)

    def token_log_probs(self, logits: Any, tokens: Any, g: Any, h: Any) -> Call:
        """log_softmax, gather and the entropy, and autograd."""

        def function(z: Any, y: Any) -> tuple[Any, Any]:
            log_p = self.torch.log_softmax(z, 1)
            return log_p.gather(1, y[:, None]).squeeze(1), -(log_p.exp() * log_p).sum(1)

        return self.with_upstream(self.optimized(function), logits, tokens, g, h)

    def with_upstream(self, function: Any, logits: Any, tokens: Any, g: Any, h: Any) -> Call:
        """Both outputs of a function, and the gradient at the logits."""
        z = logits.requires_grad_()

        def call() -> tuple[Any, ...]:
            outputs = tuple(function(z, tokens))
            return *outputs, self.torch.autograd.grad(outputs, z, (g, h))[0]

        return call


class TorchCompile(Torch):
    """torch.compile, which compiles every size separately."""

    def optimized(self, function: Any) -> Any:
        """The compiled function. It is compiled in the first call, which is not timed."""
        self.torch.compiler.reset()
        return self.torch.compile(function, dynamic=False)

    def softmax_vjp(self, probs: Any, grad_output: Any) -> Call:
        """The formula, which the compiler fuses."""
        backward = self.optimized(lambda p, dp: p * (dp - (p * dp).sum(1, keepdim=True)))
        return lambda: (backward(probs, grad_output),)

    def log_softmax_vjp(self, log_probs: Any, grad_output: Any) -> Call:
        """The formula, which the compiler fuses."""
        backward = self.optimized(lambda y, dy: dy - y.exp() * dy.sum(1, keepdim=True))
        return lambda: (backward(log_probs, grad_output),)
