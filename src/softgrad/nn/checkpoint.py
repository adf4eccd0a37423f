"""Saving and loading networks: a safetensors file with the parameters, and a JSON description of the network in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from softgrad._calls import explained
from softgrad._extras import needs
from softgrad._files import write_whole
from softgrad.errors import ModelError, SoftgradError
from softgrad.nn.layers import LAYERS
from softgrad.nn.network import Network

FORMAT = "softgrad network 1"


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
    with needs("save", "safetensors", extra="cli"):
        from safetensors.numpy import save as to_bytes

    if not network.parameters:
        raise ModelError("save: the network has no parameters; call initialize(in_features) or train it first")
    header = {
        "format": FORMAT,
        "loss": network.loss_name,
        "in_features": network.in_features,
        "layers": [{"layer": type(layer).__name__, **layer.config()} for layer in network.layers],
        "facts": facts or {},
    }
    write_whole(Path(path), to_bytes(network.parameters, metadata={"softgrad": json.dumps(header)}))


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
    header, parameters = _read(Path(path))
    try:
        network = _build(header, parameters)
    except (KeyError, TypeError, ValueError, SoftgradError) as error:
        raise ModelError(f"load: {path} does not describe a network: {error!r}; train the model again") from error
    return network, header.get("facts", {})


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with needs("load", "safetensors", extra="cli"):
        from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("softgrad", "null"))
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                raise ModelError(
                    f"load: {path} is not a softgrad model; wanted a model.safetensors that softgrad wrote"
                )
            return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is not a dict)
    except OSError as error:
        raise ModelError(
            f"load: {path} cannot be read: {error.strerror or error}; give the path of a readable file"
        ) from error
    except (SafetensorError, json.JSONDecodeError, TypeError, AttributeError) as error:  # the last two: unknown dtypes
        raise ModelError(
            f"load: {path} is damaged or not a model: {error}; give a model.safetensors that softgrad wrote, or train "
            "the model again"
        ) from error


def _build(header: dict[str, Any], parameters: dict[str, Any]) -> Network:
    """The network that the header describes, with the parameters from the file. The shape of each one is checked."""
    dtypes = {str(value.dtype) for value in parameters.values()}
    if len(dtypes) != 1:
        raise ValueError(f"the parameters have the dtypes {sorted(dtypes)}, wanted one dtype")
    layers = [
        LAYERS[config["layer"]](**{k: v for k, v in config.items() if k != "layer"}) for config in header["layers"]
    ]
    network = Network(layers, loss=header["loss"], dtype=dtypes.pop())
    network.in_features = width = int(header["in_features"])
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
        raise ValueError(f"the file has parameters that no layer has: {sorted(set(parameters) - names)}")
    return network
