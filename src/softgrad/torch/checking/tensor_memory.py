"""The memory of tensors, as traced arrays over it.

Tensors that share a storage are views of one piece of memory, and a saved tensor comes back as a new object on the same
storage. So a storage has one `Buffer`, and a tensor is read as a traced array on its memory: views are no operations,
and writes reach every view.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from softgrad.check.trace.array import Located, Traced, node_of, plain, traced_array, view_of
from softgrad.check.trace.buffers import Buffer
from softgrad.check.trace.node import Node
from softgrad.check.trace.session import Session, paused

_numpy = torch._C.TensorBase.numpy  # the original: it is replaced during a trace
_asarray, _array_equal = np.asarray, np.array_equal
Layout = tuple[int, tuple[int, ...], tuple[int, ...], Any]  # address, shape, strides, type


def memory_of(tensor: Tensor) -> Any:
    """The numbers of a tensor, over its memory; None where NumPy cannot read them there."""
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_neg() or tensor.is_conj():
        return None
    try:
        return _numpy(tensor.detach())
    except (RuntimeError, TypeError):  # a type that NumPy lacks, or a tensor under a transform
        return None


class TensorMemory:
    """What is known of the memory of tensors in one session.

    Call its methods where torch's modes are off: in a mode, or outside of all.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._buffers: dict[int, tuple[Any, Buffer]] = {}  # by the address of the storage, which is kept alive
        self._views: dict[Layout, Traced] = {}

    def array(self, tensor: Tensor) -> Any:
        """A tensor as an array over its memory: traced, unless it holds integers that nothing is known of."""
        memory = memory_of(tensor)
        if memory is None:
            return tensor
        with paused():
            buffer = self._buffer(tensor, memory)
            if buffer is None:
                return memory
            view = self._view(tensor, memory, buffer)
            self._see_writes(view, buffer)
        return view

    def put(self, tensor: Tensor, node: Node | None) -> None:
        """Notes that a new tensor has the value of a node; None: that it is a constant."""
        memory = memory_of(tensor)
        if memory is None:
            return
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        self._forget(address, storage.nbytes())
        if not memory.size or (node is None and memory.dtype.kind != "f"):
            self._buffers.pop(address, None)
            return
        buffer = Buffer(memory, node if node is not None else lambda: self._session.constant(memory))
        self._buffers[address] = storage, buffer

    def put_array(self, array: Any, tensor: Tensor) -> None:
        """Notes that a tensor lies on the memory of a traced array."""
        storage = tensor.untyped_storage()
        if isinstance(array, Traced) and array._buffer is not None and array.size:
            self._forget(storage.data_ptr(), storage.nbytes())
            self._buffers[storage.data_ptr()] = storage, array._buffer
            with paused():
                self._view(tensor, plain(array), array._buffer)._read = array._read

    def view(self, tensor: Tensor, of: Tensor | None, kind: str, place: Located | None) -> None:
        """Notes a view of a tensor, and the place where it was made; without a place, it is one that exists already."""
        memory = memory_of(tensor)
        if memory is None or not memory.size or (of is not None and _layout(tensor) == _layout(of)):
            return
        with paused():
            buffer = self._buffer(tensor, memory)
            if buffer is not None and place is not None:
                self._views[_layout(tensor)] = view_of(memory, buffer, place, kind)

    def write(self, tensor: Tensor, node: Node | None) -> None:
        """Notes that the value of a node was written into a tensor; None: that of a constant."""
        memory = memory_of(tensor)
        if memory is None or not memory.size:
            return
        with paused():
            if memory.dtype.kind != "f":
                storage = tensor.untyped_storage()
                self._forget(storage.data_ptr(), storage.nbytes())
                self._buffers.pop(storage.data_ptr(), None)
                return
            buffer = self._buffer(tensor, memory)
            if buffer is not None:
                node = node if node is not None else self._session.node("constant", (), memory)
                buffer.write(_asarray(buffer.grid(memory)), node)

    def node(self, tensor: Tensor) -> Node:
        """The node of what a tensor holds."""
        with paused():
            return node_of(self._session, self.array(tensor))

    def traced(self, tensor: Tensor) -> Any:
        """What a tensor holds, as an array of its own."""
        array = self.array(tensor)
        if not isinstance(array, Traced):
            return _asarray(array)
        with paused():
            node = node_of(self._session, array)
            return traced_array(plain(array).copy(), node)

    def _buffer(self, tensor: Tensor, memory: Any) -> Buffer | None:
        storage = tensor.untyped_storage()
        known = self._buffers.get(storage.data_ptr())
        if known is not None and known[1].holds(memory):
            return known[1]
        if memory.dtype.kind != "f" or not memory.size:
            return None
        count = storage.nbytes() // memory.itemsize
        whole = _numpy(torch.empty(0, dtype=tensor.dtype).set_(storage, 0, (count,), (1,)))
        buffer = Buffer(whole, lambda: self._session.constant(whole))
        self._buffers[storage.data_ptr()] = storage, buffer
        return buffer

    def _view(self, tensor: Tensor, memory: Any, buffer: Buffer) -> Traced:
        layout = _layout(tensor)
        view = self._views.get(layout)
        if view is None or view._buffer is not buffer:
            view = self._views[layout] = view_of(memory, buffer, None, "index")
        return view

    def _see_writes(self, view: Traced, buffer: Buffer) -> None:
        """Notes a write that torch's modes do not see, such as one of NumPy's."""
        if _array_equal(node_of(self._session, view).value, plain(view), equal_nan=view.dtype.kind == "f"):
            return
        if node_of(self._session, view).active:
            self._session.lose("memory that was written to unseen")
        buffer.write(_asarray(buffer.grid(plain(view))), self._session.node("constant", (), plain(view)))

    def _forget(self, address: int, size: int) -> None:
        for layout in [one for one in self._views if address <= one[0] < address + max(size, 1)]:
            del self._views[layout]


def _layout(tensor: Tensor) -> Layout:
    return tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype
