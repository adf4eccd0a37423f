"""The line of the user's backward pass where it goes wrong: both passes are traced, if the trace can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from softgrad.check.derivatives.gradient import Judgement
from softgrad.check.derivatives.gradient_judge import GradientJudge
from softgrad.check.diagnose.belief import agrees_with_derivatives, agrees_with_right_ones
from softgrad.check.locate.find import find_line
from softgrad.check.locate.returns import Returns
from softgrad.check.locate.suspects import Backward
from softgrad.check.report.findings import Findings
from softgrad.check.sampling.sampler import Sample
from softgrad.check.trace import trace_backward
from softgrad.check.user.arguments import Key
from softgrad.check.user.functions import UserFunctions
from softgrad.formulas.numbers import Array

MOST_DRAWS = 3


def find_wrong_line(
    functions: UserFunctions,
    samples: Sequence[Sample],
    judged: Mapping[Key, Judgement],
    wrong: Sequence[Key],
    judge: GradientJudge,
    findings: Findings,
) -> None:
    """Adds the line where the backward pass goes wrong, if it is found.

    Args:
        functions: the user's functions.
        samples: the inputs given, then others.
        judged: the judgement of each gradient at the inputs given.
        wrong: the gradients that are wrong, in their numbers or in their shape.
        judge: judges gradients by numerical derivatives.
        findings: to be added to.
    """
    try:
        runs: list[Backward] = []
        for n, sample in enumerate(samples[:MOST_DRAWS]):
            run = _run(functions, sample)
            if run is None or not _is_believed(run, sample, judged if n == 0 else None, wrong, judge):
                if n == 0:
                    return
                continue
            runs.append(run)
        names = {key: functions.name_of(key) for key in samples[0].arrays}
        findings.backward_line = find_line(runs, names)
    except Exception:  # a fault of this search is not the user's: the report does without the line
        return


def _run(functions: UserFunctions, sample: Sample) -> Backward | None:
    """The traced backward pass; None where the trace is lost, or is not what the functions compute."""
    returns = Returns()
    with returns.noted():
        trace = trace_backward(functions, sample.arrays, sample.upstream)
    if trace is None or not _is_same(trace.graph.output.value, sample.output):
        return None
    if any(
        key not in trace.returned or not _is_same(trace.returned[key].value, grad) for key, grad in sample.grads.items()
    ):
        return None
    return Backward(trace, sample.upstream, returns.lines(trace.returned), returns.held)


def _is_believed(
    run: Backward, sample: Sample, judged: Mapping[Key, Judgement] | None, wrong: Sequence[Key], judge: GradientJudge
) -> bool:
    if judged is not None and not agrees_with_derivatives(run.right, sample, judged, judge):
        return False
    return agrees_with_right_ones(run.right, sample.grads, wrong)


def _is_same(got: Array, wanted: Array) -> bool:
    wanted = np.asarray(wanted)
    return got.shape == wanted.shape and np.allclose(got, wanted, rtol=1e-9, atol=1e-300, equal_nan=True)
