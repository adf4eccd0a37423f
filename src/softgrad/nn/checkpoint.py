"""Saving and loading networks, and states of trainings.

A network is a safetensors file with the parameters, and a JSON description of the network in it. sealed.py says how the
file is checked. The description holds

    format        "softgrad network 2"
    sha256        the checksum of the file
    loss          the name of the loss, such as "cross_entropy"
    loss_options  its options, an object; left out where there are none
    in_features   the number of columns of the input
    layers        for each layer its name and the arguments of its constructor: {"layer": "Dense", "units": 8}
    facts         what the caller of `save` adds, an object

The state of a training is such a file, too: its tensors are the arrays of the state, and its description holds

    format        "softgrad training 1"
    sha256        the checksum of the file
    state         the facts of the state
    facts         what the caller of `save_state` adds, an object
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from softgrad import _json
from softgrad._calls import explained
from softgrad._files import write_whole
from softgrad._messages import one_line, quoted
from softgrad.errors import ModelError, SoftgradError
from softgrad.nn import sealed
from softgrad.nn.layers import LAYERS, Layer
from softgrad.nn.network import Network
from softgrad.nn.sealed import checksum as checksum
from softgrad.nn.state import State

KIND = sealed.Kind(
    format="softgrad network 2",
    save="save",
    load="load",
    noun="model",
    wanted="a model.safetensors that softgrad wrote",
    otherwise="train the model again",
)
TRAINING = sealed.Kind(
    format="softgrad training 1",
    save="save_state",
    load="load_state",
    noun="state of a training",
    wanted="a file that save_state wrote",
    otherwise="start the training again",
)


@explained
def save(network: Network, path: str | Path, *, facts: dict[str, Any] | None = None) -> None:
    """Writes a network to a safetensors file. If this fails, no incomplete file is left behind.

    Args:
        network: a network that is initialized.
        path: the path of the file, which usually ends in .safetensors. An existing file is replaced.
        facts: additional information for whoever loads the model, such as the class names or how the inputs were
            scaled. JSON must be able to represent it.

    Raises:
        ModelError: the network has no parameters yet.
        WriteError: the file cannot be written. An existing file is then unchanged.
        MissingPackageError: safetensors is not installed.

    Example:
        >>> import tempfile
        >>> net = sg.nn.Network([sg.nn.Dense(3)]).initialize(4, seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sg.nn.save(net, f"{folder}/model.safetensors", facts={"classes": ["a", "b", "c"]})
        ...     same, facts = sg.nn.load(f"{folder}/model.safetensors")
        >>> facts
        {'classes': ['a', 'b', 'c']}
    """
    write_whole(Path(path), to_bytes(network, facts))


def to_bytes(network: Network, facts: dict[str, Any] | None = None) -> bytes:
    """The content of the file that `save` writes."""
    if not network.parameters:
        raise ModelError("save: the network has no parameters; call initialize(in_features) or train it first")
    description = {
        "loss": network.loss_name,
        **({"loss_options": _plain(network.loss_options)} if network.loss_options else {}),
        "in_features": network.in_features,
        "layers": [{"layer": type(layer).__name__, **layer.config()} for layer in network.layers],
        "facts": facts or {},
    }
    return sealed.to_bytes(KIND, description, network.parameters)


@explained
def load(path: str | Path) -> tuple[Network, dict[str, Any]]:
    """Reads a network that `save` wrote.

    Args:
        path: the path of the file.

    Returns:
        The network, and the facts that were saved with it.

    Raises:
        ModelError: the file cannot be read, is damaged, or was not written by softgrad.
        MissingPackageError: safetensors is not installed.
    """
    path = Path(path)
    header, parameters = sealed.read(KIND, path)
    try:
        return _build(header, parameters), dict(header["facts"])
    except (TypeError, ValueError, SoftgradError) as error:
        raise ModelError(
            f"load: {path} does not describe a network: {one_line(str(error), 200)}; train the model again"
        ) from error


@explained
def save_state(state: State, path: str | Path, *, facts: dict[str, Any] | None = None) -> None:
    """Writes the state of a `Trainer` to a safetensors file. If this fails, an existing file is left as it was.

    Args:
        state: what `Trainer.state` returns.
        path: the path of the file, which usually ends in .safetensors. An existing file is replaced.
        facts: additional information, such as the arguments of the trainer. JSON must be able to represent it.

    Raises:
        ModelError: JSON cannot represent the facts.
        WriteError: the file cannot be written. An existing file is then unchanged.
        MissingPackageError: safetensors is not installed.

    Example:
        >>> import tempfile
        >>> def trainer():
        ...     net = sg.nn.Network([sg.nn.Dense(2)]).initialize(1, seed=0)
        ...     return sg.nn.Trainer(net, [[-1.0], [1.0]], [0, 1], epochs=20, seed=0)
        >>> first, second = trainer(), trainer()
        >>> epoch = first.run_epoch()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sg.nn.save_state(first.state(), f"{folder}/state.safetensors")
        ...     state, facts = sg.nn.load_state(f"{folder}/state.safetensors")
        >>> second.restore(state)
        >>> first.run() == second.run()
        True
    """
    description = {"state": state["facts"], "facts": facts or {}}
    write_whole(Path(path), sealed.to_bytes(TRAINING, description, state["arrays"]))


@explained
def load_state(path: str | Path) -> tuple[State, dict[str, Any]]:
    """Reads a state that `save_state` wrote.

    Args:
        path: the path of the file.

    Returns:
        The state, for `Trainer.restore`, and the facts that were saved with it.

    Raises:
        ModelError: the file cannot be read, is damaged, or holds no state of a training.
        MissingPackageError: safetensors is not installed.
    """
    header, arrays = sealed.read(TRAINING, Path(path))
    try:
        _json.mapping(header, "the description", "format", "sha256", "state", "facts")
        saved, facts = (dict(_json.mapping(header[name], name)) for name in ("state", "facts"))
    except ValueError as error:
        raise ModelError(
            f"load_state: {path} does not describe a training: {one_line(str(error), 200)}; start the training again"
        ) from error
    return {"arrays": arrays, "facts": saved}, facts


def _build(header: dict[str, Any], parameters: dict[str, Any]) -> Network:
    """The network that the header describes, with the parameters from the file. The shape of each one is checked."""
    options = _json.mapping(header.pop("loss_options", {}), "loss_options")
    _json.mapping(header, "the description", "format", "sha256", "loss", "in_features", "layers", "facts")
    _json.mapping(header["facts"], "facts")
    dtypes = {str(value.dtype) for value in parameters.values()}
    if len(dtypes) != 1:
        raise ValueError(f"the parameters have the dtypes {sorted(dtypes)}, wanted one dtype")
    layers = [_layer(value, f"layers[{i}]") for i, value in enumerate(_json.items(header["layers"], "layers"))]
    network = Network(layers, loss=_json.text(header["loss"], "loss"), dtype=dtypes.pop(), **options)
    network.in_features = width = _json.positive_integer(header["in_features"], "in_features")
    names = set()
    for i, layer in enumerate(layers):
        for name, shape in layer.parameter_shapes(width).items():
            full_name = f"layers.{i}.{name}"
            value = parameters.get(full_name)
            if value is None or value.shape != shape:
                got = "is missing" if value is None else f"has shape {value.shape}"
                raise ValueError(f"{full_name} {got}, wanted shape {shape}")
            if not np.isfinite(value).all():
                raise ValueError(f"{full_name} holds a NaN or an infinity")
            layer.parameters[name] = value
            names.add(full_name)
        width = layer.out_features(width)
    if names != set(parameters):
        extra = quoted(sorted(set(parameters) - names)[0])
        raise ValueError(f"the file has a parameter that no layer has: {extra}")
    return network


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a loss with lists in place of arrays."""
    return {name: np.asarray(value).tolist() if np.ndim(value) else value for name, value in options.items()}


def _layer(value: Any, place: str) -> Layer:
    name = _json.text(_json.mapping(value, place).get("layer"), f"{place}.layer")
    if name not in LAYERS:
        raise ValueError(f"{place} is {quoted(name)}, wanted one of {', '.join(LAYERS)}")
    kind = LAYERS[name]
    arguments = list(inspect.signature(kind).parameters)
    _json.mapping(value, place, "layer", *arguments)
    read: dict[str, Callable[[Any, str], float]] = {"units": _json.positive_integer, "rate": _json.number}
    return kind(**{each: read[each](value[each], f"{place}.{each}") for each in arguments})
