"""The file that keeps the details of a report, details.json.

It is an object with

model_sha256  the checksum of the model that they belong to
sha256        the SHA-256 of the details, as JSON without spaces and with sorted keys
details       what details.py gives
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from softgrad import _json


def to_bytes(details: Mapping[str, Any], model_sha256: str) -> bytes:
    """The content of the file."""
    content = {"model_sha256": model_sha256, "sha256": _checksum(details), "details": details}
    return (json.dumps(content) + "\n").encode()


def from_bytes(data: bytes, model_sha256: str) -> Mapping[str, Any] | None:
    """The details; None if the file is damaged, or belongs to another model."""
    try:
        content = _json.mapping(_json.parse(data), "it", "model_sha256", "sha256", "details")
        details = _json.mapping(content["details"], "details")
    except ValueError:
        return None
    belongs = content["model_sha256"] == model_sha256 and content["sha256"] == _checksum(details)
    return details if belongs else None


def _checksum(details: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(details, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
