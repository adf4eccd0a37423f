"""Values for all arguments of a function together: layouts in which weights, biases, data and targets fit each other.

Networks number their weights, so W1, b1, W2, b2 have shapes that follow from each other. Each layout gives each
argument one preferred value; the search (fit.py) tries these first, and then other values for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from softgrad.cli.finding.roles import NUMBERS, Value, is_target

Preferred = Mapping[str, Value]  # by the name of the argument

NUMBERED = re.compile(r"(?:(?:w|theta|weights?|(?P<bias>b|bias|biases))_?)(?P<number>\d)", re.IGNORECASE)
RECURRENT = {  # name: axes in a layout of rows, axes in a layout of columns
    "wx wxh w_xh w_x waxh wax": ("DH", "HD"),
    "wh whh w_hh w_h waa": ("HH", "HH"),
    "why w_hy v": ("HC", "CH"),
    "u": ("DH", "HD"),
    "bh b_h ba": ("H", "H1"),
    "by b_y": ("C", "C1"),
    "h h0 prev_h h_prev hprev a0 a_prev prev_c c_prev c0 c": ("NH", "H1"),
    "x xt": ("ND", "D1"),
    "b": ("H", "H1"),
}
IMAGES = {"conv_param", "pool_param", "stride", "pad", "padding", "hparameters", "kernel", "filters", "filter"}
IMAGE_AXES = {
    **dict.fromkeys(("x", "a_prev", "inputs", "images", "image"), "22SS"),
    **dict.fromkeys(("w", "kernel", "filters", "filter"), "C233"),
    "b": "C",
}
AXES = {name: axes for names, axes in RECURRENT.items() for name in names.split()}
DATA_NAMES = ("x", "inputs", "input", "data", "features", "a0", "x_train", "x_batch", "xb", "a_prev")
MATRICES = ("A", "Q", "P", "M", "H", "S")
VECTORS = ("x", "b", "c", "y", "v", "t")


def layouts(names: Sequence[str], *, weighted: bool = False) -> Iterator[Preferred]:
    """The layouts for arguments of these names, the usual ones first; at last none at all.

    With `weighted` there are weights elsewhere, so that what stands beside a target is data.
    """
    lowered = [name.lower().strip("_") for name in names]
    depth = max((int(m["number"]) for m in map(NUMBERED.fullmatch, lowered) if m and not m["bias"]), default=0)
    if depth:
        for rows, end in (("rows", "C"), ("transposed", "C"), ("columns", "C"), ("rows", "1"), ("columns", "1")):
            yield {name: value for name in names if (value := _of_network(name, depth, rows, end)) is not None}
        yield {name: value for name in names if (value := _of_network(name, depth, "vector", "C")) is not None}
    if any(low.startswith("wh") for low in lowered):
        named = [(name, low) for name, low in zip(names, lowered, strict=True) if low in AXES]
        yield {name: Value("real", AXES[low][0]) for name, low in named}
        yield {name: Value("real", "NLD" if low == "x" else AXES[low][0]) for name, low in named}
        yield {name: Value("real", AXES[low][1]) for name, low in named}
        for gates in ("Q", "R"):  # of an LSTM, of a GRU
            stacked = {
                "wx": f"D{gates}",
                "wxh": f"D{gates}",
                "wh": f"H{gates}",
                "whh": f"H{gates}",
                "b": gates,
                "bh": gates,
            }
            for data in ("ND", "NLD"):
                yield {
                    name: Value("real", stacked.get(low, data if low == "x" else AXES[low][0])) for name, low in named
                }
    elif {"h", "h_prev", "prev_h", "hprev"} & set(lowered):  # a cell whose weights are elsewhere
        named = [(name, low) for name, low in zip(names, lowered, strict=True) if low in AXES]
        yield {name: Value("real", AXES[low][0]) for name, low in named}
        yield {name: Value("real", AXES[low][1]) for name, low in named}
    if IMAGES & set(lowered):
        yield {
            name: Value("real", IMAGE_AXES[low]) for name, low in zip(names, lowered, strict=True) if low in IMAGE_AXES
        }
    matrices = [name for name in names if name in MATRICES]
    if len(matrices) == 1 and "x" in names and {*names} <= {*matrices, *VECTORS}:  # A @ x - b, x @ A @ x
        yield {name: Value("real", "ND" if name in MATRICES else "D" if name in "xc" else "N") for name in names}
        yield {name: Value("real", "DD" if name in MATRICES else "D") for name in names}
    if not depth and any(low in ("w", "weights", "weight", "theta", "beta", "coef", "params") for low in lowered):
        # One weight per feature, in lower case, is a vector where there is a target: linear and logistic regression.
        vector = any(low in names for low in ("w", "theta", "beta", "coef")) and any(map(is_target, names))
        usual = (("rows", ""), ("rows", "C")) if vector else (("rows", "C"), ("rows", ""))
        for rows, end in (*usual, ("transposed", "C"), ("columns", "C"), ("rows", "1")):
            yield {name: value for name in names if (value := _of_network(name, 1, rows, end)) is not None}
        yield {name: value for name in names if (value := _of_network(name, 1, "columns", "1")) is not None}
        yield {name: value for name in names if (value := _of_network(name, 1, "vector", "C")) is not None}
        yield {name: value for name in names if (value := _of_network(name, 1, "transposed columns", "1")) is not None}
        if {"w", "b"} <= {*names}:  # one feature: y = w x + b with two numbers
            numbers = {name: Value("real", "") for name in ("w", "b")}
            lined = [name for name, low in zip(names, lowered, strict=True) if low in DATA_NAMES or is_target(name)]
            yield {**numbers, **{name: Value("real", "N") for name in lined}}
    if not depth and not weighted:
        yield from _predictions(names)
    if any("mask" in low for low in lowered) and any(map(is_target, names)):  # a loss over sequences
        sequences = {"x": Value("real", "NLC"), "logits": Value("real", "NLC"), "scores": Value("real", "NLC")}
        sequences |= {name: Value("classes", "NL") for name in names if is_target(name)}
        sequences |= {name: Value("mask", "NL") for name in names if "mask" in name.lower()}
        yield {name: sequences[name] for name in names if name in sequences}
    yield {}


def _predictions(names: Sequence[str]) -> Iterator[Preferred]:
    """Targets and predictions that have a shape in common."""
    targets = [name for name in names if is_target(name)]
    others = [name for name in names if name not in targets and name.lower().strip("_") not in NUMBERS]
    if len(targets) != 1 or not others:
        return
    for target, axes in (
        (Value("classes", "N"), "NC"),
        (Value("one-hot", "NC"), "NC"),
        (Value("binary", "N"), "N"),
        (Value("one-hot", "C"), "C"),
        (Value("classes", ""), "C"),
        (Value("one-hot columns", "CN"), "CN"),
        (Value("binary", "N1"), "N1"),
        (Value("binary", "1N"), "1N"),
        (Value("real", ""), ""),
    ):
        yield {targets[0]: target, others[0]: Value("real", axes)}


def entries_for(keys: Sequence[str], layout: str, end: str) -> dict[str, Value]:
    """The entries of a dict of parameters, whose keys are such as W1, b1; none if a key says nothing."""
    lowered = [key.lower().strip("_") for key in keys]
    depth = max((int(m["number"]) for m in map(NUMBERED.fullmatch, lowered) if m and not m["bias"]), default=1)
    if any(low.startswith(("whh", "wh")) for low in lowered):
        column = int(layout == "columns")
        found = {k: Value("real", AXES[low][column]) for k, low in zip(keys, lowered, strict=True) if low in AXES}
    else:
        found = {k: value for k in keys if (value := _of_network(k, depth, layout, end)) is not None}
    return found if len(found) == len(keys) else {}


def _of_network(name: str, depth: int, layout: str, end: str) -> Value | None:
    """The value of one argument in a dense network of this depth, whose last layer has the width `end`."""
    low = name.lower().strip("_")
    widths = ["D", *"HHHHHHHH"[: depth - 1], end]
    numbered = NUMBERED.fullmatch(low)
    number = int(numbered["number"]) if numbered else 1 if depth == 1 else 0
    columns = layout in ("columns", "transposed columns")
    if (numbered and numbered["bias"]) or (depth == 1 and low in ("b", "bias", "b0", "intercept")):
        return (
            Value("real", widths[number] + "1")
            if columns and end != "1"
            else Value("real", "" if depth == 1 and end in ("", "1") else widths[number] + ("1" if columns else ""))
        )
    if numbered or (depth == 1 and low in ("w", "weights", "weight", "theta", "beta", "coef", "params")):
        into, out = widths[number - 1], widths[number]
        return Value("real", into + out if layout in ("rows", "transposed columns") else out + into)
    if low in DATA_NAMES:
        return Value("real", {"vector": "D"}.get(layout, "DN" if columns else "ND"))
    if is_target(name):
        if end == "":
            return Value("binary", "N")
        if end == "1":
            return Value("binary", "1N" if columns else "N1")
        if columns:
            return Value("one-hot columns", "CN")
        return None if layout != "vector" else Value("one-hot", "C")
    return None
