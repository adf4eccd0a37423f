"""What forward and backward write into: their inputs, the upstream gradient, the output, saved tensors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch

from softgrad.torch.checking.places import line_of
from softgrad.torch.checking.trials import Found, Trials
from softgrad.torch.checking.watching import Watching


def overwritten(trials: Trials) -> Iterator[Found]:
    """Which tensors change that should not."""
    leaves = trials.leaves()
    inputs = {trials.name(i): one for i, one in enumerate(leaves) if isinstance(one, torch.Tensor)}
    saved: dict[str, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved[f"saved tensor {len(saved)}"] = alias = tensor.detach()
        return alias  # the tensor itself would keep its graph alive, and be kept by it

    before = _copies(inputs)
    watching = Watching(inputs)
    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with contextlib.nullcontext() if _uses_transforms(trials) else hooks, watching:
        run = trials.run(leaves)
    changed = [] if trials.functions.on_copies else _changed(inputs, before)
    for name in changed:
        evidence = f"{name} is changed by the forward pass"
        yield Found("input-overwritten-by-forward", evidence, line_of(watching.writes.get(name)))

    outputs = {f"output {i}" if len(run.outputs) > 1 else "the output": one for i, one in enumerate(run.outputs)}
    upstream = trials.upstream
    given = {f"grad_output {i}" if len(upstream) > 1 else "grad_output": one for i, one in enumerate(upstream)}
    watched = {**given, **inputs, **outputs}
    before, before_saved = _copies(watched), _copies(saved)
    watching = Watching(watched)
    for name, one in saved.items():
        watching.watch(name, one)
    with watching:
        trials.backward(run, upstream)
    told = False
    for name in _changed(watched, before):
        told = True
        kind = "grad-output" if name in given else "input" if name in inputs else "output"
        evidence = f"{name} is changed by the backward pass"
        yield Found(f"{kind}-overwritten", evidence, line_of(watching.writes.get(name)))
    for name in [] if told else _changed(saved, before_saved)[:1]:
        evidence = f"a tensor of shape {tuple(saved[name].shape)} is changed by the backward pass"
        yield Found("saved-tensor-overwritten", evidence, line_of(watching.writes.get(name)))


def _uses_transforms(trials: Trials) -> bool:
    """Whether forward calls torch.func, which takes no hooks on saved tensors."""
    try:
        with torch.autograd.graph.saved_tensors_hooks(torch.Tensor.detach, lambda tensor: tensor):
            trials.run(trials.leaves())
    except RuntimeError as error:
        return "saved tensor hooks" in str(error)
    return False


def _copies(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in tensors.items()}


def _changed(tensors: Mapping[str, torch.Tensor], before: Mapping[str, torch.Tensor]) -> list[str]:
    """The tensors that hold other numbers than before."""
    return [
        name
        for name, one in tensors.items()
        if not torch.equal(torch.nan_to_num(one.detach()), torch.nan_to_num(before[name]))
    ]
