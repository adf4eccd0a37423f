"""Mistakes in words: what a wrong line is called, the right line to write instead, and what shows the mistake."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from softgrad.check.catalogue import Entry, scale
from softgrad.check.diagnose.candidates import Candidate
from softgrad.check.recognise.known_backward import KnownBackward
from softgrad.check.report.mistake import Mistake
from softgrad.formulas.language import split, substituted
from softgrad.formulas.notation import as_formula, as_numpy

UNNAMED_SHOWN = 2  # edits without a name of their own
ANY_CAUSE = ("factor-2", "factor-half", "multiplied-by-classes", "multiplied-by-samples")  # names that say little
OF_COUNTS = tuple(entry.name for entry in scale.ENTRIES if entry.name != "sign")  # names that are about a factor
USERS_ARRAYS = {"1.0 * t_": "target", "1.0 * mask_": "mask", "s_": "sample_weight"}  # what the lines call them
SELF_EVIDENT = ("p", "logp", "z", "r", "loss", "y", "y_")  # names that need no comment


def mistakes_of(
    backward: KnownBackward, found: Iterable[Candidate], together: Mapping[int, str] | None = None
) -> tuple[Mistake, ...]:
    """The mistakes that wrong lines show, each name once. Edits without a name count only if nothing else was found.

    Args:
        backward: the right backward pass.
        found: the wrong lines.
        together: all wrong lines by their numbers, where it takes several of them to give the user's gradients.
    """
    found = list(found)
    named = sorted((one for one in found if one.has_name), key=_rank)
    mistakes: dict[str, Mistake] = {}
    for candidate in named or found[:UNNAMED_SHOWN]:
        for entry in candidate.entries:
            changed = together or {candidate.step: candidate.line}
            also = candidate.at_once and bool(mistakes) and candidate is (named or found)[0]
            mistakes.setdefault(entry.name, replace(_mistake(backward, candidate.step, changed, entry), also=also))
    if backward.function.layout.ndim == 1 and "entries-mean-missing" in mistakes:
        mistakes.pop("classes-missing", None)  # of one sample, the two are one
    return tuple(mistakes.values())


def _rank(candidate: Candidate) -> tuple[int, bool, int]:
    """One mistake before two, a missing temperature of 2 before a factor 2, a later line before an earlier one."""
    return (
        len(candidate.entries), any(entry.name in ANY_CAUSE for entry in candidate.entries), -candidate.step
    )  # fmt: skip


def _mistake(backward: KnownBackward, step: int, changed: Mapping[int, str], entry: Entry) -> Mistake:
    right = _merged(backward.lines, step)
    lines = [changed.get(n, line) for n, line in enumerate(backward.lines)]
    wrong = dict.fromkeys(as_formula(_merged(lines, n)) for n in sorted(changed))
    give = "gives" if len(wrong) == 1 else "together give"
    count = len(backward.draws)
    numpy = as_numpy(right, backward.function.layout, keepdims=_keeps_axis(backward, right))
    found = Mistake(
        name=entry.name,
        title=entry.title,
        explanation=entry.explanation,
        formula=as_formula(right),
        fix=numpy + _comment(backward, right),
        evidence=f"{' and '.join(wrong)} {give} the gradient returned, on {count} of {count} draws",
    )
    return in_words_of(backward, found)


def in_words_of(backward: KnownBackward, mistake: Mistake) -> Mistake:
    """The mistake with what the entry calls {m}, {K} and {samples} in the words of the user's function."""
    said = _counted(backward)
    title, explanation = mistake.title, mistake.explanation
    for name, words in said.items():
        title, explanation = (text.replace(f"{{{name}}}", words) for text in (title, explanation))
    return replace(mistake, title=title, explanation=explanation)


def _counted(backward: KnownBackward) -> dict[str, str]:
    """What m and K count. An activation knows no samples and no classes, only rows and columns."""
    layout, text = backward.function.layout, backward.text
    columns = layout.class_axis % layout.ndim == 0
    samples, entries = ("columns", "rows") if columns else ("rows", "columns")
    if layout.ndim == 1:
        samples, entries = "samples", "entries"
    elif layout.ndim > 2:
        samples, entries = "rows", f"entries on axis {layout.class_axis}"
    elif any(part in text for part in ("softmax(", " @ ", "sum_all(r)")):
        samples = "samples"
    if backward.function.entries not in ("classes", ""):
        entries = backward.function.entries
    elif "softmax(" in text or "one_hot(" in text:
        entries = "classes"
    return {"m": f"the number of {samples}", "K": f"the number of {entries}", "samples": samples}


def equal_counts(backward: KnownBackward, mistakes: Sequence[Mistake]) -> str | None:
    """A sentence on two numbers that are equal on all draws, if a mistake is about such a number; None otherwise."""
    if not any(mistake.name in OF_COUNTS for mistake in mistakes):
        return None
    said = _counted(backward)
    draws = [backward.quantities(n) for n in range(len(backward.draws))]
    seen = {"2": [2.0] * len(draws), **{said[name]: [one[name] for one in draws] for name in ("m", "K")}}
    for one, other in itertools.combinations(seen, 2):
        if seen[one] == seen[other] and seen[one][0] > 1:
            equal = f"{one} and {other} are both {seen[one][0]:g}" if one != "2" else f"{other} is 2"
            return f"{equal} on every draw: which of the two is the factor cannot be told from these inputs"
    return None


def _merged(lines: Sequence[str], at: int) -> str:
    """The lines that compute one target as one line: `dz = p - t` and `dz = dz / m` become `dz = (p - t) / m`."""
    target = split(lines[at])[0]
    first = last = at
    while first > 0 and split(lines[first - 1])[0] == target:
        first -= 1
    while last + 1 < len(lines) and split(lines[last + 1])[0] == target:
        last += 1
    expression = split(lines[first])[1]
    for line in lines[first + 1 : last + 1]:
        expression = substituted(split(line)[1], {target: expression})
    return f"{target} = {substituted(expression, {})}"


def _comment(backward: KnownBackward, line: str) -> str:
    """A comment that explains the short names of a line, in the order in which they are used."""
    target, expression = split(line)
    used = [node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)]
    said = [_meaning(backward, name) for name in dict.fromkeys(used) if name != target]
    for one in said:  # what these stand for is explained too: std by var, var by mu
        used += [name for name in re.findall(r"[a-z]+", one.partition(" = ")[2]) if name not in used]
        said += [more for name in used if (more := _meaning(backward, name)) and more not in said and name != target]
    return f"  # {', '.join(filter(None, said))}" if any(said) else ""


def _meaning(backward: KnownBackward, name: str) -> str:
    """What a count, a constant, or a name with a line of its own stands for; "" for other names."""
    function, layout, z = backward.function, backward.function.layout, backward.function.logits
    if name == "m" and layout.batch_axes:
        rows = f"m = {z}.size // {z}.shape[{layout.class_axis}]"
        return f"m = {z}.shape[{layout.batch_axes[0]}]" if layout.ndim == 2 else rows
    if name == "K":
        return f"K = {z}.shape[{layout.class_axis}]"
    value = function.constants.get(name)
    if value is not None and np.ndim(value) == 0:
        return f"{name} = {value:.6g}"
    own = {split(line)[0]: line for line in backward.lines if split(line)[0] in ("dp", "da", "ds")}
    own |= {split(line)[0]: line for line in function.from_logits if split(line)[0] not in SELF_EVIDENT}
    text = as_numpy(own[name], layout, keepdims=True) if name in own else ""
    for short, long in USERS_ARRAYS.items():
        text = text.replace(short, long)
    return text if text != f"{name} = {name}" else ""


def _keeps_axis(backward: KnownBackward, line: str) -> bool:
    """Whether the line is the gradient of a bias that is a row or a column, so that its sum keeps the axis."""
    target = split(line)[0]
    arrays = backward.draws[0].arrays
    return any(name == target and arrays[i].ndim > 1 for i, name in backward.function.grads.items())
