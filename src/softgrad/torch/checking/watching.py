"""What torch does to memory while the user's code runs: writes into given tensors, shorter types, strides."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from softgrad.check.trace.node import Site
from softgrad.check.trace.sites import Places
from softgrad.torch.checking.modes import SafeDispatchMode

SHORT = (torch.float32, torch.float16, torch.bfloat16)


class Watching(SafeDispatchMode):
    """Notes the lines of the user's code that write into some tensors, and the first that shortens or restrides one.

    Args:
        tensors: the tensors, by name.
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self._names = {_address(one): name for name, one in tensors.items()}
        self._places = Places(sys._getframe(1))
        self.writes: dict[str, Site | None] = {}
        self.is_shortened = False  # from float64
        self.shortens: Site | None = None
        self.restrides: Site | None = None

    def watch(self, name: str, tensor: torch.Tensor) -> None:
        """Watches another tensor, unless its memory is watched already."""
        self._names.setdefault(_address(tensor), name)

    def run(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Runs an operator."""
        result = func(*args, **kwargs)
        if func is torch.ops.aten.as_strided.default and self.restrides is None:
            self.restrides = self._places.here("")[0]
        if func._schema.is_mutable:
            for i, argument in enumerate(func._schema.arguments):
                if argument.alias_info is not None and argument.alias_info.is_write:
                    self._note(args[i] if i < len(args) else kwargs.get(argument.name))
        if not self.is_shortened and _shortens(args, result):
            self.is_shortened, self.shortens = True, self._places.here("")[0]
        return result

    def _note(self, written: Any) -> None:
        for one in tree_leaves(written):
            name = self._names.get(_address(one)) if isinstance(one, torch.Tensor) else None
            if name is not None:
                self.writes.setdefault(name, self._places.here("")[0])


def _shortens(args: Any, result: Any) -> bool:
    if not isinstance(result, torch.Tensor) or result.dtype not in SHORT:
        return False
    return any(isinstance(one, torch.Tensor) and one.dtype == torch.float64 for one in tree_leaves(args))


def _address(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # it has no memory
        return 0
