"""The kernels as operators of torch, for what records calls: torch.compile, make_fx and dispatch modes.

They are made by define and impl, which cost a call less than torch.library.custom_op. An operator returns a gradient
beside the loss; the autograd of this package is above it, in `losses.py` and `linear.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from softgrad.torch import cpu, cpu_shortcut
from softgrad.torch.forms.rows import computed_in
from softgrad.torch.options import Options

OPTIONS = (
    "str name, int axis, int? ignore_index, float label_smoothing, float z_loss, float? softcap, float temperature, "
    "str reduction, float? denominator, str if_all_ignored, float parameter"
)
TENSORS = "Tensor logits, Tensor target, Tensor? where, Tensor? weight"

torch.library.define("softgrad::loss", f"({TENSORS}, {OPTIONS}) -> Tensor")
torch.library.define("softgrad::loss_with_grad", f"({TENSORS}, {OPTIONS}) -> (Tensor, Tensor)")
torch.library.define("softgrad::loss_vjp", f"({TENSORS}, Tensor g, {OPTIONS}) -> Tensor")

TOKENS = "int axis, float temperature, int? ignore_index"
UPSTREAM = "Tensor? g, Tensor? h"
torch.library.define(
    "softgrad::token_log_probs", f"(Tensor logits, Tensor tokens, {TOKENS}) -> (Tensor, Tensor, Tensor)"
)
torch.library.define(
    "softgrad::token_log_probs_vjp", f"(Tensor logits, Tensor tokens, Tensor saved, {UPSTREAM}, {TOKENS}) -> Tensor"
)

LINEAR = "Tensor x, Tensor w, Tensor? bias, Tensor target, Tensor? weight"
RUN = "int max_memory, bool[] needs"
torch.library.define("softgrad::linear_loss", f"({LINEAR}, {RUN}, {OPTIONS}) -> (Tensor, Tensor, Tensor, Tensor)")
torch.library.define("softgrad::linear_vjp", f"({LINEAR}, Tensor g, {RUN}, {OPTIONS}) -> (Tensor, Tensor, Tensor)")

LAYER = "Tensor hidden, Tensor weight, Tensor? bias, Tensor tokens"
OF_LAYER = "float temperature, int? ignore_index, int max_memory"
torch.library.define("softgrad::linear_token_log_probs", f"({LAYER}, {OF_LAYER}) -> (Tensor, Tensor, Tensor)")
torch.library.define(
    "softgrad::linear_token_log_probs_vjp",
    f"({LAYER}, Tensor saved, {UPSTREAM}, {OF_LAYER}, bool[] needs) -> (Tensor, Tensor, Tensor)",
)


@torch.library.impl("softgrad::loss", "CPU")
def _loss(logits, target, where, weight, *options):  # type: ignore[no-untyped-def]
    found = cpu_shortcut.run(Options(*options), logits, target, where, weight, with_grad=False)
    return found[0] if found else cpu.loss(Options(*options), logits, target, where, weight).contiguous()


@torch.library.register_fake("softgrad::loss")
def _fake_loss(logits, target, where, weight, *options):  # type: ignore[no-untyped-def]
    return empty_loss(Options(*options), logits)


@torch.library.impl("softgrad::loss_with_grad", "CPU")
def _loss_with_grad(logits, target, where, weight, *options):  # type: ignore[no-untyped-def]
    found = cpu_shortcut.run(Options(*options), logits, target, where, weight, with_grad=True)
    if found:
        return found
    loss, grad = cpu.loss_with_grad(Options(*options), logits, target, where, weight)
    return loss.contiguous(), grad.contiguous()  # a compiler trusts the layout of the fake results


@torch.library.register_fake("softgrad::loss_with_grad")
def _fake_loss_with_grad(logits, target, where, weight, *options):  # type: ignore[no-untyped-def]
    return empty_loss(Options(*options), logits), empty_grad(Options(*options), logits)


@torch.library.impl("softgrad::loss_vjp", "CPU")
def _loss_vjp(logits, target, where, weight, g, *options):  # type: ignore[no-untyped-def]
    return cpu.loss_vjp(Options(*options), logits, target, where, weight, g).contiguous()


@torch.library.register_fake("softgrad::loss_vjp")
def _fake_loss_vjp(logits, target, where, weight, g, *options):  # type: ignore[no-untyped-def]
    return empty_grad(Options(*options), logits)


@torch.library.impl("softgrad::token_log_probs", "CPU")
def _token_log_probs(logits, tokens, *options):  # type: ignore[no-untyped-def]
    log_probs, entropy, saved = cpu.token_log_probs(logits, tokens, *options)
    return log_probs.contiguous(), entropy.contiguous(), saved


@torch.library.register_fake("softgrad::token_log_probs")
def _fake_token_log_probs(logits, tokens, *options):  # type: ignore[no-untyped-def]
    dtype = computed_in(logits.dtype)
    saved = logits.new_empty((tokens.numel(), 4), dtype=torch.float64)
    return logits.new_empty(tokens.shape, dtype=dtype), logits.new_empty(tokens.shape, dtype=dtype), saved


@torch.library.impl("softgrad::token_log_probs_vjp", "CPU")
def _token_log_probs_vjp(logits, tokens, saved, g, h, *options):  # type: ignore[no-untyped-def]
    return cpu.token_log_probs_vjp(logits, tokens, saved, g, h, *options).contiguous()


@torch.library.register_fake("softgrad::token_log_probs_vjp")
def _fake_token_log_probs_vjp(logits, tokens, saved, g, h, *options):  # type: ignore[no-untyped-def]
    return torch.empty_like(logits, memory_format=torch.contiguous_format)


@torch.library.impl("softgrad::linear_loss", "CPU")
def _linear_loss(x, w, bias, target, weight, max_memory, needs, *options):  # type: ignore[no-untyped-def]
    return cpu.linear_loss(Options(*options), x, w, bias, target, weight, max_memory, needs)


@torch.library.register_fake("softgrad::linear_loss")
def _fake_linear_loss(x, w, bias, target, weight, max_memory, needs, *options):  # type: ignore[no-untyped-def]
    rows = x.shape[:-1] if Options(*options).reduction == "none" else ()
    return x.new_empty(rows, dtype=computed_in(x.dtype)), *empty_linear_grads(x, w, needs)


@torch.library.impl("softgrad::linear_vjp", "CPU")
def _linear_vjp(x, w, bias, target, weight, g, max_memory, needs, *options):  # type: ignore[no-untyped-def]
    return cpu.linear_vjp(Options(*options), x, w, bias, target, weight, g, max_memory, needs)


@torch.library.register_fake("softgrad::linear_vjp")
def _fake_linear_vjp(x, w, bias, target, weight, g, max_memory, needs, *options):  # type: ignore[no-untyped-def]
    return empty_linear_grads(x, w, needs)


torch.library.impl("softgrad::linear_token_log_probs", "CPU")(cpu.linear_token_log_probs)


@torch.library.register_fake("softgrad::linear_token_log_probs")
def _fake_linear_token_log_probs(hidden, weight, bias, tokens, *options):  # type: ignore[no-untyped-def]
    dtype, shape = computed_in(hidden.dtype), hidden.shape[:-1]
    saved = hidden.new_empty((tokens.numel(), 4), dtype=torch.float64)
    return hidden.new_empty(shape, dtype=dtype), hidden.new_empty(shape, dtype=dtype), saved


torch.library.impl("softgrad::linear_token_log_probs_vjp", "CPU")(cpu.linear_token_log_probs_vjp)


@torch.library.register_fake("softgrad::linear_token_log_probs_vjp")
def _fake_linear_token_log_probs_vjp(hidden, weight, bias, tokens, saved, g, h, *options):  # type: ignore[no-untyped-def]
    return empty_linear_grads(hidden, weight, options[-1])


def loss(options: Options, *tensors: Tensor | None) -> Tensor:
    """As `cpu.loss`."""
    result: Tensor = torch.ops.softgrad.loss(*tensors, *options)
    return result


def loss_with_grad(options: Options, *tensors: Tensor | None) -> tuple[Tensor, Tensor]:
    """As `cpu.loss_with_grad`."""
    value, grad = torch.ops.softgrad.loss_with_grad(*tensors, *options)
    return value, grad


def loss_vjp(options: Options, *tensors: Tensor | None) -> Tensor:
    """As `cpu.loss_vjp`."""
    result: Tensor = torch.ops.softgrad.loss_vjp(*tensors, *options)
    return result


def token_log_probs(logits: Tensor, tokens: Tensor, *options: Any) -> tuple[Tensor, Tensor, Tensor]:
    """As `cpu.token_log_probs`."""
    log_probs, entropy, saved = torch.ops.softgrad.token_log_probs(logits, tokens, *options)
    return log_probs, entropy, saved


def token_log_probs_vjp(*arguments: Any) -> Tensor:
    """As `cpu.token_log_probs_vjp`."""
    result: Tensor = torch.ops.softgrad.token_log_probs_vjp(*arguments)
    return result


def linear_loss(options: Options, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As `cpu.linear_loss`."""
    loss, dx, dw, db = torch.ops.softgrad.linear_loss(*arguments, *options)
    return loss, dx, dw, db


def linear_vjp(options: Options, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    """As `cpu.linear_vjp`."""
    dx, dw, db = torch.ops.softgrad.linear_vjp(*arguments, *options)
    return dx, dw, db


def linear_token_log_probs(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    """As `cpu.linear_token_log_probs`."""
    log_probs, entropy, saved = torch.ops.softgrad.linear_token_log_probs(*arguments)
    return log_probs, entropy, saved


def linear_token_log_probs_vjp(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    """As `cpu.linear_token_log_probs_vjp`."""
    dx, dw, db = torch.ops.softgrad.linear_token_log_probs_vjp(*arguments)
    return dx, dw, db


def empty_linear_grads(x: Tensor, w: Tensor, needs: list[bool]) -> tuple[Tensor, Tensor, Tensor]:
    """Tensors in the shapes of the gradients, of length 0 where one is not needed."""
    dtype = torch.float32 if x.dtype == torch.float16 else x.dtype
    shapes = (x.shape, w.shape, w.shape[:1])
    dx, dw, db = (x.new_empty(s if need else (0,), dtype=dtype) for s, need in zip(shapes, needs, strict=True))
    return dx, dw, db


def empty_loss(options: Options, logits: Tensor) -> Tensor:
    """A tensor in the shape and dtype of the loss."""
    axis = options.axis % logits.ndim
    rows = (*logits.shape[:axis], *logits.shape[axis + 1 :]) if options.reduction == "none" else ()
    return logits.new_empty(rows, dtype=computed_in(logits.dtype))


def empty_grad(options: Options, logits: Tensor) -> Tensor:
    """A tensor in the shape and dtype of the gradient."""
    return torch.empty_like(logits, memory_format=torch.contiguous_format)
