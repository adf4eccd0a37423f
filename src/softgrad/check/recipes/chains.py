"""What stands in front of the logits: nothing, or dense layers with an activation between them.

The layers are recognised from the shapes of the user's arrays: an input x, then weights and biases that fit one behind
the other, in one of the ways in which such a product is written.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.catalogue.activations import LEAKY, RELU, SIGMOID, TANH
from softgrad.check.catalogue.dense import BIAS, INPUT, WEIGHT
from softgrad.check.recipes.recipe import Step
from softgrad.formulas.language import Layout
from softgrad.formulas.numbers import Array


class Leaf(NamedTuple):
    """One of the user's arrays."""

    name: str
    array: Array
    parameter: bool = False  # from a dict, or asked for its gradient


class Product(NamedTuple):
    """One way to write a dense layer; rows count the samples, unless the layout says otherwise."""

    forward: str
    weight: str
    input: str
    columns: bool
    weight_in: int  # the axis of W that meets the input's features


PRODUCTS = (
    Product("x @ W", WEIGHT[0], INPUT[0], False, 0),
    Product("x @ W.T", WEIGHT[1], INPUT[1], False, 1),
    Product("W @ x", WEIGHT[2], INPUT[2], True, 1),
    Product("W.T @ x", WEIGHT[3], INPUT[3], True, 0),
)
VECTORS = (
    Product("x @ W", WEIGHT[4], "dx = W @ dz", False, 0),
    Product("W @ x", WEIGHT[5], "dx = W.T @ dz", False, 1),
)


class Chain(NamedTuple):
    """Dense layers up to the logits, and the lines back from them."""

    title: str
    layout: Layout
    roles: Mapping[str, int]
    forward: tuple[str, ...]
    backward: tuple[Step, ...]
    grads: Mapping[int, str]
    names: tuple[tuple[str, str], ...]  # z, dz and a of the head in this chain's names
    weights: tuple[str, ...] = ()  # what a regulariser penalises
    constants: Mapping[str, Any] = {}

    @property
    def logits(self) -> str:
        """What the chain's output is called."""
        return dict(self.names).get("z", "z")


# name: (forward, backward), the middle of a network
MIDDLE: Mapping[str, tuple[str, str]] = {
    "ReLU": ("a = relu(z)", RELU),
    "tanh": ("a = tanh(z)", TANH),
    "sigmoid": ("a = sigmoid(z)", SIGMOID),
    "leaky ReLU": ("a = where(z > 0, z, slope * z)", LEAKY),
    "softplus": ("a = softplus(z)", "dz = da * sigmoid(z)"),
    "no activation": ("a = z", "dz = da"),
}
SLOPES = (0.01, 0.1, 0.2, 0.05, 0.3, 0.02, 0.001)
TRIES = 2000  # ways to put square layers one behind the other, of which there may be too many
KEEPS = (0.5, 0.8, 0.9, 0.7, 0.75, 0.6)


def chains(
    leaves: Sequence[Leaf], used: frozenset[int], context: Mapping[str, Any], axes: Sequence[int]
) -> Iterator[Chain]:
    """Every chain that the shapes allow, of the arrays that the target and its like have not used."""
    reals = [i for i, leaf in enumerate(leaves) if i not in used and leaf.array.dtype.kind == "f" and leaf.array.ndim]
    for i in reals:
        array = leaves[i].array
        for axis in axes[:2] if array.ndim == 2 else (axes[0], *axes[2:]) if array.ndim > 2 else (-1,):
            yield Chain("", Layout(axis, array.ndim), {"z": i}, (), (), {i: "dz"}, ())
    inputs = [i for i in reals if not leaves[i].parameter] or reals
    for x in sorted(inputs, key=lambda i: (-leaves[i].array.ndim, i)):
        if leaves[x].array.ndim in (1, 2):
            rest = sorted((i for i in reals if i != x), key=lambda i: _order(leaves[i].name, i))
            masks = [i for i, leaf in enumerate(leaves) if i not in used and i != x and _two_values(leaf.array)]
            yield from _networks(leaves, x, rest, masks, context)


def _order(name: str, i: int) -> tuple[int, int]:
    """Parameters by the number in their name, in the order given where there is none."""
    numbers = re.findall(r"\d+", name)
    return (int(numbers[-1]) if numbers else 0, i)


def _two_values(array: Array) -> bool:
    return array.dtype == bool or (array.ndim == 2 and 1 <= len(np.unique(array)) <= 2 and 0.0 in array)


def _networks(
    leaves: Sequence[Leaf], x: int, rest: Sequence[int], masks: Sequence[int], context: Mapping[str, Any]
) -> Iterator[Chain]:
    products = PRODUCTS if leaves[x].array.ndim == 2 else VECTORS
    for product in products:
        features = leaves[x].array.shape[0 if product.columns or leaves[x].array.ndim == 1 else 1]
        for pairs in itertools.islice(_pairs(leaves, rest, product, features, (), itertools.count()), 4):
            for middle in _middles(len(pairs), context):
                yield from _with_dropout(leaves, x, pairs, product, middle, masks, context)


Pairs = tuple[tuple[int, int | None], ...]


def _pairs(
    leaves: Sequence[Leaf], rest: Sequence[int], product: Product, features: int, done: Pairs, tried: Iterator[int]
) -> Iterator[Pairs]:
    """Weights and biases that fit one behind the other, the longest rows of them first; `tried` counts the tries."""
    if next(tried) > TRIES:
        return
    for w in rest:
        shape = leaves[w].array.shape
        if len(shape) != 2 or shape[product.weight_in] != features:
            continue
        units = shape[1 - product.weight_in]
        left = [i for i in rest if i != w]
        biases = [i for i in left if _is_bias(leaves[i].array.shape, units, product.columns)]
        for b in (*biases[:2], None):
            pair: Pairs = (*done, (w, b))
            left_over = [i for i in left if i != b]
            yield from _pairs(leaves, left_over, product, units, pair, tried)
            if not any(leaves[i].parameter for i in left_over):
                yield pair


def _is_bias(shape: tuple[int, ...], units: int, columns: bool) -> bool:
    return shape in ((units,), (units, 1) if columns else (1, units))


def _middles(count: int, context: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The activation between the layers, with its slope."""
    if count == 1:
        yield "no activation", 0.0
        return
    for name in MIDDLE:
        if name == "leaky ReLU":
            given = context.get("slope")
            yield from ((name, slope) for slope in ((float(given),) if isinstance(given, int | float) else SLOPES))
        else:
            yield name, 0.0


def _with_dropout(
    leaves: Sequence[Leaf],
    x: int,
    pairs: Pairs,
    product: Product,
    middle: tuple[str, float],
    masks: Sequence[int],
    context: Mapping[str, Any],
) -> Iterator[Chain]:
    """The chain as it is, and with each mask that there is behind the first activation."""
    taken = {i for pair in pairs for i in pair}
    yield _chain(leaves, x, pairs, product, middle, None)
    if len(pairs) > 1:
        given = context.get("keep")
        for mask in masks:
            if mask in taken:
                continue
            values = [float(v) for v in np.unique(leaves[mask].array)]
            keeps = (float(given),) if isinstance(given, int | float) else KEEPS
            for keep in (None, *(keeps if values[-1] == 1.0 else ())):
                yield _chain(leaves, x, pairs, product, middle, (mask, keep))


def _chain(
    leaves: Sequence[Leaf],
    x: int,
    pairs: Pairs,
    product: Product,
    middle: tuple[str, float],
    dropout: tuple[int, float | None] | None,
) -> Chain:
    layout = Layout(0 if product.columns else -1, leaves[x].array.ndim)
    count = len(pairs)
    roles: dict[str, int] = {"x": x}
    constants: dict[str, Any] = {}
    grads: dict[int, str] = {}
    forward: list[str] = []
    backward: list[Step] = []
    below = "x"
    for n, (w, b) in enumerate(pairs, start=1):
        of = "" if count == 1 else str(n)
        names = {"x": below, "dx": f"d{below}", **{v: f"{v}{of}" for v in ("W", "b", "z", "dz", "dW", "db", "a", "da")}}
        roles[f"W{of}"] = w
        grads[w] = f"dW{of}"
        product_line = product.forward.replace("x", below).replace("W", f"W{of}")
        steps = [product.weight]
        if b is not None:
            roles[f"b{of}"], grads[b] = b, f"db{of}"
            product_line += f" + classes(b{of})"
            steps.append(BIAS)
        steps.append(product.input)
        forward.append(f"z{of} = {product_line}")
        layer = [Step(step, tuple(names.items())) for step in steps]
        if n < count:
            title, slope = middle
            there, back = MIDDLE[title]
            if title == "leaky ReLU":
                constants["slope"] = slope
            forward.append(Step(there, tuple(names.items())).line)
            behind = [Step(back, tuple(names.items()))]
            below = f"a{of}"
            if dropout is not None and n == 1:
                mask, keep = dropout
                roles["mask"] = mask
                scale = "" if keep is None else " / keep"
                constants |= {} if keep is None else {"keep": keep}
                forward.append(f"d{n} = {below} * mask{scale}")
                dropped = (("dx", f"d{below}"), ("dy", f"dd{n}"))
                behind.insert(0, Step(f"dx = dy * mask{scale}", dropped))
                below = f"d{n}"
            layer = [*behind, *layer]
        backward[:0] = layer
    grads[x] = "dx"
    last = "" if count == 1 else str(count)
    words = (
        "dense layer"
        if count == 1
        else f"{count} dense layers" + (f" with {middle[0]}" if middle[0] != "no activation" else "")
    )
    own = tuple((name, f"{name}{last}") for name in ("z", "dz"))
    weights = tuple(f"W{'' if count == 1 else n}" for n in range(1, count + 1))
    return Chain(words, layout, roles, tuple(forward), tuple(backward), grads, own, weights, constants)
