"""What is replaced in torch while a function of tensors is traced: the ways from tensors to NumPy's arrays and back.

Without it, a function that computes with NumPy in between would lose the trace. In any other thread, and between
traces, the replacements call the originals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from softgrad.check.trace.array import Traced, node_of, plain, plain_all
from softgrad.check.trace.buffers import address
from softgrad.check.trace.session import Session, paused, recording
from softgrad.check.user.interrupts import surely
from softgrad.torch.checking.tensor_memory import TensorMemory

MAKERS = ("from_numpy", "as_tensor", "tensor")
ORIGINALS = {name: getattr(torch, name) for name in MAKERS}
_numpy = torch._C.TensorBase.numpy
_lock = threading.Lock()
_memories: dict[Session, TensorMemory] = {}  # of the traces that are under way


def _here() -> TensorMemory | None:
    """The memory of the trace of this thread."""
    session = recording()
    return None if session is None else _memories.get(session)


def _to_numpy(self: Tensor, *args: Any, **options: Any) -> Any:
    result = _numpy(self, *args, **options)
    memory = _here()
    if memory is None or address(result) != self.data_ptr():
        return result
    return memory.array(self)


def _of_numpy(name: str) -> Callable[..., Tensor]:
    original = ORIGINALS[name]

    def make(data: Any, *args: Any, **options: Any) -> Tensor:
        memory = _here()
        if memory is None or not isinstance(data, Traced):
            return original(data, *args, **options)  # type: ignore[no-any-return]
        tensor: Tensor = original(plain_all(data), *args, **options)
        if tensor.data_ptr() == address(plain(data)):
            memory.put_array(data, tensor)
        else:
            session = recording()
            assert session is not None
            with paused():
                node = node_of(session, data)
                is_same = tensor.is_floating_point() and tuple(tensor.shape) == node.shape
            memory.put(tensor, node if is_same else None)
        return tensor

    return make


_MADE = {name: _of_numpy(name) for name in MAKERS}


@contextmanager
def replaced(session: Session, memory: TensorMemory) -> Iterator[None]:
    """While this runs, the replacements are in place."""
    try:
        _begin(session, memory)
        yield
    finally:
        surely(lambda: _end(session))


def _begin(session: Session, memory: TensorMemory) -> None:
    with _lock:
        if not _memories:
            Tensor.numpy = _to_numpy  # type: ignore[method-assign, assignment]
            for name, make in _MADE.items():
                setattr(torch, name, make)
        _memories[session] = memory


def _end(session: Session) -> None:
    with _lock:
        _memories.pop(session, None)
        if _memories:
            return
        if vars(Tensor).get("numpy") is _to_numpy:
            del Tensor.numpy
        for name, make in _MADE.items():
            if getattr(torch, name) is make:
                setattr(torch, name, ORIGINALS[name])
