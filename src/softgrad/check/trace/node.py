"""What a trace consists of: nodes, each an array that an operation computed, and the places where operations stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from softgrad.formulas.numbers import Array

OUTPUTS = "outputs"  # inside: the place is that of several outputs, which the checker puts together


class Site(NamedTuple):
    """Where an operation stands in the user's source. All repetitions in a loop share it.

    Attributes:
        file: the file name, as the code object has it.
        number: the line on which the expression begins.
        function: the function; a comprehension belongs to the function around it.
        instruction: the offset of the instruction in the function's code; it tells operations of one line apart. Where
            one instruction runs several operations, those after the first have numbers behind it.
        op: the operation.
        inside: where in a function that is traced by its definition, such as "cov:12"; "" for the user's own.
        span: first line, last line, first column and end column of the expression; None where Python does not say.
    """

    file: str
    number: int
    function: str
    instruction: int
    op: str
    inside: str = ""
    span: tuple[int, int, int, int] | None = None


class Node:
    """One array, as one operation computed it.

    Attributes:
        op: the name of the operation: "input", "constant", or a name in `operations.py`.
        parents: the operands, constants included, in the order of the operation.
        value: the array; it cannot be written to.
        static: what else the operation was given: axis, keepdims, subscripts, index.
        site: where it stands; None for inputs and for constants.
        callers: the places from which the function around it was called, the innermost first.
        index: its place in the order of computation.
        repetition: its place among the nodes of its site and callers: the iteration of a loop.
        active: whether a derivative flows through it: it holds floats that depend on an input.
    """

    __slots__ = ("_derivatives", "active", "callers", "index", "op", "parents", "repetition", "site", "static", "value")

    def __init__(
        self,
        op: str,
        parents: tuple[Node, ...],
        value: Array,
        static: Mapping[str, Any],
        site: Site | None,
        callers: tuple[Site, ...],
        index: int,
        active: bool,
    ) -> None:
        self.op, self.parents, self.value, self.static = op, parents, value, static
        self.site, self.callers, self.index, self.active = site, callers, index, active
        self.repetition = 0
        self._derivatives: dict[int, Any] = {}

    def derivative(self, k: int, compute: Callable[[], Any]) -> Any:
        """What `compute` gives for operand k, computed once."""
        if k not in self._derivatives:
            self._derivatives[k] = compute()
        return self._derivatives[k]

    @property
    def caller(self) -> Site | None:
        """The place from which the function around it was called."""
        return self.callers[0] if self.callers else None

    @property
    def joins_outputs(self) -> bool:
        """Whether the checker made it of several outputs of the user's function."""
        return self.op == "assemble" and (self.site is None or self.site.inside == OUTPUTS)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.value.shape

    def __repr__(self) -> str:
        line = f", line {self.site.number}" if self.site else ""
        return f"<{self.index}: {self.op} {self.value.shape}{line}>"
