"""What a factor is, in the user's quantities: 1 / len(x), reg, 1 - keep, the value of an expression."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from softgrad.check.mutate.candidate import Ref, Where
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.texts import Texts
from softgrad.check.trace.node import Node
from softgrad.check.trace.operations import count

WITHIN = 1e-7
FORMS: tuple[tuple[str, float, Callable[[float], float]], ...] = (  # of a quantity: how it is written, and how likely
    ("{}", 0.0, lambda q: q),
    ("1 / {}", 0.0, lambda q: 1 / q),
    ("-{}", 0.1, lambda q: -q),
    ("-1 / {}", 0.1, lambda q: -1 / q),
    ("2 * {}", 0.1, lambda q: 2 * q),
    ("{} / 2", 0.1, lambda q: q / 2),
    ("2 / {}", 0.1, lambda q: 2 / q),
    ("1 / (2 * {})", 0.1, lambda q: 0.5 / q),
    ("{} ** 2", 0.15, lambda q: q * q),
    ("1 / {} ** 2", 0.15, lambda q: 1 / (q * q)),
    ("sqrt({})", 0.15, lambda q: math.sqrt(q)),
    ("1 / sqrt({})", 0.15, lambda q: 1 / math.sqrt(q)),
    ("1 - {}", 0.15, lambda q: 1 - q),
    ("1 / (1 - {})", 0.15, lambda q: 1 / (1 - q)),
    ("1 + {}", 0.25, lambda q: 1 + q),
    ("{0} / ({0} - 1)", 0.25, lambda q: q / (q - 1)),
    ("({0} - 1) / {0}", 0.25, lambda q: (q - 1) / q),
    ("(1 - {0}) / {0}", 0.3, lambda q: (1 - q) / q),
    ("{0} / (1 - {0})", 0.3, lambda q: q / (1 - q)),
    ("-2 * {}", 0.3, lambda q: -2 * q),
)
PLAIN = {2.0: "2", 0.5: "1 / 2", 4.0: "4", 0.25: "1 / 4", -2.0: "-2", -0.5: "-1 / 2", 3.0: "3", 1 / 3: "1 / 3"}
OF_CUBES = "3"  # the factor of the derivative of a cube, which a length may equal by chance

CONSTANTS = {
    "np.log(2)": math.log(2),
    "np.log(10)": math.log(10),
    "np.pi": math.pi,
    "2 * np.pi": 2 * math.pi,
    "np.sqrt(2)": math.sqrt(2),
    "np.sqrt(np.pi)": math.sqrt(math.pi),
    "np.sqrt(2 * np.pi)": math.sqrt(2 * math.pi),
    "(np.pi / 180)": math.pi / 180,
}
LOGARITHMS = ("log2", "log10")
REDUCTIONS = {"mean": "the mean", "var": "the variance", "std": "the standard deviation"}


class Named(NamedTuple):
    """A factor in words.

    Attributes:
        text: what it equals.
        doubt: how far-fetched that is.
        note: what a number in it is, for the end of the sentence.
    """

    text: str
    doubt: float
    note: str = ""


class _Number(NamedTuple):
    """A quantity: what it is called, its value, how far-fetched it is, and what else is said of it."""

    name: str
    value: float
    doubt: float
    note: str = ""


def named_factor(factors: Sequence[float], draws: Sequence[Draw], place: Where, texts: Texts) -> Named | None:
    """The quantity that the factor equals on every draw; None if it equals nothing that is known.

    Args:
        factors: on each draw.
        draws: the draws.
        place: where it stands; numbers that are used there are the likeliest.
        texts: names of nodes.
    """
    c = factors[0]
    if all(_close(one, c) for one in factors):
        if c in (0.0, -1.0):
            return Named(f"{c:g}", 0.0)
        plain = next((text for value, text in PLAIN.items() if _close(value, c)), "")
        found = [
            Named(_said(one, form, plain), one.doubt + more, one.note)
            for one in _numbers(draws[0], place, texts)
            for form, more, function in FORMS
            if _is(function, one.value, c)
        ]
        found += [
            Named(f"{plain} (or {text})" if plain else text, 0.05 + more)
            for name, value in _given(draws[0], texts)
            for form, more, function in FORMS
            if _is(function, value, c) and (text := form.format(_bracketed(name, form)))
        ]
        found += _mistyped(c, draws[0], place)
        found += _constants(c, is_logarithm=any(one.op in LOGARITHMS for one in place.nodes(draws[0])[:1]))
        if plain:
            found.append(Named(plain, 0.1 if _close(abs(c), 2.0) or _close(abs(c), 0.5) else 0.4))
        return min(found, key=lambda one: one.doubt, default=None)
    return min(_varying(factors, draws, texts), key=lambda one: one.doubt, default=None)


def _said(one: _Number, form: str, plain: str) -> str:
    if form == "{}" and plain == OF_CUBES and one.name.startswith("len("):
        return f"{plain} (or {one.name})"
    is_literal = one.name == f"{one.value:g}" and not one.note
    return plain if plain and is_literal else form.format(_bracketed(one.name, form))  # not 2 / 0.5, where it is 4


def _constants(c: float, *, is_logarithm: bool) -> Iterator[Named]:
    """Numbers that derivatives of functions hold, such as 1 / log(10) of log10, where they are the likeliest."""
    for name, value in CONSTANTS.items():
        for form, factor in (("{}", value), ("1 / {}", 1 / value), ("-{}", -value), ("-1 / {}", -1 / value)):
            if _close(factor, c):
                doubt = 0.0 if is_logarithm and "log" in name else 0.2
                yield Named(form.format(_bracketed(name, form)), doubt)


def _mistyped(c: float, draw: Draw, place: Where) -> Iterator[Named]:
    """A constant of the operation itself, written with other digits."""
    for node in place.nodes(draw)[:1]:
        if node.op not in ("multiply", "divide"):
            continue
        for parent in node.parents:
            if parent.op == "constant" and parent.value.size == 1 and parent.value.dtype.kind == "f":
                value = float(parent.value.reshape(()))
                written = value / c if node.op == "divide" else value * c
                few = float(f"{written:.3g}")
                if value and few and value != round(value) and abs(written / few - 1) < WITHIN:
                    yield Named(f"{few:g} / {value:g}" if node.op == "multiply" else f"{value:g} / {few:g}", 0.3)


def _bracketed(name: str, form: str) -> str:
    plain = all(one.isalnum() or one in "_.[]()," for one in name.replace(" ", ""))
    return name if plain or form == "{}" else f"({name})"


def _given(draw: Draw, texts: Texts) -> Iterator[tuple[str, float]]:
    """Numbers that the user names, and numbers among the inputs that have no gradient."""
    found = dict(texts.numbers)
    for key, node in draw.graph.inputs.items():
        if key not in draw.rights and node.value.size == 1 and node.value.dtype.kind == "f":
            found.setdefault(texts.of(node), float(node.value.reshape(())))
    return ((name, value) for name, value in found.items() if value not in (0.0, 1.0, -1.0))


def _numbers(draw: Draw, place: Where, texts: Texts) -> Iterator[_Number]:
    """Quantities of the forward pass."""
    here = place.nodes(draw)[:1]
    near = {*here, *(parent for node in here for parent in node.parents)}
    seen: set[tuple[str, float]] = set()
    for node in sorted(draw.live, key=lambda one: one not in near):
        doubt = 0.0 if node in near else 0.12
        if node.op in REDUCTIONS:
            n = float(count(node))
            note = f", where {n:g} is the number of entries of {REDUCTIONS[node.op]}"
            yield _Number(f"{n:g}", n, doubt + 0.13, note)
        for k, parent in enumerate(node.parents):
            if parent.op == "constant" and parent.value.size == 1 and parent.value.dtype.kind in "fiu":
                value = float(parent.value.reshape(()))
                name = texts.quantity(node, k)
                if value not in (0.0, 1.0, 2.0, -1.0) and (name, value) not in seen:
                    seen.add((name, value))
                    yield _Number(name or f"{value:g}", value, doubt + (0.0 if name else 0.06))
    yield from _lengths(draw, texts)


def _lengths(draw: Draw, texts: Texts) -> Iterator[_Number]:
    seen: set[Node] = set()
    shapes: list[tuple[str, tuple[int, ...]]] = []
    for node in draw.graph.inputs.values():
        shapes.append((texts.of(node), node.shape))
        seen.add(node)
    for node in draw.live:
        for k, parent in enumerate(node.parents):
            if parent.op == "constant" and parent not in seen and parent.shape:
                seen.add(parent)
                name = texts.quantity(node, k)
                if name.isidentifier() or name.replace(".", "").isidentifier():
                    shapes.append((name, parent.shape))
    shapes.append(("the output", draw.graph.output.shape))
    for name, shape in shapes[:12]:
        if len(shape) > 1:
            size = math.prod(shape)
            yield _Number(f"{name}.size" if name != "the output" else "the size of the output", float(size), 0.25)
        for axis, n in enumerate(shape):
            if n > 1:
                said = f"len({name})" if axis == 0 else f"{name}.shape[{axis}]"
                if name == "the output":
                    said = f"the length of axis {axis} of the output"
                yield _Number(said, float(n), 0.15 + 0.02 * axis)
        if len(shape) > 3:
            yield _Number(f"{name}.shape[2] * {name}.shape[3]", float(shape[2] * shape[3]), 0.25)
        if len(shape) > 2:
            yield _Number(f"{name}.shape[0] * {name}.shape[1]", float(shape[0] * shape[1]), 0.3)
            yield _Number(f"{name}.shape[1] * {name}.shape[2]", float(shape[1] * shape[2]), 0.3)
            yield _Number(f"{name}.shape[0] * {name}.shape[2]", float(shape[0] * shape[2]), 0.3)


def _varying(factors: Sequence[float], draws: Sequence[Draw], texts: Texts) -> Iterator[Named]:
    """Numbers that the forward pass computes, and that differ from draw to draw."""
    for (site, callers), group in draws[0].places.items():
        node = group[0]
        if node.value.size != 1 or node.value.dtype.kind != "f":
            continue
        values = []
        for draw in draws:
            there = Where(site, callers)
            try:
                values.append(float(Ref(there).node(draw, node).value.reshape(())))
            except Exception:  # there is no such node, or several
                break
        if len(values) < len(draws):
            continue
        for form, more, function in FORMS:
            if all(_is(function, value, c) for value, c in zip(values, factors, strict=True)):
                yield Named(form.format(_bracketed(texts.of(node), form)), 0.3 + more)


def _is(function: Callable[[float], float], value: float, c: float) -> bool:
    try:
        return _close(function(value), c)
    except (ZeroDivisionError, ValueError, OverflowError):
        return False


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= WITHIN * max(abs(a), abs(b))
