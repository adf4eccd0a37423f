"""Collects what a check finds, in the order in which it is found."""

from __future__ import annotations

from dataclasses import replace

from softgrad.check.catalogue import ENTRIES
from softgrad.check.report.mistake import Mistake
from softgrad.check.report.source import SourceLine


class Findings:
    """Mistakes and facts, and the lines of the source that they concern."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.facts: list[str] = []
        self.backward_line: SourceLine | None = None
        self.forward_line: SourceLine | None = None

    def add(self, name: str, evidence: str) -> None:
        """Adds a mistake of the catalogue, with the measurement that shows it, whatever else is wrong."""
        self.include(replace(plain_mistake(name, evidence), also=True))

    def include(self, *mistakes: Mistake) -> None:
        """Adds mistakes, each name once."""
        self.mistakes += [one for one in mistakes if one.name not in {other.name for other in self.mistakes}]

    def note_first(self, fact: str) -> None:
        """Adds a fact in front of those that are there."""
        if fact not in self.facts:
            self.facts.insert(0, fact)

    def note(self, fact: str) -> None:
        """Adds a fact, once."""
        if fact not in self.facts:
            self.facts.append(fact)


def plain_mistake(name: str, evidence: str) -> Mistake:
    """A mistake of the catalogue that has no line to write instead."""
    entry = ENTRIES[name]
    return Mistake(entry.name, entry.title, entry.explanation, "", "", evidence)
