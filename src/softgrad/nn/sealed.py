"""Safetensors files with a description in JSON and a checksum over every byte, so that damage of any kind is seen.

The description is the entry "softgrad" of the file's metadata, an object that begins with

    format        the name of the format, such as "softgrad network 2"
    sha256        the checksum: the SHA-256 of the file's bytes, in which its own 64 digits are replaced by zeros
"""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from softgrad import _json
from softgrad._arrays import Array
from softgrad._extras import needs
from softgrad._files import read_whole
from softgrad._messages import one_line, quoted
from softgrad.errors import ModelError

NO_CHECKSUM = "0" * 64
# The first one in the file: the metadata precede the tensors, and the checksum the facts. The quotes of JSON in
# a JSON string are escaped.
CHECKSUM = re.compile(rb'\\"sha256\\": \\"([0-9a-f]{64})\\"')


class Kind(NamedTuple):
    """A kind of file, and the words of its messages."""

    format: str  # its name and version
    save: str  # the function that writes it
    load: str  # the function that reads it
    noun: str  # "model"
    wanted: str  # "a model.safetensors that softgrad wrote"
    otherwise: str  # "train the model again"


def to_bytes(kind: Kind, description: dict[str, Any], tensors: dict[str, Array]) -> bytes:
    """The content of a file."""
    with needs(kind.save, "safetensors", extra="cli"):
        from safetensors.numpy import save as to_safetensors

    try:
        text = json.dumps({"format": kind.format, "sha256": NO_CHECKSUM, **description}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{kind.save}: facts cannot be written as JSON: {error}; use dictionaries, lists, strings and finite "
            "numbers"
        ) from error
    data = to_safetensors(tensors, metadata={"softgrad": text})
    start, end = _place_of_checksum(data)
    import hashlib  # which takes longer to import than the rest of this module

    return data[:start] + hashlib.sha256(data).hexdigest().encode() + data[end:]


def checksum(data: bytes) -> str:
    """The checksum that the content of a file holds."""
    start, end = _place_of_checksum(data)
    return data[start:end].decode()


def read(kind: Kind, path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The description and the tensors of a file whose checksum is right."""
    with needs(kind.load, "safetensors", extra="cli"):
        from safetensors import SafetensorError
        from safetensors.numpy import load as from_safetensors

    try:
        data = read_whole(path)
    except OSError as error:
        raise ModelError(
            f"{kind.load}: {path} cannot be read: {error.strerror or error}; give the path of a readable file"
        ) from error
    header = _header(kind, path, data)
    try:
        return header, from_safetensors(data)
    except (SafetensorError, TypeError, AttributeError, ValueError, KeyError) as error:  # the others: unknown dtypes
        _damaged(kind, path, str(error))


def _header(kind: Kind, path: Path, data: bytes) -> dict[str, Any]:
    size = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
    if not 0 < size <= len(data) - 8:
        _damaged(kind, path, "its header is incomplete")
    try:
        tensors = _json.mapping(_json.parse(data[8 : 8 + size]), "it")
        metadata = _json.mapping(tensors.get("__metadata__", {}), "__metadata__")
        header = _json.parse(_json.text(metadata.get("softgrad", "null"), "softgrad"))
    except ValueError as error:
        _damaged(kind, path, f"its header cannot be read: {error}")
    if not isinstance(header, dict) or not str(header.get("format")).startswith(kind.format[:-1]):
        raise ModelError(f"{kind.load}: {path} is not a softgrad {kind.noun}; wanted {kind.wanted}")
    if header["format"] != kind.format:
        raise ModelError(
            f"{kind.load}: {path} has the format {quoted(header['format'])}, wanted {kind.format!r}; {kind.otherwise} "
            "with this version of softgrad"
        )
    match = CHECKSUM.search(data, 8, 8 + size)
    if match is None or match[1].decode() != header.get("sha256"):
        _damaged(kind, path, "it has no checksum")
    import hashlib  # which takes longer to import than the rest of this module

    zeroed = hashlib.sha256(data[: match.start(1)] + NO_CHECKSUM.encode() + memoryview(data)[match.end(1) :])
    if zeroed.hexdigest() != header["sha256"]:
        _damaged(kind, path, "its content does not match its checksum")
    return header


def _damaged(kind: Kind, path: Path, reason: str) -> NoReturn:
    raise ModelError(
        f"{kind.load}: {path} is damaged or not a {kind.noun}: {one_line(reason, 200)}; give {kind.wanted}, or "
        f"{kind.otherwise}"
    )


def _place_of_checksum(data: bytes) -> tuple[int, int]:
    match = CHECKSUM.search(data)
    assert match is not None
    return match.span(1)
