"""softgrad.torch: its module in place of torch's, with torch's autograd."""

from __future__ import annotations

from typing import Any

from benchmarks.providers.base import Call
from benchmarks.providers.torch_calls import Torch
from benchmarks.questions.base import Operation


class SoftgradTorch(Torch):
    """The time includes the module of the loss, autograd and the checks of the arguments."""

    def calls(self, operation: Operation, inputs: Any) -> dict[str, Call]:
        """What has a way of its own; the others are the calls of softgrad behind torch's autograd."""
        own = ("cross_entropy", "softmax", "log_softmax", "token_log_probs")
        return super().calls(operation, inputs) if operation.name in own else {}

    def softmax(self, logits: Any) -> Call:
        """The function of the same name."""
        import softgrad.torch

        function = softgrad.torch.softmax
        return lambda: (function(logits),)

    def log_softmax(self, logits: Any) -> Call:
        """The function of the same name."""
        import softgrad.torch

        function = softgrad.torch.log_softmax
        return lambda: (function(logits),)

    def cross_entropy(self, logits: Any, target: Any) -> Call:
        """CrossEntropyLoss in the forward pass, autograd in the backward pass."""
        import softgrad.torch

        z, criterion = logits.requires_grad_(), softgrad.torch.CrossEntropyLoss()

        def call() -> tuple[Any, ...]:
            loss = criterion(z, target)
            return loss, self.torch.autograd.grad(loss, z)[0]

        return call

    def token_log_probs(self, logits: Any, tokens: Any, g: Any, h: Any) -> Call:
        """The function of the same name, and autograd."""
        import softgrad.torch

        return self.with_upstream(softgrad.torch.token_log_probs, logits, tokens, g, h)
