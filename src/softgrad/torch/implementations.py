"""Which implementation computes a call: the kernels of the device, or the closed forms in torch operations.

`IMPLEMENTATIONS` is the one table. A device that gets kernels gets a row here.

Kernels see numbers, once: so the closed forms compute what torch transforms (torch.func, forward mode), what has no
numbers (the device meta, fake tensors), what torch.export and torch.jit.trace record, and calls that are differentiated
at the target or at the class weights. torch itself differentiates them, so any composition of transforms is as right as
torch is.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from softgrad.torch import cpu

IMPLEMENTATIONS: dict[str, ModuleType] = {"cpu": cpu}  # modules with the functions and the DTYPES of cpu.py

PLAIN = (Tensor, torch.nn.Parameter)


def kernels_for(logits: Tensor, *others: Tensor | None) -> Any:
    """The implementation by kernels for tensors of this device, dtype and kind; None for the closed forms.

    Args:
        logits: the tensor that the call is differentiated at.
        others: tensors that the kernels read and do not differentiate at.
    """
    kernels = IMPLEMENTATIONS.get(logits.device.type)
    if kernels is None or logits.dtype not in kernels.DTYPES or is_transformed():
        return None
    if torch.compiler.is_compiling():
        if torch.compiler.is_exporting():
            return None
    elif type(logits) not in PLAIN:
        return None
    for other in others:
        if other is not None and (
            other.device != logits.device
            or (other.requires_grad and torch.is_grad_enabled())
            or (type(other) not in PLAIN and not torch.compiler.is_compiling())
        ):
            return None
    return kernels


def is_transformed() -> bool:
    """Whether torch.func, forward mode or torch.jit.trace is at work."""
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return True
    return bool(torch.jit.is_tracing())


def is_batched(g: Tensor) -> bool:
    """Whether an upstream gradient stands for several, of torch.autograd.grad with is_grads_batched."""
    return not torch.compiler.is_compiling() and bool(torch._C._functorch.is_legacy_batchedtensor(g))


def has_values(*tensors: Tensor | None) -> bool:
    """Whether entries can be read: not inside torch.func, torch.compile or a dispatch mode, nor on the device meta."""
    if records_calls() or torch._C._are_functorch_transforms_active():
        return False
    return all(t is None or (type(t) in PLAIN and t.device.type != "meta") for t in tensors)


def records_calls() -> bool:
    """Whether calls are recorded or intercepted, by torch.compile or a dispatch mode: then kernels are operators."""
    return bool(torch.compiler.is_compiling()) or torch._C._len_torch_dispatch_stack() > 0


def is_recorded() -> bool:
    """Whether a backward pass is itself recorded, by create_graph."""
    return not torch.compiler.is_compiling() and torch.is_grad_enabled()


def needs_closed_form(g: Tensor) -> bool:
    """Whether a backward pass with this upstream gradient is recorded or transformed."""
    return is_recorded() or is_transformed() or is_batched(g)


def may_overwrite_saved(g: Tensor) -> bool:
    """Whether a backward pass runs for the last time: its graph is not kept, and nothing records or transforms it."""
    return not (
        records_calls()
        or torch.is_grad_enabled()
        or torch._C._autograd._get_current_graph_task_keep_graph()
        or is_transformed()
        or torch._C._functorch.is_legacy_batchedtensor(g)
    )
