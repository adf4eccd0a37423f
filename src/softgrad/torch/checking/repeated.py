"""Backward passes in another order or another number than one after each forward pass, and of some inputs alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from softgrad.check.user.descriptions import describe_error
from softgrad.torch.checking.places import line_of_error, line_of_state
from softgrad.torch.checking.trials import Found, Trials

MOST_LEAVES = 12  # whose gradients are asked for one by one


def second_backward(trials: Trials) -> Iterator[Found]:
    """Whether a second backward pass over a retained graph gives the same gradients."""
    run, randomness = trials.run(trials.leaves()), trials.functions.randomness
    with randomness.at(run.states):
        first = trials.functions.gradients(run.leaves, run.outputs, trials.upstream, retain=True)
        draws = randomness.drawn_since(run.states)
        try:
            second = trials.functions.gradients(run.leaves, run.outputs, trials.upstream)
        except Exception as error:
            evidence = f"with retain_graph=True, the second backward pass raises {describe_error(error)}"
            yield Found("second-backward-differs", evidence, line_of_error(error))
            return
    trials.calls += 2
    i = trials.first_difference(second, first)
    if i is None:
        return
    if draws:
        evidence = f"it draws random numbers, and a second backward pass gives another gradient of {trials.name(i)}"
        yield Found("not-repeatable-gradient", evidence)
    else:
        evidence = f"with retain_graph=True, the second backward pass gives another gradient of {trials.name(i)}"
        yield Found("second-backward-differs", evidence)


def two_forwards(trials: Trials) -> Iterator[Found]:
    """Whether a forward pass leaves the graph of the one before it alone."""
    if trials.functions.subject.backward is not None:
        return  # a pair of functions has no graph: its backward follows its forward
    for arrays in (trials.moved(trials.arrays, 0.1), trials.shuffled(trials.arrays)):
        first = trials.run(trials.leaves())
        try:
            trials.run(trials.leaves(arrays))
        except Exception:  # not defined there
            continue
        try:
            got = trials.backward(first, trials.upstream)
            i = trials.first_difference(got, trials.wanted)
            if i is None:
                continue
            evidence = f"after a second forward pass, backward of the first gives another gradient of {trials.name(i)}"
            line = None
        except Exception as error:
            evidence = f"after a second forward pass, backward of the first raises {describe_error(error)}"
            line = line_of_error(error)
        break
    else:
        return
    lines = (line_of_state(one) for one in trials.functions.subject.holds if hasattr(one, "__code__"))
    yield Found("state-outside-ctx", evidence, next((one for one in lines if one is not None), line))


def inputs_alone(trials: Trials) -> Iterator[Found]:
    """Whether each gradient is the same where other inputs require none: what ctx.needs_input_grad says."""
    asked = trials.wanted_leaves
    if not 1 < len(asked) <= MOST_LEAVES or trials.functions.subject.backward is not None:
        return
    for only in [[i] for i in asked] + ([[i for i in asked if i != left] for left in asked] if len(asked) > 2 else []):
        named = " and ".join(trials.name(i) for i in only)
        requires = f"where {named} alone require{'s' * (len(only) == 1)} a gradient"
        run = trials.run(trials.leaves(only=only))
        if not any(one.requires_grad for one in run.outputs):
            continue
        try:
            got = trials.backward(run, trials.upstream)
        except Exception as error:
            yield Found(
                "needs-input-grad", f"{requires}, backward raises {describe_error(error)}", line_of_error(error)
            )
            return
        wanted = [one if i in only else None for i, one in enumerate(trials.wanted)]
        i = trials.first_difference([one if i in only else None for i, one in enumerate(got)], wanted)
        if i is not None:
            yield Found("needs-input-grad", f"{requires}, the gradient of {trials.name(i)} is another one")
            return


def outputs_alone(trials: Trials) -> Iterator[Found]:
    """Whether the gradients are the sum of those of each output, where the others are not used."""
    run = trials.run(trials.leaves())
    if len(run.outputs) < 2:
        return
    total: list[torch.Tensor | None] = [None] * len(run.leaves)
    for k in range(len(run.outputs)):
        one = trials.run(trials.leaves())
        try:
            got = trials.functions.gradients(one.leaves, one.outputs[k : k + 1], trials.upstream[k : k + 1])
        except Exception as error:
            evidence = f"where output {k} alone is used, backward raises {describe_error(error)}"
            yield Found("unused-output", evidence, line_of_error(error))
            return
        total = [b if a is None else a if b is None else a + b for a, b in zip(total, got, strict=True)]
    i = trials.first_difference(total, trials.wanted)
    if i is not None:
        yield Found("unused-output", f"the gradients of {trials.name(i)} from each output do not add up to that of all")
