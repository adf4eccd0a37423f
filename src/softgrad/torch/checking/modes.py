"""A dispatch mode that torch can run on any graph."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map


class SafeDispatchMode(TorchDispatchMode):
    """A dispatch mode whose operators get no tensors of zeros without memory.

    torch makes such tensors in forward mode (`_efficientzerotensor`). Below a dispatch mode their operators call
    themselves until the process dies. So they become tensors with memory.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip it, torch would import the whole compiler

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given: tuple[Any, Any] = (args, kwargs or {})
        if any(map(_is_without_memory, tree_leaves(given))):
            given = tree_map(_with_memory, given)
        return self.run(func, *given)

    def run(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Runs an operator."""
        raise NotImplementedError


def _is_without_memory(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value._is_zerotensor()


def _with_memory(value: Any) -> Any:
    if not _is_without_memory(value):
        return value
    return torch.zeros(value.shape, dtype=value.dtype, device=value.device)
