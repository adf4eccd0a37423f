"""The same gradient for every layout of memory: of the upstream gradient, and of the inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from softgrad.check.report.source import SourceLine
from softgrad.check.user.descriptions import describe_error
from softgrad.torch.checking.places import line_of, line_of_error
from softgrad.torch.checking.trials import Change, Found, Trials
from softgrad.torch.checking.watching import Watching


def transposed(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers with the axes in reverse order of memory."""
    order = tuple(reversed(range(tensor.ndim)))
    return tensor.permute(order).contiguous().permute(order)


def sliced(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers as every second entry of a larger tensor."""
    if not tensor.ndim:
        return tensor
    wider = torch.stack([tensor, torch.full_like(tensor, 7)], dim=-1)
    return wider.reshape(*tensor.shape[:-1], 2 * tensor.shape[-1])[..., ::2]


def expanded(tensor: torch.Tensor) -> torch.Tensor:
    """The first number in every place, with stride 0."""
    return tensor.flatten()[:1].reshape(()).expand(tensor.shape) if tensor.numel() else tensor


def rows_expanded(tensor: torch.Tensor) -> torch.Tensor:
    """The first row in every place, with stride 0 on the first axis."""
    return tensor[:1].expand(tensor.shape) if tensor.ndim else tensor


def columns_expanded(tensor: torch.Tensor) -> torch.Tensor:
    """The first column in every place, with stride 0 on the last axis."""
    return tensor[..., :1].expand(tensor.shape) if tensor.ndim else tensor


REFUSALS = (AssertionError, NotImplementedError, TypeError, ValueError)
UPSTREAMS: dict[str, Change] = {
    "of stride 0, as out.sum().backward() gives it": expanded,
    "of stride 0 on its first axis, as out.sum(dim=0) gives it": rows_expanded,
    "of stride 0 on its last axis, as out.sum(dim=-1) gives it": columns_expanded,
    "that is transposed in memory": transposed,
    "that is a slice of another tensor": sliced,
}
INPUTS: dict[str, Change] = {
    "transposed in memory": transposed,
    "slices of other tensors": sliced,
    "expanded, with stride 0": rows_expanded,
}


def upstream_layouts(trials: Trials) -> Iterator[Found]:
    """Whether the gradients depend on the memory of the upstream gradient."""
    for said, change in UPSTREAMS.items():
        upstream = [change(one) for one in trials.upstream]
        if all(one.is_contiguous() for one in upstream):
            continue
        wanted = trials.gradients(
            trials.leaves(), [one.clone(memory_format=torch.contiguous_format) for one in upstream]
        )
        run = trials.run(trials.leaves())
        try:
            got = trials.backward(run, upstream)
        except Exception as error:  # the user's code may raise anything
            evidence = f"with an upstream gradient {said}, backward raises {describe_error(error)}"
            yield Found("upstream-layout", evidence, line_of_error(error))
            return
        i = trials.first_difference(got, wanted)
        if i is not None:
            evidence = f"with an upstream gradient {said}, the gradient of {trials.name(i)} is another one"
            yield Found("upstream-layout", evidence, _line_of_strides(trials, trials.leaves(), upstream))
            return


def input_layouts(trials: Trials) -> Iterator[Found]:
    """Whether the output or the gradients depend on the memory of the inputs."""
    if trials.functions.randomness.draws:
        return  # random numbers are drawn in the order of memory
    for said, change in INPUTS.items():
        if change is rows_expanded and trials.functions.on_copies:
            continue  # torch itself refuses to write into such a tensor
        if change is rows_expanded and any(not leaf.is_real for leaf in trials.inputs.leaves if leaf.is_tensor):
            continue  # equal labels or masks may be a case of their own
        leaves = trials.leaves(change=change)
        tensors = [one for one in leaves if isinstance(one, torch.Tensor)]
        if all(one.is_contiguous() for one in tensors):
            continue
        arrays = [one.detach().cpu().numpy() if isinstance(one, torch.Tensor) else one for one in leaves]
        if not trials.is_steady(arrays):
            continue  # for example, a deviation of equal rows
        run = trials.run(trials.leaves(arrays))
        wanted = trials.backward(run, trials.upstream)
        try:
            other = trials.run(leaves)
            got = trials.backward(other, trials.upstream)
        except REFUSALS:
            return  # the user's code says that it does not take such tensors
        except Exception as error:
            evidence = f"with inputs that are {said}, it raises {describe_error(error)}"
            yield Found("input-layout", evidence, line_of_error(error))
            return
        if trials.first_difference([*other.outputs], [*run.outputs]) is not None:
            line = _line_of_strides(trials, trials.leaves(change=change), trials.upstream)
            yield Found("input-layout", f"with inputs that are {said}, the output is another one", line)
            return
        i = trials.first_difference(got, wanted)
        if i is not None:
            evidence = f"with inputs that are {said}, the gradient of {trials.name(i)} is another one"
            line = _line_of_strides(trials, trials.leaves(change=change), trials.upstream)
            yield Found("input-layout", evidence, line)
            return


def _line_of_strides(trials: Trials, leaves: list[Any], upstream: list[torch.Tensor]) -> SourceLine | None:
    """The first line that reads memory with strides of its own; None where there is none."""
    watching = Watching({})
    with watching:
        trials.backward(trials.run(leaves), upstream)
    return line_of(watching.restrides)
