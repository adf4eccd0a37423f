"""A change as a mistake: its name, the line of the forward pass, and what should flow back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from softgrad.check.catalogue import ENTRIES
from softgrad.check.catalogue.backward_passes import IN_GENERAL
from softgrad.check.mutate.candidate import ANY
from softgrad.check.mutate.choice import Choice
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.formulas import gradient_of, right_flow
from softgrad.check.mutate.sentences import Sentence
from softgrad.check.mutate.texts import OWN, Texts
from softgrad.check.report.mistake import Mistake
from softgrad.check.report.source import SourceLine, source_line
from softgrad.check.trace.node import Node
from softgrad.check.user.arguments import Key
from softgrad.formulas.notation import as_formula

MOST_TERMS = 3  # of a sum that is written out
COUNTS = {"m": "the number of rows", "K": "the number of columns", "samples": "rows"}  # in entries of a family
WORDS = {**ENTRIES, **{entry.name: entry for entry in IN_GENERAL}}


def line_of(choice: Choice, draw: Draw) -> SourceLine | None:
    """The line of the forward pass whose derivative is wrong; of an input, the line that takes it."""
    node = choice.node
    if node.site is None:
        takers = _takers(draw, node)
        if not takers:
            return None
        node = takers[0]
    site = node.site
    assert site is not None
    if site.file.startswith(OWN):
        return None
    return source_line(site.file, site.number, site.function)


def _takers(draw: Draw, node: Node) -> list[Node]:
    """The operations of the user's that take an input; the checker may have put it together with others."""
    found: list[Node] = []
    for taker, _ in draw.graph.consumers.get(node, ()):
        found += [taker] if taker.site is not None else _takers(draw, taker)
    return found


class Words:
    """Puts changes into words.

    Args:
        draws: the draws on which they fit.
        texts: names of nodes.
        names: of the inputs.
    """

    def __init__(self, draws: Sequence[Draw], texts: Texts, names: Mapping[Key, str]) -> None:
        self.draws, self.texts, self.names = draws, texts, names

    def mistake(self, choice: Choice, *, also: bool = False) -> Mistake:
        """The mistake that a change is."""
        entry = WORDS[choice.kind]
        fit, node, count = choice.fit, choice.node, len(self.draws)
        where, what = _place(node), Sentence(choice, self.draws[0], self.texts, self.names).text()
        if where:
            what = what[:1].lower() + what[1:]
        only = ""
        if fit.spoils:
            only = f" This holds for {_listed([self.names[key] for key in sorted(fit.keys, key=str)])} only."
        told = fit.plain.told
        formula = as_formula(told["right"]) if "function" in told else self._formula(node, fit.plain.operand)
        if fit.plain.operand == ANY or choice.kind == "kernel-not-flipped":  # several operations, or many windows
            formula = ""
        explanation = entry.explanation
        for name, said in COUNTS.items():
            explanation = explanation.replace(f"{{{name}}}", said)
        return Mistake(
            name=entry.name,
            title=entry.title,
            explanation=f"{where}{what}.{only} {explanation}",
            formula=formula,
            fix="",
            evidence=f"so changed, the right backward pass gives the gradient returned, on {count} of {count} draws",
            also=also,
        )

    def _formula(self, node: Node, k: int | None) -> str:
        texts = self.texts
        if k is not None:
            flow, target = right_flow(node, k, texts), texts.operand(node, k)
            is_told = flow not in ("", gradient_of(target)) and not (target.startswith("the ") and target in flow)
            return f"{gradient_of(target)} = {flow}" if is_told else ""
        takers = self.draws[0].graph.consumers.get(node, [])
        if node.site is None and any(taker.site is None for taker, _ in takers):
            return ""  # a part of a vector, which the checker puts together
        if not takers:
            return f"{gradient_of(texts.of(node))} = grad_output"
        flows = list(dict.fromkeys(right_flow(taker, j, texts) for taker, j in takers))
        if not all(flows):
            return ""
        more = " + ..." if len(flows) > MOST_TERMS else ""
        return f"{gradient_of(texts.of(node))} = {' + '.join(flows[:MOST_TERMS])}{more}"


def _place(node: Node) -> str:
    if node.site is None or node.site.file.startswith(OWN):
        return ""
    line = source_line(node.site.file, node.site.number, node.site.function)
    return f"In line {line.number}, `{line.text}`: " if line.text else f"In line {line.number}: "


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
