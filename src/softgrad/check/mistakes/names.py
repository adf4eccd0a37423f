"""What a change of a line is called: an entry of the catalogue, or a name made of the change itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

from softgrad.check.mistakes import findings, layers, losses, scale, softmax
from softgrad.check.mistakes.entry import Entry
from softgrad.formulas.edits import Edit
from softgrad.formulas.language import split

ENTRIES: Mapping[str, Entry] = {
    entry.name: entry
    for room in (findings, softmax, losses, layers, scale)  # a name that two rooms explain keeps the last's words
    for entry in room.ENTRIES
}

NUMBER = re.compile(r"(?<=[A-Za-z])\d+")  # of a layer

_WITHOUT = {
    "/ m": "mean-missing", "/ n": "mean-missing", "/ sum_w": "mean-missing", "/ (m * K)": "mean-missing",
    "/ T": "temperature-missing", "/ keep": "dropout-scale-missing", "/ log(2)": "log-base", "/ log(10)": "log-base",
    "** 2": "activation-not-squared", "* rows(g)": "upstream-ignored", "* g": "upstream-ignored",
    "* dp": "upstream-ignored", "* da": "upstream-ignored", "* dy": "upstream-ignored",
}  # fmt: skip
_TWICE = {"/ m": "mean-twice", "/ n": "mean-twice", "/ T": "temperature-twice", "/ keep": "dropout-scale-twice"}
_INVERTED = {"/ m": "mean-inverted", "/ T": "temperature-inverted", "/ keep": "dropout-scale-inverted"}
_DIVISOR = {"K": "divided-by-classes", "m * K": "divided-by-size"}
_OUTPUT = {  # what stands where the output p of a softmax belongs
    "z": "derivative-at-input", "dp": "derivative-at-upstream", "softmax(p)": "softmax-twice",
    "softmax_m(z)": "wrong-axis", "softmax_all(z)": "wrong-axis", "softmax_last(z)": "wrong-axis",
    "first_m(p)": "first-row-jacobian", "exp(z)": "exponentials-not-normalised", "logp": "log-output-for-probabilities",
}  # fmt: skip


def named(edit: Edit, right: str, program: str) -> tuple[str, ...]:
    """The names of a change of the line `right` in a backward pass; none where only the change itself can be said.

    Args:
        edit: what was changed.
        right: the line as it should be.
        program: all lines of the backward pass, to know what it divides by.
    """
    target, what, by = (NUMBER.sub("", text) for text in (split(right)[0], edit.part, edit.replacement))
    if edit.kind == "times":
        return _once(scale.named(edit.replacement, program))
    if edit.kind == "without":
        return _once((_WITHOUT.get(what, ""),))
    if edit.kind == "twice":
        return _once((_TWICE.get(what, ""),))
    if edit.kind == "inverted":
        return _once((_INVERTED.get(what, ""),))
    if edit.kind == "transposed":
        return (
            ("weight-not-transposed",)
            if what == "W.T"
            else _once(("weight-gradient-transposed" if "dW" in target else "",))
        )
    if edit.kind == "reduced":
        return _once((_of_sum(what, by),))
    if edit.kind == "instead":
        return _once((_of_swap(target, right, edit, what, by, program),))
    return ()


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name)


def _of_sum(what: str, by: str) -> str:
    if by.startswith("mean"):
        return "mean-for-sum"
    if by.startswith(("first", "last")):
        return "last-sample-only" if by.endswith("_m") else "assignment-for-sum"
    if by in ("sum_m", "sum_k", "sum_last"):
        return "wrong-axis"
    return "inner-product-over-batch" if by == "sum_all" else ""


def _of_swap(target: str, right: str, edit: Edit, what: str, by: str, program: str) -> str:
    """A quantity that stands where another belongs."""
    if what in ("dp", "da", "g", "dy"):
        if by == "1":
            return "upstream-ignored"
        if by.startswith("first"):
            return "upstream-first-only"
        if by.startswith(("sum", "mean")):
            return "upstream-summed"
        return "upstream-absolute" if by.startswith("abs") else "upstream-of-wrong-layer" if by in ("da", "dz") else ""
    if what in ("m", "n", "sum_w") and f"/ {edit.part}" in right:
        if by.startswith("m_"):
            return "divided-by-one-length"
        return _DIVISOR.get(by, "class-weight-normalisation" if what == "sum_w" else "")
    if what == "p":
        if by == "softmax(z)":  # p without what the forward pass puts into it
            return "mask-missing" if "masked" in program else "temperature-missing" if "/ T" in program else ""
        return _OUTPUT.get(by, "")
    if what in ("t", "q"):
        return "label-off-by-one" if by.startswith("shift") else "target-inverted" if by.startswith("1 -") else ""
    if target == "dz" and what in ("z", "a"):  # the line of an activation
        if what == by:
            return "activation-derivative-wrong-layer"
        if by in ("da", "dz"):
            return "activation-derivative-at-upstream"
        return "activation-derivative-at-input" if what == "a" else "activation-derivative-at-output"
    if target == "dW" and what in ("a", "x"):
        return "activation-for-input" if by == "z" else "input-for-activation"
    if target in ("dW", "db", "da", "dx") and what == "dz" and by in ("dz", "da"):
        return "upstream-of-wrong-layer"
    return ""


_SAID = {
    "without": "`{what}` is missing",
    "twice": "`{what}` is there twice",
    "inverted": "`{what}` is the wrong way up",
    "sign": "`{what}` has the wrong sign",
    "instead": "`{by}` stands where `{what}` belongs",
    "reduced": "`{what}` has become {by}",
    "transposed": "`{by}` stands where `{what}` belongs",
    "exchanged": "the factors of `{what}` are exchanged",
    "times": "`{what}` has `{by}` too much",
}


def made_entry(edit: Edit, right: str) -> Entry:
    """An entry for a change that the catalogue has no words for."""
    words = {"what": edit.part, "by": edit.replacement.replace("nothing", "what it sums")}
    name = re.sub(r"[^a-z0-9]+", "-", f"{edit.kind} {edit.part} {edit.replacement}".lower()).strip("-")
    title = _SAID[edit.kind].format(**words)
    return Entry(
        name, title[:1].upper() + title[1:], f"What is returned is what `{edit.line}` gives; it should be `{right}`."
    )
