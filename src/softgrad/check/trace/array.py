"""Arrays that remember what was done to them.

A `Traced` array is a view of a `Buffer`. It computes what a plain array does; while a session records, the operations
become nodes. Without a session it is a plain array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from softgrad.check.trace.buffers import Buffer, address, counted
from softgrad.check.trace.node import Node, Site
from softgrad.check.trace.session import Session, recording
from softgrad.formulas.numbers import Array

_asarray = np.asarray
Located = tuple[Site | None, tuple[Site, ...]]


class Traced(np.ndarray[Any, Any]):
    """An array that remembers what was done to it."""

    _buffer: Buffer | None = None
    _place: Located | None = None  # where the view was made
    _read: tuple[int, Node] | None = None  # the node of this view, at a version of the buffer
    _kind = "index"
    _is_held = False  # whether it is known that the buffer holds it

    def __array_finalize__(self, other: Any) -> None:
        self._buffer = getattr(other, "_buffer", None)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from softgrad.check.trace.ufuncs import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        from softgrad.check.trace.functions import call_function

        return call_function(function, args, options, super().__array_function__)

    def __getitem__(self, key: Any) -> Any:
        key = plain_key(key)
        result = np.ndarray.__getitem__(plain(self), key)
        session = recording()
        buffer = buffer_of(self)
        if session is None or buffer is None:
            _note_lost(session, self)
            return result
        if isinstance(result, np.ndarray) and result.base is not None and buffer.holds(result) and result.size:
            return view_of(result, buffer, session.places.here("gather"), "slice")
        if not isinstance(result, np.ndarray) and result.dtype.kind != "f":
            return result
        node = session.gathered(buffer.found_at(_asarray(buffer.grid(self)[key])))
        return traced(result, node)

    def __setitem__(self, key: Any, value: Any) -> None:
        key = plain_key(key)
        session = recording()
        buffer = buffer_of(self)
        if session is None or buffer is None:
            np.ndarray.__setitem__(plain(self), key, plain_all(value))
            return
        if isinstance(value, Traced) and buffer_of(value) is buffer:
            target = np.ndarray.__getitem__(plain(self), key)
            if isinstance(target, np.ndarray) and _is_same_view(target, value):
                return  # a[i] += b: written already
        node = node_of(session, value)
        np.ndarray.__setitem__(plain(self), key, plain_all(value))
        node = _in_the_type_of(session, self, node)
        if session.marks_writes:
            node = session.node("write", (node,), node.value)
        buffer.write(_asarray(buffer.grid(self)[key]), node)

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    @property
    def T(self) -> Any:
        """The transpose."""
        return placed(plain(self).T, self, "transpose")

    @property
    def flat(self) -> Any:
        """The entries in the order of C."""
        return plain(self).flat if recording() is None else Flat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.reshape(-1)[...] = np.resize(as_array(value), self.size)

    def __repr__(self) -> str:
        return repr(plain(self))

    def __str__(self) -> str:
        return str(plain(self))

    def __format__(self, how: str) -> str:
        return format(plain(self) if self.ndim else plain(self)[()], how)

    def item(self, *args: Any) -> Any:
        """One entry."""
        if recording() is None:
            return plain(self).item(*args)
        if not args:
            return self.reshape(-1)[0] if self.size == 1 else plain(self).item()
        return self.reshape(-1)[args[0]] if len(args) == 1 and not isinstance(args[0], tuple) else self[args]

    def tolist(self) -> Any:
        """The entries in nested lists."""
        if recording() is None or self.dtype.kind != "f":
            return plain(self).tolist()
        return [one.tolist() if isinstance(one, Traced) and one.ndim else one for one in self] if self.ndim else self

    def fill(self, value: Any) -> None:
        """Writes one number into every entry."""
        self[...] = value

    def __reduce__(self) -> Any:
        return plain(self).__reduce__()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __copy__(self) -> Any:
        return self.copy()


class TracedScalar(Traced):
    """A number that remembers what was done to it: NumPy's scalars cannot."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(plain(self)[()]) if not self.ndim else id(self)

    def __index__(self) -> int:
        raise TypeError("only integer scalars can be an index")

    def __round__(self, digits: int | None = None) -> Any:
        return round(plain(self)[()], digits)

    def __getattr__(self, name: str) -> Any:
        return getattr(plain(self)[()], name)  # what np.float64 has and arrays have not

    def __repr__(self) -> str:
        return repr(plain(self)[()])

    def __str__(self) -> str:
        return str(plain(self)[()])


class Flat:
    """The entries of a traced array in the order of C, as `a.flat` gives them."""

    def __init__(self, array: Traced) -> None:
        self.base, self.index = array, 0

    @property
    def coords(self) -> tuple[int, ...]:
        """Where the next entry is."""
        if self.index >= self.base.size:
            return ()
        return tuple(int(i) for i in np.unravel_index(self.index, self.base.shape))

    def __len__(self) -> int:
        return int(self.base.size)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.index >= self.base.size:
            raise StopIteration
        self.index += 1
        return self[self.index - 1]

    def __getitem__(self, key: Any) -> Any:
        return self.base.reshape(-1)[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        numbers = counted((self.base.size,))[plain_key(key)]
        self.base[np.unravel_index(numbers, self.base.shape)] = value


def _out_of_place(name: str) -> Callable[[Any, Any], Any]:
    operator = getattr(np.ndarray, f"__{name}__")
    in_place = getattr(np.ndarray, f"__i{name}__")

    def compute(self: Any, other: Any) -> Any:
        return in_place(self, other) if self.ndim else operator(self, other)

    return compute


Traced.imag = property(lambda self: plain(self).imag)  # type: ignore[method-assign, assignment]  # it is 0

for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(TracedScalar, f"__i{_name}__", _out_of_place(_name))


def plain(value: Any) -> Any:
    """A traced array as a plain one, with the same memory; anything else as it is."""
    return np.ndarray.view(value, np.ndarray) if isinstance(value, Traced) else value


def plain_all(value: Any) -> Any:
    """The same for the arrays in lists, tuples and dicts."""
    if isinstance(value, Traced):
        return plain(value)
    if type(value) in (list, tuple):
        return type(value)(plain_all(one) for one in value)
    if type(value) is dict:
        return {key: plain_all(one) for key, one in value.items()}
    return value


def plain_key(key: Any) -> Any:
    """An index, without traces."""
    if isinstance(key, int | slice):
        return key
    if isinstance(key, Traced):
        return plain(key)
    if isinstance(key, tuple | list):
        return (tuple if isinstance(key, tuple) else list)(plain_key(one) for one in key)
    return key


def buffer_of(array: Traced) -> Buffer | None:
    """The buffer whose memory an array is a view of."""
    buffer = array._buffer
    if array._is_held or buffer is None:
        return buffer
    return buffer if not array.size or buffer.holds(array) else None


def traced(value: Any, node: Node) -> Any:
    """The array that the user gets for a result: its memory holds the value of a node."""
    array = _asarray(value)
    if not array.ndim and array.dtype.kind != "f":
        return array[()]
    result = array.view(Traced if array.ndim else TracedScalar)
    result._buffer, result._is_held, result._read = Buffer(array, node), True, (0, node)
    return result


def traced_array(memory: Array, node: Node) -> Any:
    """The same where the user gets an array also if it has no axis: from np.zeros(()), for example."""
    result = memory.view(Traced)
    result._buffer, result._is_held, result._read = Buffer(memory, node), True, (0, node)
    return result


def view_of(result: Array, buffer: Buffer, place: Located | None, kind: str) -> Any:
    """A view of a buffer, and the place where it was made."""
    view = result.view(Traced)
    view._buffer, view._place, view._kind, view._is_held = buffer, place, kind, True
    return view


def placed(result: Array, of: Traced, kind: str) -> Any:
    """A plain view of a traced array as a traced one."""
    session, buffer = recording(), buffer_of(of)
    if session is None or buffer is None:
        _note_lost(session, of)
        return result
    return view_of(result, buffer, session.places.here("gather"), kind)


def node_of(session: Session, value: Any) -> Node:
    """The node of an operand."""
    if isinstance(value, Traced):
        return _node_of_view(session, value)
    if isinstance(value, np.ndarray):
        buffer = session.buffer_of(value)
        return session.constant(value) if buffer is None else session.gathered(buffer.find(value))
    if isinstance(value, list | tuple) and holds_traced(value):
        return node_of(session, stacked(session, value))
    return session.constant(value)


def _node_of_view(session: Session, array: Traced) -> Node:
    buffer = buffer_of(array)
    if buffer is None:
        _note_lost(session, array)
        return session.constant(plain(array))
    if array._read is not None and array._read[0] == buffer.version and array._read[1].shape == array.shape:
        return array._read[1]
    node = session.gathered(buffer.find(array), array._place, array._kind)
    array._read = (buffer.version, node)
    return node


def _note_lost(session: Session | None, array: Traced) -> None:
    """Notes an array that something made which is not traced, of one that is."""
    if session is not None and array._buffer is not None and array._buffer.node.active:
        session.lose("a copy")


def as_array(value: Any) -> Any:
    """An array, traced or not."""
    if isinstance(value, np.ndarray):
        return value
    session = recording()
    return stacked(session, value) if session is not None and holds_traced(value) else _asarray(value)


def stacked(session: Session, value: Any) -> Any:
    """Nested lists with traced numbers in them, as one array."""
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, list | tuple) or not holds_traced(value):
        return _asarray(value)
    from softgrad.check.trace.methods import moved

    return moved(session, lambda *ones: np.stack(ones), [stacked(session, one) for one in value])


def holds_traced(value: Any) -> bool:
    """Whether there is a traced array among nested lists."""
    if isinstance(value, list | tuple):
        return any(holds_traced(one) for one in value)
    return isinstance(value, Traced)


def _is_same_view(a: Array, b: Array) -> bool:
    return (address(a), a.shape, a.strides) == (address(b), b.shape, b.strides)


def _in_the_type_of(session: Session, array: Array, node: Node) -> Node:
    """A node whose value is written into an array: integers are constants, whatever they are made of."""
    if array.dtype == node.value.dtype or (array.dtype.kind == "f" and node.value.dtype.kind in "fiub"):
        return node
    if node.active:
        session.lose(f"an array of {array.dtype}")
    return session.node("constant", (), node.value.astype(array.dtype))
