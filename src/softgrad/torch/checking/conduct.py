"""What torch's own gradcheck does not try, in its order, and what a report says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from softgrad.check.report.findings import plain_mistake
from softgrad.check.report.mistake import Mistake
from softgrad.check.report.report import Report
from softgrad.check.user.descriptions import describe_error
from softgrad.check.user.randomness import Randomness
from softgrad.torch.checking.functions import TorchFunctions
from softgrad.torch.checking.layouts import input_layouts, upstream_layouts
from softgrad.torch.checking.memory import overwritten
from softgrad.torch.checking.precision import in_a_short_type, in_float32
from softgrad.torch.checking.repeated import inputs_alone, outputs_alone, second_backward, two_forwards
from softgrad.torch.checking.trials import Found, Trials

PROBES: dict[Callable[[Trials], Iterator[Found]], str] = {  # in words
    overwritten: "what is overwritten",
    second_backward: "a second backward pass",
    two_forwards: "two forward passes",
    inputs_alone: "the gradients of some inputs alone",
    outputs_alone: "the gradients of each output alone",
    upstream_layouts: "other layouts of the upstream gradient",
    input_layouts: "other layouts of the inputs",
    in_a_short_type: "digits that float32 does not have",
    in_float32: "float32",
}
# With these, others follow from the same cause.
FOLLOWS = {
    "grad-output-overwritten": ("upstream-layout", "second-backward-differs"),
    "saved-tensor-overwritten": ("second-backward-differs",),
    "input-overwritten": ("second-backward-differs",),
    "input-overwritten-by-forward": ("input-layout", "second-backward-differs"),
    "output-overwritten": ("second-backward-differs",),
    "second-backward-differs": ("state-outside-ctx",),
    "not-repeatable-gradient": ("state-outside-ctx",),
    "accumulated-gradient": ("second-backward-differs", "upstream-layout", "input-layout"),
}
CAUSES = ("not-repeatable-gradient", "no-graph", "missing-gradient", "input-overwritten-by-forward")  # of wrong numbers


def with_conduct(report: Report, functions: TorchFunctions, others: Randomness, seed: int, limit: int) -> Report:
    """The report with the mistakes of conduct that the trials show.

    Args:
        report: of the numbers.
        functions: the user's functions.
        others: the random generators that are not torch's.
        seed: of the check.
        limit: how many calls there may be.
    """
    if report.ok is None:
        return report
    try:
        trials = Trials(functions, seed, others)
    except Exception:  # torch refuses its gradients, for example for their shapes: the report says so
        return report
    found: list[Found] = []
    facts = list(report.facts)
    for probe, words in PROBES.items():
        if report.calls + trials.calls >= limit:
            facts.append(f"stopped at max_calls = {limit:,}: not all layouts, types and orders of calls were tried")
            break
        try:
            found += probe(trials)
        except Exception as error:
            facts.append(f"could not be tried: {words} ({describe_error(error)})")
    found = [*_without_graph(report, trials), *found]
    names = [*(one.name for one in report.mistakes), *(one.name for one in found)]
    explained = {other for name in names for other in FOLLOWS.get(name, ())}
    found = [one for one in found if one.name not in explained]
    facts += [*_kept_on_ctx(trials), *_once_differentiable(trials)]
    return _with(replace(report, calls=report.calls + trials.calls, facts=tuple(facts)), found)


def _with(report: Report, found: list[Found]) -> Report:
    known = {mistake.name for mistake in report.mistakes}
    if report.backward_line is None:  # the trial shows the line of what the numbers have shown
        there = next((one.line for one in found if one.name in known and one.line is not None), None)
        report = replace(report, backward_line=there)
    found = [one for one in {one.name: one for one in reversed(found)}.values() if one.name not in known][::-1]
    if not found:
        return report
    mistakes = [replace(plain_mistake(one.name, one.evidence), also=True) for one in found]
    first = [one for one in mistakes if one.name in CAUSES and report.ok is False]
    before: list[Mistake] = [] if first and any(one.name == "no-graph" for one in first) else list(report.mistakes)
    line = report.backward_line
    if report.ok or first or line is None:
        lines = [one.line for one in found if one.line is not None and (not first or one.name in CAUSES)]
        line = next(iter(lines), line)
    if report.ok and [one.name for one in found] == ["input-layout"]:
        report = replace(report, facts=(*report.facts, "the gradients at the inputs given are right"))
    return replace(
        report,
        ok=False,
        mistakes=(*first, *before, *(one for one in mistakes if one not in first)),
        backward_line=line,
    )


def _without_graph(report: Report, trials: Trials) -> Iterator[Found]:
    """Outputs that require no gradient, though they depend on the inputs; inputs that get none, though asked for."""
    functions = trials.functions
    if report.ok is False and functions.is_detached:
        yield Found("no-graph", "no output requires a gradient")
        return
    for i, leaf in enumerate(trials.inputs.leaves):
        if not leaf.is_real or trials.wanted[i] is not None or not leaf.given.requires_grad:
            continue
        arrays = list(trials.arrays)
        arrays[i] = arrays[i] * 1.01 + 0.01
        outputs, others = trials.run(trials.leaves()).outputs, trials.run(trials.leaves(arrays)).outputs
        if any(not torch.equal(a, b) for a, b in zip(outputs, others, strict=True)):
            if functions.subject.method is not None:
                yield Found("missing-gradient", f"{leaf.name} requires a gradient, and gets None")
            else:
                yield Found("no-graph", f"the output depends on {leaf.name}, and no gradient flows to it")


def _kept_on_ctx(trials: Trials) -> list[str]:
    """A fact on inputs and outputs whose later changes torch does not notice: they are not in save_for_backward."""
    if not trials.functions.subject.classes:
        return []
    facts = []
    for what in ("an input", "the output"):
        run = trials.run(trials.leaves())
        tensors = run.outputs if what == "the output" else [run.leaves[i] for i in trials.wanted_leaves]
        try:
            for one in tensors:
                one.detach().add_(1)
            got = trials.backward(run, trials.upstream)
        except RuntimeError:  # torch has noticed it
            continue
        if trials.first_difference(got, trials.wanted) is not None:
            kept = f"backward uses {what} that is not kept by ctx.save_for_backward"
            facts.append(f"{kept}: if it is overwritten before, the gradient is wrong and torch raises no error")
    return facts


def _once_differentiable(trials: Trials) -> list[str]:
    """A fact on a backward pass that torch cannot differentiate."""
    code = getattr(trials.functions.subject.method, "__code__", None)
    if code is None or code.co_filename != torch.autograd.function.__file__:  # the decorator's own function
        return []
    return ["backward can be differentiated once only: it is marked once_differentiable"]
