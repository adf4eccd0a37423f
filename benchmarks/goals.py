"""The goals for the speed of softgrad, as data, and their comparison with the results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from benchmarks import linear
from benchmarks.providers import COPY, PEERS, SOFTGRAD, SOFTGRAD_ROWS, SOFTGRAD_TORCH
from benchmarks.questions import QUESTIONS, SWEEP_CLASSES, Size
from benchmarks.record import Record, Row, load


class Goal(NamedTuple):
    """The smallest ratio that is wanted.

    Against peers: the time of the fastest peer over that of our call. Against the copy: the time of the
    copy over that of softgrad with out=.
    """

    question: str
    size: Size | None  # None: every size, so that the worst one counts
    against: tuple[str, ...]
    wanted: float
    ours: str = SOFTGRAD  # the call of softgrad


class Result(NamedTuple):
    """The result for a goal."""

    goal: Goal
    size: Size | None
    value: float | None  # None: not measured
    fastest: str  # the fastest of `goal.against`
    absent: tuple[str, ...]  # those of `goal.against` that are not installed

    def verdict(self) -> str:
        """The verdict in a few words."""
        if self.value is None:
            return "not run"
        if self.value < self.goal.wanted:
            return "FALLS SHORT"
        return f"reached, without {', '.join(self.absent)}" if self.absent else "reached"


def _loss(size: Size, *, torch: float, others: float, copy: float | None = None) -> list[Goal]:
    name = "cross-entropy"
    goals = [
        Goal(name, size, ("torch",), torch),
        Goal(name, size, ("torch.compile", "jax.jit", "NumPy"), others),
    ]
    return goals if copy is None else [*goals, Goal(name, size, (COPY,), copy)]


TENSORS = {  # the goals of softgrad.torch's module against torch's
    Size(4096, 32_000): 7.0,
    Size(65_536, 1000): 7.0,
    Size(1_000_000, 10): 7.0,
    Size(64, 10): 1.0,
    Size(16, 1000): 1.0,
}
MIDDLE = (Size(256, SWEEP_CLASSES), Size(4096, SWEEP_CLASSES))
SMALL_TENSORS = (Size(1, 10), Size(64, 10), Size(16, 1000))
LINEAR = "linear-128256"
GOALS = (
    *_loss(Size(4096, 32_000), torch=10, others=3.5, copy=0.75),
    *_loss(Size(65_536, 1000), torch=10, others=4, copy=0.65),
    *_loss(Size(1_000_000, 10), torch=14, others=3.5, copy=0.3),
    *_loss(Size(64, 10), torch=6, others=3),
    *(Goal("cross-entropy", size, ("torch",), wanted, SOFTGRAD_TORCH) for size, wanted in TENSORS.items()),
    Goal("softmax", Size(64, 10), ("torch",), 1.5),
    *(Goal(name, size, ("torch",), 1, SOFTGRAD_TORCH) for name in ("softmax", "log-softmax") for size in SMALL_TENSORS),
    *(
        Goal(name, size, PEERS, 1.5)
        for name in ("softmax", "log-softmax", "softmax-vjp", "log-softmax-vjp")
        for size in MIDDLE
    ),
    Goal("softmax-short-rows", None, (COPY,), 0.5),
    Goal("softmax-columns", None, (SOFTGRAD_ROWS,), 0.5),
    Goal(LINEAR, linear.QUESTIONS[LINEAR].sizes[0], ("torch, chunks of 512",), 0.95, "softgrad, memory as torch"),
    Goal("token-log-probs", Size(2048, 50_257), ("torch",), 5, SOFTGRAD_TORCH),
    Goal("token-log-probs", Size(2048, 50_257), ("torch.compile",), 3, SOFTGRAD_TORCH),
    *(Goal(name, None, PEERS, 1) for name in QUESTIONS),
)


def with_linear(records: Mapping[str, Record]) -> dict[str, Record]:
    """The records, and the saved one of the linear loss that has a goal."""
    record = load(LINEAR)
    return {**records} if record is None else {**records, LINEAR: record}


def evaluate(records: Mapping[str, Record]) -> list[Result]:
    """The result for every goal whose question has a record."""
    return [_evaluate(goal, records[goal.question]) for goal in GOALS if goal.question in records]


def _evaluate(goal: Goal, record: Record) -> Result:
    absent = tuple(peer for peer in goal.against if peer in record.absent)
    worst = Result(goal, goal.size, None, "", absent)
    for row in record.rows:
        size = Size(row.rows, row.classes, row.features)
        if goal.size in (None, size):
            for peer, ratio in _ratios(goal, row).items():
                if worst.value is None or ratio < worst.value:
                    worst = Result(goal, size, ratio, peer, absent)
    return worst


def _ratios(goal: Goal, row: Row) -> dict[str, float]:
    if goal.against == (COPY,):
        ratios = {COPY: row.copy_ratio()}
    else:
        ratios = {peer: row.time_ratio(peer, goal.ours) for peer in goal.against}
    return {peer: ratio for peer, ratio in ratios.items() if ratio is not None}
