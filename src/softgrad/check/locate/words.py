"""What is known of the line where a backward pass goes wrong, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from softgrad.check.locate.candidate import Candidate
from softgrad.check.locate.factors import Factors
from softgrad.check.locate.known import Known, agree, norm_of
from softgrad.check.locate.lines import Lines, sites_of
from softgrad.check.locate.repair import Repair, is_simple
from softgrad.check.locate.statements import RETURNED, owner_in, target_of, whole_of
from softgrad.check.locate.suspects import Backward
from softgrad.check.mutate.formulas import bracketed, gradient_of, right_flow
from softgrad.check.mutate.inner import inner_values
from softgrad.check.mutate.texts import Texts, expression
from softgrad.check.trace.graph import Node
from softgrad.check.user.arguments import Key
from softgrad.formulas.numbers import Array

MOST_INPUTS = 2  # right inputs that are told
LONGEST = 60  # characters of a formula
NAMELESS = "an array of shape"
DERIVATIVES = {  # of the operand {x} and the result {y}
    "tanh": "1 - {y} ** 2",
    "exp": "{y}",
    "expm1": "{y} + 1",
    "log": "1 / {x}",
    "sqrt": "1 / (2 * {y})",
    "square": "2 * {x}",
    "expit": "{y} * (1 - {y})",
    "absolute": "np.sign({x})",
    "sin": "np.cos({x})",
    "cos": "-np.sin({x})",
    "arctan": "1 / (1 + {x} ** 2)",
    "reciprocal": "-{y} ** 2",
}


class Named(Texts):
    """Calls a value by the name that it is assigned to, if its statement assigns it."""

    def of(self, node: Node) -> str:
        """What a node is called."""
        while node not in self.names and not sites_of(node) and len(node.parents) == 1:
            node = node.parents[0]
        if node not in self.names and node not in self.inner and node.site is not None and not node.site.inside:
            name, value = target_of(node.site.file, node.site.number)
            if name not in ("", RETURNED) and node.site.span is not None and _is_whole(value, node.site.span):
                return name
        return super().of(node)

    def is_named(self, node: Node) -> bool:
        """Whether a statement assigns the node to a name."""
        is_part = node.site is not None and bool(node.site.inside) and node.op in ("gather", "assemble")
        return node.site is not None and not is_part and self.of(node).isidentifier()

    def operand(self, node: Node, k: int) -> str:
        """What an operand is called where it is used."""
        if len(node.parents) == 1 and node.site is not None and node.site.inside:
            text = owner_in(expression(node.site))
            if text:
                return text
        return super().operand(node, k)


class Words:
    """Puts a candidate into words.

    Args:
        backward: the backward pass.
        names: of the inputs.
        factors: names factors.
    """

    def __init__(self, backward: Backward, names: Mapping[Key, str], factors: Factors) -> None:
        self.backward = backward
        inputs = backward.trace.graph.inputs
        self.names, self.factors = names, factors
        self.texts = Named(
            {node: names[key] for key, node in inputs.items() if key in names},
            inner=inner_values(backward.known.graph.nodes),
        )
        self.lines = Lines(backward)

    def notes(self, candidate: Candidate) -> list[str]:
        """Sentences: which inputs of the line are right, and what it should compute."""
        if candidate.returned_as is not None:
            return [self._returned(candidate.node, candidate.returned_as)]
        inputs = self._inputs(candidate)
        others = [(text, known) for text, known in inputs.items() if text != self._name(candidate)]
        found = [f"{text} is right: {self._is(known)}" for text, known in others][:MOST_INPUTS]
        key = self._gradient(candidate.node)
        if key is not None and not candidate.is_certain:
            return [*found, self._should_be_returned(candidate, key)]
        if candidate.repair is None or not candidate.is_certain:
            return [*found, self._belongs_nowhere(candidate)]
        return [*found, self._should_be(candidate, candidate.repair, inputs)]

    def _returned(self, node: Node, key: Key) -> str:
        match = self.backward.matches.get(node) or self.backward.known.match(node.value)
        what = self._is(match.known) if match is not None else self._should_be_called(node)
        return f"what is returned as the gradient of {self.names.get(key, key)} is {what}"

    def _should_be_called(self, node: Node) -> str:
        """What a value is that belongs to the forward pass, but is not known by itself."""
        return "another value" if node not in self.backward.functions else "a function of the forward pass alone"

    def _gradient(self, node: Node) -> Key | None:
        """The wrong gradient that a value is returned as."""
        return next((key for key in self.backward.wrong if self.backward.returned[key] is node), None)

    def _should_be_returned(self, candidate: Candidate, key: Key) -> str:
        what, match = self._name(candidate), self.backward.matches.get(candidate.node)
        is_part = match is not None and match.known.kind == "share"
        if match is not None and is_part and match.known.of is self.backward.trace.graph.inputs[key]:
            return f"{what} is only {self._is(match.known)}; it should be all of it"
        return f"{what} should be the gradient of {self.names.get(key, key)}"

    def _inputs(self, candidate: Candidate) -> dict[str, Known]:
        """The known gradients that the line takes, as it calls them."""
        found: dict[str, Known] = {}
        for node in self._of_line(candidate):
            for k, parent in enumerate(node.parents):
                match = self.backward.matches.get(parent)
                if match is None or match.known.kind not in ("gradient", "share") or match.layout == "part":
                    continue
                if any(self.backward.returned[key] is parent for key in self.backward.wrong):
                    continue  # it is returned as something else, wrongly
                text = self.texts.of(parent) if node.op in ("assemble", "write") else self.texts.operand(node, k)
                if self.lines.of(parent) != candidate.line and text and len(text) < LONGEST:
                    found.setdefault(text, match.known)
        return found

    def _of_line(self, candidate: Candidate) -> Iterator[Node]:
        """The values of the same pass through the line that lead to the wrong one, the wrong one first."""
        waiting, seen = [candidate.node], {candidate.node}
        while waiting:
            node = waiting.pop(0)
            yield node
            for parent in node.parents:
                if parent in self.backward.own and parent not in seen and self.lines.of(parent) == candidate.line:
                    seen.add(parent)
                    waiting.append(parent)

    def _row_of(self, node: Node, nodes: Sequence[Node]) -> str:
        """What stands before an array that is put together inside of a larger one, as in np.array([[a, b], [c, d]])."""
        places = (one for one in nodes if one.op == "assemble" and node in one.parents)
        is_inner = node.op == "assemble" and any(
            node.site is not None and one.site is not None and one.site.span == node.site.span for one in places
        )
        return "a row of " if is_inner else ""

    def _should_be(self, candidate: Candidate, repair: Repair, inputs: Mapping[str, Known]) -> str:
        node, known = candidate.node, repair.arrays[repair.nodes.index(candidate.node)]
        what = self._row_of(node, self.backward.nodes) + self._name(candidate)
        if repair.operand >= 0:
            what = self.texts.operand(node, repair.operand) or what
            what = self._name(candidate) if what.startswith(NAMELESS) else what
            what = f"{what} in it" if not what.endswith(self._name(candidate)) else what
        if repair.how == "scaled":
            return self._lacks_factor(what, repair.factor) or self._belongs_nowhere(candidate)
        assert known is not None
        if repair.how in ("multiplied", "divided"):
            return f"{what} should be {repair.how} by {self._is(known)}"
        if repair.how == "added":
            return self._lacks(what, known, repair.factor)
        replaced = node.value if repair.operand < 0 else node.parents[repair.operand].value
        factor = _factor_between(replaced, repair.factor * known.value, repair.layout)
        if factor is not None and (said := self._lacks_factor(what, factor)):
            return said
        match = self.backward.matches.get(node)
        if repair.operand < 0 and match is not None and match.known.kind == "share" and match.known.of is known.of:
            rest = f"{what} is only {self._is(match.known)}"
            return f"{rest}; it should be all of it{self._formula(known, inputs)}"
        transposed = ", transposed" if repair.layout == "transposed" else ""
        if repair.factor != 1:
            product = self.factors.times(repair.factor, f"{self._is(known)}{transposed}")
            return f"{what} should be {product}" if product else self._belongs_nowhere(candidate)
        return f"{what} should be {self._is(known)}{transposed}{self._formula(known, inputs)}"

    def _lacks_factor(self, what: str, factor: float) -> str:
        """What a missing factor is; "" where nothing is to be said of it."""
        number = self.factors.text(factor)
        if number == "-1":
            return f"{what} has the wrong sign"
        return f"{what} lacks the factor {number}" if number else ""

    def _belongs_nowhere(self, candidate: Candidate) -> str:
        """The note on an unknown value: which gradient it is a part of, if it is only moved."""
        node, wanted = candidate.node, self.backward.wanted.get(candidate.node)
        what = self._name(candidate)
        key = self.backward.moved_to(node)
        if key is not None and wanted is not None and np.isfinite(wanted).all():
            shape, name = self.backward.right[key].shape, self.names.get(key, key)
            if node.shape == shape:
                return f"{what} should be the gradient of {name}"
            part = "" if node.value.size == self.backward.right[key].size else "a part of "
            return f"{what} should hold {part}the gradient of {name}"
        return f"{what} is the first value that is neither a right gradient nor a value of the forward pass"

    def _lacks(self, what: str, known: Known, factor: float) -> str:
        if abs(factor - 1) < 1e-6:
            return f"{what} lacks a term: {self._is(known)}"
        if abs(factor + 1) < 1e-6:
            return f"{what} has a term too many: {self._is(known)}"
        term = self._is(known)
        return f"{what} lacks a term: {self.factors.times(factor, term) or f'a multiple of {term}'}"

    def _name(self, candidate: Candidate) -> str:
        """What the line calls the value."""
        name, value = target_of(candidate.line.file, candidate.line.number)
        if candidate.node.op == "assemble" and "[" in name:
            return whole_of(name)
        site = next((one for one in sites_of(candidate.node) if one.number == candidate.line.number), None)
        if name and (value is None or site is None or site.span is None or _is_whole(value, site.span)):
            return name
        text = expression(site) if site is not None and len(expression(site)) <= LONGEST else ""
        if name and text.startswith(f"{name} ") and "=" in text.removeprefix(name).split()[0]:
            return whole_of(name)  # dx /= n
        return text or name or "the value"

    def _is(self, known: Known) -> str:
        """A known array in words."""
        node = self._called(known)
        text = self.texts.of(node)
        is_placed = node.site is None or text.startswith("the result of") or " in line " in text
        line = "" if is_placed or node.site is None else f"  (line {node.site.number})"
        if known.kind == "gradient":
            return f"the gradient of {text}{line}"
        if known.kind == "share" and node.joins_outputs:
            return f"the upstream gradient of {self.texts.operand(node, known.operand)}"
        if known.kind == "share" and node.op in ("gather", "assemble") and node.site is not None and node.site.inside:
            return f"a part of the gradient of {text}{line}"  # a view that a function makes for itself
        if known.kind == "share":
            return f"the part of the gradient of {self.texts.operand(node, known.operand)} that comes from {text}{line}"
        if known.kind == "value":
            return f"{self._row_of(node, self.backward.known.graph.nodes)}{text}{line}"
        derivative = DERIVATIVES.get(node.op)
        if derivative is None:
            return f"the derivative of {text}{line}"
        written = derivative.format(x=bracketed(self.texts.operand(node, 0)), y=bracketed(text))
        return f"the derivative of {text}, {written}{line}" if len(written) <= LONGEST else f"the derivative of {text}"

    def _called(self, known: Known) -> Node:
        """The node that a known array is called after: of several with this gradient the last one with a name."""
        graph, gradients = self.backward.known.graph, self.backward.known.gradients
        node = known.node
        if known.kind != "gradient":
            return node
        same = [one for one in gradients if one.shape == node.shape and agree(gradients[one], gradients[node])]
        last = max(same, key=lambda one: one.index)
        if last.op == "subtract" and last.parents[1] in graph.silent and last.parents[0] in gradients:
            return last.parents[0]  # the maximum that is taken off before exp changes nothing
        return next((one for one in sorted(same, key=lambda one: -one.index) if self.texts.is_named(one)), last)

    def _formula(self, known: Known, inputs: Mapping[str, Known]) -> str:
        """How to compute a gradient from one that the line has."""
        takers = self.backward.known.graph.consumers.get(known.of, [])
        if known.kind == "share":
            takers = [(known.node, known.operand)]
        if known.kind not in ("gradient", "share") or len(takers) != 1:
            return ""
        taker, k = takers[0]
        wanted = self.backward.known.gradients[taker]
        same = (text for text, one in inputs.items() if one.value.shape == wanted.shape and agree(one.value, wanted))
        above = next(same, "")
        formula = right_flow(taker, k, self.texts).replace(gradient_of(self.texts.of(taker)), bracketed(above) or "\0")
        return f": {formula}" if above and formula and "\0" not in formula and len(formula) <= LONGEST else ""


def _factor_between(value: Array, wanted: Array, layout: str) -> float | None:
    """By what a value must be multiplied to be another one; None if that is no factor, or 1."""
    if value.size != wanted.size or layout == "transposed" or value.dtype.kind != "f" or not value.any():
        return None
    a, b = value.ravel(), wanted.ravel()
    factor = float(a @ b) / float(a @ a)
    if np.unique(a).size == 1 and not is_simple(factor):
        return None  # any number is any other one times something
    is_multiple = bool(np.isfinite(factor)) and bool(factor) and agree(factor * a, b)
    return factor if is_multiple and abs(factor - 1) > 1e-6 and norm_of(b) > 0 else None


def _is_whole(value: object, span: tuple[int, int, int, int]) -> bool:
    first, last, begin, end = span
    place = tuple(getattr(value, one, None) for one in ("lineno", "end_lineno", "col_offset", "end_col_offset"))
    return place == (first, last, begin, end)
