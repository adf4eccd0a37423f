"""A line where the backward pass may go wrong, and what it costs: what has to be believed for it."""

from __future__ import annotations

from typing import NamedTuple

from softgrad.check.locate.known import Known, agree
from softgrad.check.locate.lines import Line
from softgrad.check.locate.repair import Repair, is_simple
from softgrad.check.trace.graph import Node
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

# What a candidate costs.
UNKNOWN_LINE = 1.0  # each line before it whose values are unknown
FIRST_UNKNOWN = 0.9  # no repair is known
NOT_MENDED = 1.5  # each wrong gradient that stays wrong
AT_THE_END = 0.3  # a returned gradient is replaced by the right one: that always mends it
OPERAND = 0.15  # one use of a value changes
ANYWHERE = 0.5  # a factor is missing from everything that is wrong, and the line does not multiply by a number
MISPLACED = 0.5  # a right value is returned in another one's place
KNOWN_VALUE = 0.8  # a known gradient is the wrong one
KNOWN_SHARE = 0.3  # or a part of one
RIGHT_BEFORE = 0.9  # the line computes right values in the first passes through its loop
REPLACED = {"gradient": 0.0, "share": 0.1, "derivative": 0.3, "value": 0.4}
FACTOR = 0.4  # a known array is missing as a factor
EDITS = ("scaled", "multiplied", "divided")
BEFORE_EDIT = 0.1  # each unknown line before a missing sign or factor
MULTIPLE = 0.3  # a known array times a factor
LAYOUT = {"": 0.0, "transposed": 0.05, "reshaped": 0.3}


class Candidate(NamedTuple):
    """One line where the backward pass may go wrong.

    Attributes:
        cost: what has to be believed for it.
        node: the first value that is wrong.
        line: its line.
        repair: the change that mends the gradients; None where none is known.
        returned_as: the gradient that the value is returned as, where it is right as something else.
    """

    cost: float
    node: Node
    line: Line
    repair: Repair | None
    returned_as: Key | None = None

    @property
    def is_certain(self) -> bool:
        """Whether the repair can be told as what the line should compute."""
        return self.repair is not None and self.cost < UNKNOWN_LINE

    @property
    def order(self) -> tuple[int, int]:
        """Candidates that cost about the same are in the order of computation."""
        return int(self.cost / 0.1 + 1e-6), self.node.index


def cost_of(repair: Repair, array: Known | None) -> float:
    """What a repair costs by its kind."""
    if repair.how == "replaced":
        cost = 0.0 if repair.factor == 1 else MULTIPLE
        return cost + REPLACED[array.kind] + LAYOUT[repair.layout] if array is not None else 0.0
    if repair.how in ("multiplied", "divided"):
        return FACTOR
    if repair.how == "scaled":
        return 0.2 if is_simple(repair.factor) else 0.8
    assert array is not None
    cost = 0.0 if array.kind in ("gradient", "share") else 0.2
    if abs(abs(repair.factor) - 1) < 1e-6:
        return cost + 0.6
    return cost + (1.0 if is_simple(repair.factor) else 2.0)


def is_gradient_times_a_factor(value: Array, array: Known) -> bool:
    """Whether a value is a gradient but for a factor."""
    if array.kind != "gradient" or value.shape != array.value.shape or not value.any():
        return False
    factor = float((value * array.value).sum() / (value * value).sum())
    return agree(factor * value, array.value)


def has_factor(node: Node) -> bool:
    """Whether a value is computed by multiplying with a number."""
    return node.op in ("multiply", "divide") and any(not one.active and one.value.size == 1 for one in node.parents)
