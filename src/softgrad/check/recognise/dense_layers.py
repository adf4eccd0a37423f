"""Dense layers in front of the logits, as lines: forwards, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from softgrad.check.catalogue.activations import LEAKY, RELU, SIGMOID, TANH
from softgrad.check.catalogue.dense import BIAS, INPUT, WEIGHT
from softgrad.check.recognise.known_function import BackwardLine
from softgrad.formulas.language import Layout


class DenseForm(NamedTuple):
    """One way to write a dense layer."""

    forward: str
    weight: str  # the backward line of the weight
    input: str  # the backward line of the input
    columns: bool  # the samples are columns
    weight_in: int  # the axis of W that runs over the input's features


FORMS = (
    DenseForm("x @ W", WEIGHT[0], INPUT[0], False, 0),
    DenseForm("x @ W.T", WEIGHT[1], INPUT[1], False, 1),
    DenseForm("W @ x", WEIGHT[2], INPUT[2], True, 1),
    DenseForm("W.T @ x", WEIGHT[3], INPUT[3], True, 0),
)
VECTOR_FORMS = (  # one sample
    DenseForm("x @ W", WEIGHT[4], "dx = W @ dz", False, 0),
    DenseForm("W @ x", WEIGHT[5], "dx = W.T @ dz", False, 1),
)

# The activations that may stand behind a hidden layer: (forward line, backward line).
HIDDEN_ACTIVATIONS: Mapping[str, tuple[str, str]] = {
    "ReLU": ("a = relu(z)", RELU),
    "tanh": ("a = tanh(z)", TANH),
    "sigmoid": ("a = sigmoid(z)", SIGMOID),
    "leaky ReLU": ("a = where(z > 0, z, slope * z)", LEAKY),
    "softplus": ("a = softplus(z)", "dz = da * sigmoid(z)"),
    "no activation": ("a = z", "dz = da"),
}


class Arrangement(NamedTuple):
    """Which of the user's arrays, by their numbers, play which part in a network of dense layers."""

    input: int
    layers: tuple[tuple[int, int | None], ...]  # weight and bias of each layer
    form: DenseForm
    activation: str = "no activation"  # behind each hidden layer
    slope: float = 0.0  # of a leaky ReLU
    mask: int | None = None  # of dropout behind the first activation
    keep: float | None = None  # what dropout divides by


class DenseLayers(NamedTuple):
    """The lines up to the logits, and back from there. Without any layer, the logits are an input."""

    title: str
    layout: Layout
    roles: Mapping[str, int]  # name in the lines, to the number of the user's array
    forward: tuple[str, ...]
    backward: tuple[BackwardLine, ...]
    grads: Mapping[int, str]  # number of an array, to the name of its gradient
    names: tuple[tuple[str, str], ...]  # what z and dz of the output function are called here
    weights: tuple[str, ...] = ()  # what a penalty may be on
    constants: Mapping[str, Any] = {}

    @property
    def logits(self) -> str:
        """The name of the logits."""
        return dict(self.names).get("z", "z")


def no_layers(logits: int, layout: Layout) -> DenseLayers:
    """The logits are an input."""
    return DenseLayers("", layout, {"z": logits}, (), (), {logits: "dz"}, ())


def written_out(network: Arrangement, layout: Layout) -> DenseLayers:
    """The lines of a network. Its quantities are numbered by layer (W1, z1, ...) if there are several layers."""
    count = len(network.layers)
    roles, grads = {"x": network.input}, {network.input: "dx"}
    constants: dict[str, Any] = {}
    forward: list[str] = []
    backward: list[BackwardLine] = []
    below = "x"  # the name of the layer's input
    for n, (weight, bias) in enumerate(network.layers, start=1):
        number = "" if count == 1 else str(n)
        own = {name: f"{name}{number}" for name in ("W", "b", "z", "dz", "dW", "db", "a", "da")}
        names = tuple({"x": below, "dx": f"d{below}", **own}.items())
        roles[own["W"]], grads[weight] = weight, own["dW"]
        product = network.form.forward.replace("x", below).replace("W", own["W"])
        back = [network.form.weight, network.form.input]
        if bias is not None:
            roles[own["b"]], grads[bias] = bias, own["db"]
            product += f" + classes({own['b']})"
            back.insert(1, BIAS)
        forward.append(f"{own['z']} = {product}")
        layer = [BackwardLine(line, names) for line in back]
        if n < count:
            there, derivative = HIDDEN_ACTIVATIONS[network.activation]
            if network.activation == "leaky ReLU":
                constants["slope"] = network.slope
            forward.append(BackwardLine(there, names).line)
            layer.insert(0, BackwardLine(derivative, names))
            below = own["a"]
            if network.mask is not None and n == 1:
                scale = "" if network.keep is None else " / keep"
                constants |= {} if network.keep is None else {"keep": network.keep}
                roles["mask"] = network.mask
                forward.append(f"d{n} = {below} * mask{scale}")
                layer.insert(0, BackwardLine(f"dx = dy * mask{scale}", (("dx", f"d{below}"), ("dy", f"dd{n}"))))
                below = f"d{n}"
        backward[:0] = layer
    return DenseLayers(
        title=_title(count, network.activation),
        layout=layout,
        roles=roles,
        forward=tuple(forward),
        backward=tuple(backward),
        grads=grads,
        names=tuple((name, f"{name}{number}") for name in ("z", "dz")),
        weights=tuple(f"W{'' if count == 1 else n}" for n in range(1, count + 1)),
        constants=constants,
    )


def _title(count: int, activation: str) -> str:
    if count == 1:
        return "a dense layer"
    return f"{count} dense layers" + (f" with {activation}" if activation != "no activation" else "")
