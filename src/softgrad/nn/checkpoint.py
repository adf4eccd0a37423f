"""Saving and loading networks: a safetensors file with the parameters, and a JSON description of the network in it.

The description is the entry "softgrad" of the file's metadata, an object with

    format        "softgrad network 2"
    sha256        the checksum: the SHA-256 of the file's bytes, in which its own 64 digits are replaced by zeros
    loss          the name of the loss, such as "cross_entropy"
    loss_options  its options, an object; left out where there are none
    in_features   the number of columns of the input
    layers        for each layer its name and the arguments of its constructor: {"layer": "Dense", "units": 8}
    facts         what the caller of `save` adds, an object

The checksum covers every byte of the file, so that damage of any kind is seen before a number of it is used.
"""

from __future__ import annotations

import inspect
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from softgrad import _json
from softgrad._calls import explained
from softgrad._extras import needs
from softgrad._files import read_whole, write_whole
from softgrad._messages import one_line, quoted
from softgrad.errors import ModelError, SoftgradError
from softgrad.nn.layers import LAYERS, Layer
from softgrad.nn.network import Network

FORMAT = "softgrad network 2"
NO_CHECKSUM = "0" * 64
# The first one in the file: the metadata precede the tensors, and the checksum the facts. The quotes of JSON in
# a JSON string are escaped.
CHECKSUM = re.compile(rb'\\"sha256\\": \\"([0-9a-f]{64})\\"')


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
    with needs("save", "safetensors", extra="cli"):
        from safetensors.numpy import save as to_safetensors

    if not network.parameters:
        raise ModelError("save: the network has no parameters; call initialize(in_features) or train it first")
    header = {
        "format": FORMAT,
        "sha256": NO_CHECKSUM,
        "loss": network.loss_name,
        **({"loss_options": _plain(network.loss_options)} if network.loss_options else {}),
        "in_features": network.in_features,
        "layers": [{"layer": type(layer).__name__, **layer.config()} for layer in network.layers],
        "facts": facts or {},
    }
    try:
        description = json.dumps(header, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(
            f"save: facts cannot be written as JSON: {error}; use dictionaries, lists, strings and finite numbers"
        ) from error
    data = to_safetensors(network.parameters, metadata={"softgrad": description})
    start, end = _place_of_checksum(data)
    import hashlib  # which takes longer to import than the rest of this module

    return data[:start] + hashlib.sha256(data).hexdigest().encode() + data[end:]


def checksum(data: bytes) -> str:
    """The checksum that the content of a model file holds."""
    start, end = _place_of_checksum(data)
    return data[start:end].decode()


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
    with needs("load", "safetensors", extra="cli"):
        from safetensors import SafetensorError
        from safetensors.numpy import load as from_safetensors

    path = Path(path)
    try:
        data = read_whole(path)
    except OSError as error:
        raise ModelError(
            f"load: {path} cannot be read: {error.strerror or error}; give the path of a readable file"
        ) from error
    header = _header(path, data)
    try:
        parameters = from_safetensors(data)
    except (SafetensorError, TypeError, AttributeError, ValueError, KeyError) as error:  # the others: unknown dtypes
        _damaged(path, str(error))
    try:
        return _build(header, parameters), dict(header["facts"])
    except (TypeError, ValueError, SoftgradError) as error:
        raise ModelError(
            f"load: {path} does not describe a network: {one_line(str(error), 200)}; train the model again"
        ) from error


def _header(path: Path, data: bytes) -> dict[str, Any]:
    """The description of the network, in a file whose checksum is right."""
    size = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
    if not 0 < size <= len(data) - 8:
        _damaged(path, "its header is incomplete")
    try:
        tensors = _json.mapping(_json.parse(data[8 : 8 + size]), "it")
        metadata = _json.mapping(tensors.get("__metadata__", {}), "__metadata__")
        header = _json.parse(_json.text(metadata.get("softgrad", "null"), "softgrad"))
    except ValueError as error:
        _damaged(path, f"its header cannot be read: {error}")
    if not isinstance(header, dict) or not str(header.get("format")).startswith("softgrad network"):
        raise ModelError(f"load: {path} is not a softgrad model; wanted a model.safetensors that softgrad wrote")
    if header["format"] != FORMAT:
        raise ModelError(
            f"load: {path} has the format {quoted(header['format'])}, wanted {FORMAT!r}; train the model again with "
            "this version of softgrad"
        )
    match = CHECKSUM.search(data, 8, 8 + size)
    if match is None or match[1].decode() != header.get("sha256"):
        _damaged(path, "it has no checksum")
    import hashlib  # which takes longer to import than the rest of this module

    zeroed = hashlib.sha256(data[: match.start(1)] + NO_CHECKSUM.encode() + memoryview(data)[match.end(1) :])
    if zeroed.hexdigest() != header["sha256"]:
        _damaged(path, "its content does not match its checksum")
    return header


def _damaged(path: Path, reason: str) -> NoReturn:
    raise ModelError(
        f"load: {path} is damaged or not a model: {one_line(reason, 200)}; give a model.safetensors that softgrad "
        "wrote, or train the model again"
    )


def _place_of_checksum(data: bytes) -> tuple[int, int]:
    match = CHECKSUM.search(data)
    assert match is not None
    return match.span(1)


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
