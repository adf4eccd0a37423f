"""The table of losses: one row per loss, as data.

The functions of `softgrad.losses`, networks, the derivation, the command line, the checker and the tests read it. The
name of a row is that of its function and of its kernel.

In the lines (language.py) z are the logits, p = softmax(z), logp = log_softmax(z), and t is the target distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

FUSED = "dz = p - t"
AT_PROBABILITIES = "dp = -t / p"
FOCAL_AT_PROBABILITIES = "dp = t * (gamma * (1 - p) ** (gamma - 1) * log(p) - (1 - p) ** gamma / p)"
HALF_SQUARED = "dp = p - t"
# The Jacobian of softmax times the loss's own dp: a line of its own, since other mistakes are made in it.
SOFTMAX_IN_LOSS = "dz = (dp - sum_k(p * dp)) * p"

COMMON_OPTIONS = (
    "axis",
    "where",
    "weight",
    "ignore_index",
    "label_smoothing",
    "softcap",
    "temperature",
    "reduction",
    "denominator",
    "if_all_ignored",
)


class Parameter(NamedTuple):
    """A number, at least 0, that only one loss takes."""

    name: str
    default: float
    tried: tuple[float, ...]  # the values that the checker tries if it is not told one


class LossRow(NamedTuple):
    """What is known of a loss before anything is computed."""

    name: str
    title: str
    of_softmax: str  # the title in a report of the checker
    row_loss: str  # the loss of one row, an expression
    at_probabilities: str  # the line of dL/dp
    backward: tuple[str, ...]  # the lines from the target to dL/dz
    options: tuple[str, ...]
    parameter: Parameter | None = None  # the one among the options that only this loss takes
    is_derived: bool = True  # whether `softgrad.explain` derives it

    @property
    def command_name(self) -> str:
        """Its name on the command line: "cross-entropy"."""
        return self.name.removesuffix("_loss").replace("_", "-")


_ROWS = (
    LossRow(
        name="cross_entropy",
        title="cross-entropy",
        of_softmax="cross-entropy of softmax",
        row_loss="-sum_k(t * logp)",
        at_probabilities=AT_PROBABILITIES,
        backward=(FUSED,),
        options=(*COMMON_OPTIONS, "z_loss"),
    ),
    LossRow(
        name="squared_error",
        title="squared error",
        of_softmax="half squared error of softmax",
        row_loss="sum_k((p - t) ** 2) / 2",
        at_probabilities=HALF_SQUARED,
        backward=(HALF_SQUARED, SOFTMAX_IN_LOSS),
        options=(*COMMON_OPTIONS, "z_loss"),
    ),
    LossRow(
        name="kl_divergence",
        title="Kullback-Leibler divergence",
        of_softmax="Kullback-Leibler divergence",
        row_loss="sum_k(where(t > 0, t * (log(t) - logp), 0))",
        at_probabilities=AT_PROBABILITIES,
        backward=(FUSED,),
        options=(*COMMON_OPTIONS, "z_loss"),
    ),
    LossRow(
        name="focal_loss",
        title="focal loss",
        of_softmax="focal loss of softmax",
        row_loss="-sum_k(t * (1 - p) ** gamma * logp)",
        at_probabilities=FOCAL_AT_PROBABILITIES,
        backward=(FOCAL_AT_PROBABILITIES, SOFTMAX_IN_LOSS),
        options=("gamma", *COMMON_OPTIONS),
        parameter=Parameter("gamma", 2.0, (2.0, 1.0, 5.0, 0.5, 3.0, 1.5)),
        is_derived=False,
    ),
)
LOSSES: Mapping[str, LossRow] = {row.name: row for row in _ROWS}
PARAMETERS = tuple(row.parameter for row in _ROWS if row.parameter is not None)
