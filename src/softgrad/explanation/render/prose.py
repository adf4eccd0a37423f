"""The mathematics and the code within a sentence: "J_ij = p_i (δ_ij - p_j)" as a formula, `np.mean` as code.

A sentence is plain text, as the checker's catalogue has it. What is set as a formula is found by its letters: a single
letter that the derivation uses, with or without an index, and what stands beside it, up to the next word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from softgrad.explanation.formula import Math, Row, Squared, Sub, Transposed


class Code(NamedTuple):
    """A piece of code within a sentence."""

    text: str


LETTERS = "zptuvsejiLJSKmDWTxcbq"  # of the derivation; "a" is a word
FUNCTIONS = ("softmax", "sigmoid", "diag", "exp", "log", "max")
NAME = rf"(?<![\w'.])(?<!\w-)(?:d[pzuWbx]|[{LETTERS}δελτ](?:_[A-Za-z0-9]{{1,2}})?)(?![A-Za-z0-9_'\[]|-[a-z]|\.\w)"
CALLS = "|".join(rf"(?<={name})\(" for name in FUNCTIONS)
TOKEN = re.compile(
    rf"""(?P<derivative>∂L/∂[A-Za-z](?:_[A-Za-z0-9]{{1,2}})?)
      | (?P<name>{NAME})(?P<power>[ᵀ²]?)
      | (?P<sum>Σ(?:_[a-z])?)
      | (?P<function>(?<![\w.])(?:{"|".join(FUNCTIONS)})(?=[ (])(?!\ [a-z]{{2}}))
      | (?P<number>(?<![\w.])\d+(?:\.\d+)?(?!\w))
      | (?P<bracket>\)|(?<![A-Za-z0-9])\(|{CALLS})
      | (?P<operator>!=|[-+*/=·≠](?![a-z]{{2}}))""",
    re.VERBOSE,
)
SIGNS = {"*": "·", "!=": "≠"}


@lru_cache(maxsize=4096)
def pieces(text: str) -> tuple[str | Code | Row, ...]:
    """A sentence as text, pieces of code and formulas, in order."""
    found: list[str | Code | Row] = []
    for n, part in enumerate(text.split("`")):
        found += [Code(part)] if n % 2 else _with_formulas(part)
    return tuple(found)


def written(text: str, words: Callable[[str], str], code: Callable[[str], str], formula: Callable[[Row], str]) -> str:
    """A sentence with each of its pieces as one of these writes it."""
    parts = []
    for piece in pieces(text):
        if isinstance(piece, Code):
            parts.append(code(piece.text))
        else:
            parts.append(words(piece) if isinstance(piece, str) else formula(piece))
    return "".join(parts)


def _with_formulas(text: str) -> Iterator[str | Row]:
    end = 0
    for run in _runs(text):
        start = run[0].start()
        if start > end:
            yield text[end:start]
        yield Row(tuple(_parts(run, text)))
        end = run[-1].end()
    if end < len(text):
        yield text[end:]


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """Tokens that stand beside each other, and are a formula."""
    run: list[re.Match[str]] = []
    for token in TOKEN.finditer(text):
        if run and text[run[-1].end() : token.start()] not in ("", " "):
            yield from _formulas(run)
            run = []
        run.append(token)
    yield from _formulas(run)


def _formulas(run: list[re.Match[str]]) -> Iterator[list[re.Match[str]]]:
    """The run without brackets and operators that belong to the sentence, if a formula is left."""
    at = _unmatched(run)
    if at is not None:
        yield from _formulas(run[:at])
        yield from _formulas(run[at + 1 :])
        return
    while run and _kind(run[-1]) in ("operator", "sum", "function"):
        run = run[:-1]
    while run and _kind(run[0]) == "operator" and run[0][0] != "-":
        run = run[1:]
    kinds = [_kind(token) for token in run]
    if "name" in kinds or "derivative" in kinds or (len(run) == 3 and run[1][0] == "/"):
        yield run


def _unmatched(run: list[re.Match[str]]) -> int | None:
    """The place of a bracket without its other half; None if there is none."""
    opened: list[int] = []
    for n, token in enumerate(run):
        if token[0] == "(":
            opened.append(n)
        elif token[0] == ")":
            if not opened:
                return n
            opened.pop()
    return opened[0] if opened else None


def _kind(token: re.Match[str]) -> str:
    return token.lastgroup if token.lastgroup != "power" else "name"  # type: ignore[return-value]


def _parts(run: list[re.Match[str]], text: str) -> Iterator[Math]:
    before = None
    for token in run:
        follows = before is not None and text[before.end() : token.start()] == " "
        factors = before is not None and _kind(before) != "function" and _is_factor(before, ")")
        if factors and follows and _is_factor(token, "("):
            yield "thin"
        yield from _math(token, before)
        before = token


def _is_factor(token: re.Match[str], bracket: str) -> bool:
    return _kind(token) != "operator" and token[0] not in ({"(", ")"} - {bracket})


def _math(token: re.Match[str], before: re.Match[str] | None) -> Iterator[Math]:
    kind = _kind(token)
    if kind == "derivative":
        letter, _, index = token[0].removeprefix("∂L/∂").partition("_")
        yield from ("∂", "L", "slash", "∂", Sub(letter, index) if index else letter)
    elif kind == "name":
        letter, _, index = token["name"].partition("_")
        base: Math = Sub(letter, index) if index else letter
        powers: dict[str, Math] = {"ᵀ": Transposed(base), "²": Squared(base)}
        yield powers.get(token["power"], base)
    elif kind == "sum":
        yield Sub("Σ", token[0][2:]) if len(token[0]) > 1 else "Σ"
    elif token[0] == "-" and (before is None or before[0] == "(" or _kind(before) == "operator"):
        yield "negative"
    elif token[0] == "/":
        yield "slash"
    else:
        yield SIGNS.get(token[0], token[0])
        if token[0] == "max":
            yield "thin"
