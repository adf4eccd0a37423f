"""One story of a report: the line where the backward pass goes wrong, the name of the mistake, the statement mended.

The line says what it should compute, the name which derivative of the forward pass that is. Where both say by how much
something is off, one of them is enough; where they speak of different places, the line stands.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import replace

from softgrad.check.catalogue.backward_passes import ENTRIES
from softgrad.check.locate.statement import added_at, added_to
from softgrad.check.report.findings import Findings
from softgrad.check.report.mistake import Mistake
from softgrad.check.report.source import SourceLine

GENERAL = {entry.name: entry for entry in ENTRIES}
AMOUNTS = ("wrong-factor", "wrong-sign")  # the statement, mended, shows them


def tell_one_story(findings: Findings, traced: Collection[str]) -> None:
    """Gives the names that a change of the right backward pass has the statement, mended, and takes out repetitions.

    Args:
        findings: their mistakes are changed.
        traced: the names of the mistakes that were found by such a change.
    """
    line = findings.backward_line
    if line is not None and line.mended and not findings.mistakes:
        findings.mistakes += _another_name(line)
    first = findings.mistakes[0] if findings.mistakes else None
    if line is None or first is None or first.name not in traced or first.fix:
        return
    mended = line.mended
    if first.name == "only-the-last":
        mended = added_to(line.file, line.number)
    elif first.name == "repeated-indices":
        mended = added_at(line.file, line.number)
    if mended:
        findings.mistakes[0] = _mended(first, mended)


def _another_name(line: SourceLine) -> list[Mistake]:
    """The mistake that one name of the statement stands in the place of another; none where more is different."""
    try:
        own, mended = (list(ast.walk(ast.parse(text))) for text in (line.text, line.mended))
    except SyntaxError:  # a part of a statement
        return []
    if [type(one) for one in own] != [type(one) for one in mended]:
        return []
    pairs = [(one, other) for one, other in zip(own, mended, strict=True) if isinstance(one, ast.Name | ast.Constant)]
    different = [pair for pair in pairs if ast.dump(pair[0]) != ast.dump(pair[1])]
    if len(different) != 1 or not all(isinstance(one, ast.Name) for one in different[0]):
        return []
    wrong, right = map(ast.unparse, different[0])
    entry = GENERAL["wrong-operand"]
    said = f"In line {line.number}, `{line.text}`: `{wrong}` stands where `{right}` belongs. {entry.explanation}"
    return [Mistake(entry.name, entry.title, said, "", line.mended, "so mended, the gradients are right")]


def _mended(mistake: Mistake, fix: str) -> Mistake:
    """A mistake with the statement mended, which shows what should be, and how much is missing at which place."""
    general, said = GENERAL.get(mistake.name), mistake.explanation
    if mistake.name in AMOUNTS and general is not None and said.endswith(general.explanation):
        said = general.explanation
    return replace(mistake, fix=fix, formula="", explanation=said)
