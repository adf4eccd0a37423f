"""Scaled dot-product attention, of matrices and of stacks of them, and the lookup of rows of a table."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from softgrad.check.catalogue.attention import (
    ITSELF,
    KEYS,
    LOOKED_UP,
    LOOKED_UP_MEAN,
    LOOKED_UP_SUM,
    NO_SCALE,
    QUERIES,
    SCALE,
    VALUES,
    WEIGHTS,
)
from softgrad.check.catalogue.softmax import SOFTMAX
from softgrad.check.recognise.interpretation import HELD, UserArray
from softgrad.check.recognise.known_function import BackwardLine, KnownFunction
from softgrad.formulas.language import Layout
from softgrad.formulas.numbers import Array

MOST_MASKS = 3  # arrays held by forward that may be a mask
MOST_ARRAYS = 8
MASKS = {  # the line of the weights: (what the title says, whether a mask is among the inputs)
    "p = softmax(z)": ("", False),
    "p = masked_softmax(z, causal(z))": (", causal", False),
    "p = masked_softmax(z, 1.0 * mask_)": (", with a mask", True),
    "p = masked_softmax(z, 1.0 - mask_)": (", with a mask of what is left out", True),
    "p = softmax(z + mask_)": (", with a mask that is added", True),
}


def attentions(arrays: Sequence[UserArray], output: Array, context: Mapping[str, Any]) -> Iterator[KnownFunction]:
    """The attentions whose shapes fit."""
    inputs = [i for i, one in enumerate(arrays) if one.name != HELD]
    if output.ndim < 2 or len(inputs) > 4:
        return
    reals = [i for i in inputs if arrays[i].array.dtype.kind == "f" and arrays[i].array.ndim == output.ndim]
    held = [i for i, one in enumerate(arrays) if one.name == HELD and one.array.ndim > 1][:MOST_MASKS]
    alone = [(i, i, i) for i in reals if len(inputs) == 1 and output.shape == arrays[i].array.shape]
    for q, k, v in (*alone, *itertools.permutations(reals, 3)):
        if _fit(arrays[q].array.shape, arrays[k].array.shape, arrays[v].array.shape, output.shape):
            rest = [i for i in inputs if i not in (q, k, v)]
            for mask in rest or (None, *held):
                yield from _of(arrays, (q, k, v), mask, output)


def _fit(q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], output: tuple[int, ...]) -> bool:
    return (
        q[:-2] == k[:-2] == v[:-2] == output[:-2]
        and q[-1] == k[-1]
        and k[-2] == v[-2]
        and output[-2:] == (q[-2], v[-1])
    )


def _of(
    arrays: Sequence[UserArray], qkv: tuple[int, int, int], mask: int | None, output: Array
) -> Iterator[KnownFunction]:
    """Attention with each scale and each mask."""
    q, k, v = qkv
    d = float(arrays[q].array.shape[-1])
    stacked = output.ndim > 2
    turned = "turned(k)" if stacked else "k.T"
    for (weights, (said, has_mask)), scale in itertools.product(MASKS.items(), (d**-0.5, None, 1 / d)):
        if has_mask is not (mask is not None):
            continue
        scores = f"z = q @ {turned}" + ("" if scale is None else " * scale")
        back = [
            VALUES[stacked],
            WEIGHTS[stacked],
            SOFTMAX,
            NO_SCALE if scale is None else SCALE,
            QUERIES,
            KEYS[stacked],
        ]
        alone = q == k == v
        resizable = {q: -2, k: -2, v: -2}
        if mask is not None:  # its last axis counts the keys; one that forward holds keeps its length
            resizable = {} if arrays[mask].name == HELD else {k: -2, v: -2, mask: -1}
        roles = {"q": q, "k": k, "v": v} | ({"mask_": mask} if mask is not None else {})
        yield KnownFunction(
            title=("self-attention" if alone else "attention") + ("" if scale else " without a scale") + said,
            layout=Layout(-1, output.ndim),
            roles=roles,
            grads={q: "dx"} if alone else {q: "dq", k: "dk", v: "dv"},
            to_logits=(scores,),
            from_logits=(weights, "y = p @ v"),
            output="y",
            backward=tuple(BackwardLine(line) for line in (*back, *([ITSELF] if alone else []))),
            upstream="dy",
            resizable=resizable,
            entries="keys",
            constants={} if scale is None else {"scale": scale},
        )


def lookups(arrays: Sequence[UserArray], output: Array, context: Mapping[str, Any]) -> Iterator[KnownFunction]:
    """Rows of a table, looked up by their numbers; alone, or the sum or mean of several."""
    inputs = [i for i, one in enumerate(arrays) if one.name != HELD]
    for table, ids in itertools.permutations(range(len(arrays)), 2) if len(arrays) <= MOST_ARRAYS else ():
        if not {*inputs} <= {table, ids} or table not in inputs:
            continue
        W, rows = arrays[table].array, arrays[ids].array
        if W.ndim != 2 or W.dtype.kind != "f" or rows.dtype.kind not in "iu" or not rows.ndim:
            continue
        for said, shape, lines, back in (
            ("", rows.shape, ("y = lookup(W, ids)",), LOOKED_UP),
            ("the sum of ", rows.shape[:-1], ("y = bag_sum(lookup(W, ids))",), LOOKED_UP_SUM),
            ("the mean of ", rows.shape[:-1], ("L = bag_size(ids)", "y = bag_sum(lookup(W, ids)) / L"), LOOKED_UP_MEAN),
        ):
            if output.shape == (*shape, W.shape[1]):
                yield KnownFunction(
                    title=f"{said}rows of a table",
                    layout=Layout(-1, output.ndim),
                    roles={"W": table, "ids": ids},
                    grads={table: "dW"},
                    to_logits=lines,
                    from_logits=(),
                    output="y",
                    backward=(BackwardLine(back),),
                    upstream="dy",
                    logits="y",
                    resizable={table: 1} if arrays[ids].name == HELD else {table: 1, ids: 0},
                    entries="",
                )
