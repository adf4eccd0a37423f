"""A trained model as the commands use it: its file, what the file holds, and its answers for a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from softgrad import _json, nn
from softgrad._arrays import Array
from softgrad._messages import one_line
from softgrad.data import Encoding, Table
from softgrad.errors import ModelError
from softgrad.softmax import softmax

FILE = "model.safetensors"
BLOCK = 8192  # rows that are encoded at the same time
ARGUMENT = f"The folder that softgrad train wrote, or the {FILE} in it."


class Model(NamedTuple):
    """A network, and how it reads a table."""

    path: Path
    network: nn.Network
    classes: tuple[str, ...]
    encoding: Encoding
    temperature: float  # by which the logits are divided
    version: str | None  # of the softgrad that wrote the file
    metrics: Mapping[str, Any]  # of its training

    def logits(self, table: Table) -> Iterator[Array]:
        """The logits of the rows, divided by the temperature; some rows at a time, each block of shape (rows, K)."""
        for start in range(0, len(table.lines), BLOCK):
            x = self.encoding.transform(table.rows(slice(start, start + BLOCK)))
            yield self.network.logits(x) / np.float32(self.temperature)

    def probabilities(self, table: Table) -> Iterator[Array]:
        """The probability of each class; some rows at a time, each block of shape (rows, K)."""
        return map(softmax, self.logits(table))

    def class_rows(self, command: str) -> list[dict[str, Any]]:
        """The name and the number of training rows of each class: [{"class": "a", "rows": 5}, ...].

        Raises:
            ModelError: the file does not hold them.
        """
        try:
            read = _json.items(self.metrics.get("train_classes"), "train_classes")
            rows = [_json.positive_integer(_json.mapping(each, "a class").get("rows"), "rows") for each in read]
            if len(rows) != len(self.classes):
                raise ValueError(f"train_classes has {len(rows)} classes, wanted {len(self.classes)}")
        except ValueError as error:
            raise ModelError(
                f"{command}: {self.path} does not hold the sizes of the classes in training: "
                f"{one_line(str(error), 200)}; train the model again"
            ) from error
        return [{"class": name, "rows": n} for name, n in zip(self.classes, rows, strict=True)]


def file_of(path: Path) -> Path:
    """The file of a model that is given as its file or as the folder of its run."""
    return path / FILE if path.is_dir() else path


def load(command: str, path: Path) -> Model:
    """Reads the model that `softgrad train` wrote.

    Args:
        command: the name of the command, for the message.
        path: the file, or the folder of the run.

    Raises:
        ModelError: the file cannot be read, is damaged, or holds another network than that of a table.
    """
    path = file_of(path)
    try:
        network, facts = nn.load(path)
    except ModelError as error:
        message, unreadable, _ = str(error).removeprefix("load: ").partition("; give the path of a readable file")
        way = f"; give the folder that softgrad train wrote, or the {FILE} in it" if unreadable else ""
        raise ModelError(f"{command}: {message}{way}") from error
    try:
        classes = _json.texts(facts.get("classes"), "classes")
        encoding = Encoding.from_json(facts.get("encoding"))
        temperature = _json.number(facts.get("temperature", 1.0), "temperature")
        version = None if facts.get("version") is None else _json.text(facts["version"], "version")
        metrics = _json.mapping(facts.get("metrics", {}), "metrics")
        fits = encoding.width, len(classes)
        sizes = network.in_features, network.logits(np.zeros((1, network.in_features))).shape[1]
        if fits != sizes:
            raise ValueError(
                f"its columns and classes are for a network with {fits[0]} inputs and {fits[1]} outputs, but that has "
                f"{sizes[0]} and {sizes[1]}"
            )
        if temperature <= 0:
            raise ValueError(f"temperature is {temperature}, wanted a positive number")
    except ValueError as error:
        raise ModelError(
            f"{command}: {path} does not hold the columns and classes of a table: {one_line(str(error), 200)}; wanted "
            "a model that softgrad train wrote"
        ) from error
    return Model(path, network, classes, encoding, temperature, version, metrics)
