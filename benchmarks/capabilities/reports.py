"""Open reports of wrong derivatives of softmax, each as a question for every library.

The answer is one number, which the report shows to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.capabilities import numbers as n
from benchmarks.capabilities.questions import ENTRY, QUESTIONS, Question
from benchmarks.questions.base import Array


class Report(NamedTuple):
    """A question, and the reports that ask it, as repository#number."""

    question: Question
    links: tuple[str, ...]


def _entry(ask: Callable[[Any], Array], *index: int, dtype: str = "float64") -> Question:
    return Question(lambda library: np.asarray(ask(library))[index], ENTRY, dtype)


FIRST = np.array([1.0, 0.0])
TAIL, FORTY = np.array([37.42994775023705, 0.0]), np.array([40.0, 0.0])
ONE_ROW, CLASS_0, ONE_HOT = TAIL[None], np.array([0]), FIRST[None]
ALL_MASKED, NONE_ALLOWED = np.full(2, -np.inf), np.zeros(2, bool)
MASKED, MASKED_T, ALONG = np.array([[-np.inf, 0, 0]]), np.array([[0.0, 1, 0]]), np.array([[0.0, 1, 0]])
LONG = (np.random.default_rng(2).normal(size=70_000)).astype(np.float16).astype(float)

REPORTS = {
    "log_softmax: dz₀ at z = (37.43, 0)": Report(
        _entry(lambda library: library.log_softmax_vjp(TAIL, FIRST), 0),
        ("pytorch/pytorch#195680", "jax-ml/jax#40384", "tensorflow/tensorflow#126630"),
    ),
    "softmax: dz₀ at z = (37.43, 0)": Report(
        _entry(lambda library: library.softmax_vjp(TAIL, FIRST), 0),
        ("pytorch/pytorch#195684", "jax-ml/jax#40386", "tensorflow/tensorflow#126633"),
    ),
    "softmax: dz₀ at z = (40, 0)": Report(
        _entry(lambda library: library.softmax_vjp(FORTY, FIRST), 0), ("jax-ml/jax#40344",)
    ),
    "cross-entropy: dz₀ at z = (37.43, 0), class 0": Report(
        _entry(lambda library: library.loss_and_grad(ONE_ROW, CLASS_0)[1], 0, 0),
        ("pytorch/pytorch#195678", "tensorflow/tensorflow#126636"),
    ),
    "cross-entropy: the same, target (1, 0)": Report(
        _entry(lambda library: library.loss_and_grad(ONE_ROW, ONE_HOT)[1], 0, 0), ("tensorflow/tensorflow#126634",)
    ),
    "logsumexp: dz₀ at z = (-inf, -inf)": Report(
        _entry(lambda library: library.logsumexp_grad(ALL_MASKED), 0), ("jax-ml/jax#6811",)
    ),
    "logsumexp: dz₀ if all classes are masked": Report(
        _entry(lambda library: library.masked_logsumexp_grad(TAIL, NONE_ALLOWED), 0), ("jax-ml/jax#6811",)
    ),
    "cross-entropy: forward mode at z = (-inf, 0, 0), target (0, 1, 0)": Report(
        _entry(lambda library: library.jvp(MASKED, MASKED_T, ALONG)), ("google-deepmind/optax#1762",)
    ),
    "log_softmax: dz₀ of 70,000 classes in float16": Report(
        _entry(lambda library: library.log_softmax_vjp(LONG, np.ones(LONG.size), dtype="float16"), 0, dtype="float16"),
        ("jax-ml/jax#40409",),
    ),
    "forward mode twice, through an autograd.Function in torch": Report(
        _entry(lambda library: library.own_function_jacfwd_twice(n.Z[0], n.Y[0, ...]), 0, 0),
        ("pytorch/pytorch#197867",),
    ),
    "cross-entropy: row 1 for an upstream gradient of stride 0": Report(
        _entry(lambda library: library.rows_vjp(n.Z, n.Y, n.G_STRIDE_0), 1, 0), ("ROCm/TransformerEngine#623",)
    ),
    "cross-entropy: row 1 of logits in Fortran order": Report(
        _entry(lambda library: library.loss_and_grad(np.asfortranarray(n.Z), n.Y, reduction="none")[0], 1),
        ("NVIDIA/TransformerEngine#2734",),
    ),
}
ASKED = QUESTIONS | {name: report.question for name, report in REPORTS.items()}
