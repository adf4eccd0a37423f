"""Penalties that stand alone: a factor, read off the output, times squares, absolute values or lengths of inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.catalogue.penalties import ABSOLUTES, LENGTH, NOT_PENALISED, ROW_LENGTHS, SQUARES
from softgrad.check.recognise.interpretation import HELD, UserArray
from softgrad.check.recognise.known_function import OF_A_PENALTY, BackwardLine, KnownFunction
from softgrad.formulas.language import Layout, functions, run, substituted
from softgrad.formulas.numbers import Array

DIGITS = 4  # of a factor that somebody would write


class Form(NamedTuple):
    """A penalty of one array W; of several arrays, their sum."""

    title: str  # behind the factor; of squares, half of it
    term: str
    backward: str
    matrices_only: bool = False
    class_axis: int = -1
    own: str = ""  # a quantity of the term, with a line of its own


FORMS = (
    Form("the sum of squares", "sum_all(W ** 2) / 2", SQUARES),
    Form("the sum of absolute values", "sum_all(abs(W))", ABSOLUTES),
    Form("the length", "length", LENGTH, own="length = sqrt(sum_all(W ** 2))"),
    Form(
        "the sum of the lengths of rows",
        "sum_all(lengths)",
        ROW_LENGTHS,
        True,
        -1,
        "lengths = sqrt(sum_k(W ** 2))",
    ),
    Form(
        "the sum of the lengths of columns", "sum_all(lengths)", ROW_LENGTHS, True, 0, "lengths = sqrt(sum_k(W ** 2))"
    ),
)


def penalties(arrays: Sequence[UserArray], output: Array, context: Mapping[str, Any]) -> Iterator[KnownFunction]:
    """The penalties of all arrays, or of those with two axes or more."""
    inputs = [i for i, one in enumerate(arrays) if one.name != HELD and one.array.ndim]
    reals = [i for i in inputs if arrays[i].array.dtype.kind == "f"]
    if output.ndim or not reals or len(reals) < len(inputs):
        return
    weights = [i for i in reals if arrays[i].array.ndim > 1]
    for chosen in (reals, weights) if 0 < len(weights) < len(reals) else (reals,):
        for form in FORMS:
            if any(not _can_show(form, arrays[i].array) for i in chosen):
                continue
            found = _with_factor(form, arrays, chosen, [i for i in reals if i not in chosen], output)
            if found is not None:
                yield found


def _can_show(form: Form, array: Array) -> bool:
    """Whether the form is another function than the sum of absolute values."""
    if form.matrices_only:
        return array.ndim == 2 and array.shape[form.class_axis] > 1
    return not form.own or array.size > 1


def _with_factor(
    form: Form, arrays: Sequence[UserArray], chosen: Sequence[int], others: Sequence[int], output: Array
) -> KnownFunction | None:
    """The penalty with the factor that the output shows, if that has few digits."""
    number = {i: "" if len(chosen) + len(others) == 1 else str(n) for n, i in enumerate((*chosen, *others), start=1)}
    names = {i: _names(form, number[i]) for i in (*chosen, *others)}
    lines = [substituted(form.own, dict(names[i])) for i in chosen if form.own]
    terms = " + ".join(substituted(form.term, dict(names[i])) for i in chosen)
    layout = Layout(form.class_axis, max(arrays[i].array.ndim for i in chosen))
    known = {**functions(layout), **{dict(names[i])["W"]: arrays[i].array for i in names}}
    size = float(run((*lines, f"size = {terms}"), known)["size"])
    factor = float(output) / size if size else 0.0
    rounded = float(f"{factor:.{DIGITS}g}")
    if not np.isfinite(factor) or factor == 0 or abs(rounded - factor) > 1e-7 * abs(factor):
        return None
    shown = rounded / 2 if form.backward == SQUARES else rounded
    back = [BackwardLine(line, names[i]) for i in chosen for line in (form.backward, OF_A_PENALTY)]
    back += [BackwardLine(NOT_PENALISED, names[i]) for i in others]
    return KnownFunction(
        title=form.title if shown == 1 else f"{shown:g} times {form.title}",
        layout=layout,
        roles={dict(names[i])["W"]: i for i in names},
        grads={i: dict(names[i])["dW"] for i in names},
        to_logits=(),
        from_logits=(*lines, f"loss = reg * ({terms})"),
        output="loss",
        backward=tuple(back),
        logits=dict(names[chosen[0]])["W"],
        entries="",
        constants={"reg": rounded},
    )


def _names(form: Form, number: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name + number) for name in ("W", "dW", "length", "lengths"))
