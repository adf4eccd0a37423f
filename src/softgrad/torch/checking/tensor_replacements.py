"""What is replaced in torch while a function of tensors is traced.

Between tensors and NumPy's arrays there are ways that torch's modes do not see: a function that computes with NumPy in
between would lose the trace. And torch computes some products, such as einsum, by several operators; each is traced as
the one operation that the user wrote.

In any other thread, and between traces, the replacements call the originals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Protocol

import torch
from torch import Tensor

from softgrad.check.trace.array import Traced, node_of, plain, plain_all
from softgrad.check.trace.buffers import address
from softgrad.check.trace.session import Session, paused, recording
from softgrad.check.user.interrupts import surely
from softgrad.torch.checking.aten_products import COMPOSITES
from softgrad.torch.checking.tensor_memory import TensorMemory

MAKERS = ("from_numpy", "as_tensor", "tensor")
from_numpy = torch.from_numpy  # the original
_numpy = torch._C.TensorBase.numpy


class Recorder(Protocol):
    """What records the operators of one trace."""

    memory: TensorMemory

    def note(self, name: str, row: Callable[..., Any], args: Any, options: Any, result: Any) -> None:
        """Notes the result of an operator that a row computes."""


_recorders: dict[Session, Recorder] = {}  # of the traces that are under way
_lock = threading.Lock()


def _here() -> Recorder | None:
    """What records in this thread."""
    session = recording()
    return None if session is None else _recorders.get(session)


def _to_numpy(self: Tensor, *args: Any, **options: Any) -> Any:
    result = _numpy(self, *args, **options)
    recorder = _here()
    if recorder is None or address(result) != self.data_ptr():
        return result
    return recorder.memory.array(self)


def _of_numpy(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @wraps(original)
    def make(data: Any, *args: Any, **options: Any) -> Tensor:
        recorder, session = _here(), recording()
        if recorder is None or session is None or not isinstance(data, Traced):
            return original(data, *args, **options)
        tensor = original(plain_all(data), *args, **options)
        if tensor.data_ptr() == address(plain(data)):
            recorder.memory.put_array(data, tensor)
            return tensor
        with paused():
            node = node_of(session, data)
            is_same = tensor.is_floating_point() and tuple(tensor.shape) == node.shape
        recorder.memory.put(tensor, node if is_same else None)
        return tensor

    return make


def _as_one(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """A function of several operators, traced as one operation."""

    @wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        recorder = _here()
        if recorder is None:
            return original(*args, **options)
        with paused():
            result = original(*args, **options)
        if isinstance(result, Tensor):
            recorder.note(name, COMPOSITES[name], args, options, result)
        return result

    return call


def _all() -> Iterator[tuple[Any, str, Any]]:
    """Where each stands, its name, and what replaces it."""
    yield Tensor, "numpy", _to_numpy
    for name in MAKERS:
        yield torch, name, _of_numpy(getattr(torch, name))
    for name in COMPOSITES:
        for owner in (torch, torch.nn.functional, Tensor):
            if hasattr(owner, name):
                yield owner, name, _as_one(name, getattr(owner, name))
    yield Tensor, "__matmul__", _as_one("matmul", Tensor.__matmul__)


_REPLACED = [(owner, name, value, vars(owner).get(name)) for owner, name, value in _all()]


@contextmanager
def replaced(session: Session, recorder: Recorder) -> Iterator[None]:
    """While this runs, the replacements are in place."""
    try:
        _begin(session, recorder)
        yield
    finally:
        surely(lambda: _end(session))


def _begin(session: Session, recorder: Recorder) -> None:
    with _lock:
        if not _recorders:
            for owner, name, value, _ in _REPLACED:
                setattr(owner, name, value)
        _recorders[session] = recorder


def _end(session: Session) -> None:
    with _lock:
        _recorders.pop(session, None)
        if _recorders:
            return
        for owner, name, value, original in _REPLACED:
            if vars(owner).get(name) is not value:
                continue
            if original is None:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
