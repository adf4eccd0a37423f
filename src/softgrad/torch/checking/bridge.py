"""What torch computes, as the graph of operations that check/trace/ records.

While the checker traces functions of arrays, an adapter runs functions of tensors:

    with tensors() as memory:
        output = function(memory.tensor(array))
        return memory.array_of(output)

A mode sees every operator that torch runs below autograd: in forward passes, and in the backward passes that
`torch.autograd.grad` runs in this thread. Each has a row in the table of `aten.py`, which does the same with traced
arrays; so the nodes, the derivatives and the lines are those of code in NumPy. Torch's own result is what the user's
code gets, and what the value of a node is. Where the row's result differs from it, the trace is lost there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from softgrad.check.trace.array import Traced, node_of, plain
from softgrad.check.trace.node import Node
from softgrad.check.trace.session import Session, paused, recording
from softgrad.torch.checking.aten import EITHER_WAY, IGNORED, KINDS, MAKERS, OVERWRITING, SAME, TABLE, WITH_RESULT
from softgrad.torch.checking.modes import SafeDispatchMode
from softgrad.torch.checking.places import site_of_outputs
from softgrad.torch.checking.tensor_memory import TensorMemory, memory_of
from softgrad.torch.checking.tensor_replacements import from_numpy, replaced
from softgrad.torch.checking.written_order import is_number_first

_asarray, _allclose, _array = np.asarray, np.allclose, np.array
DTYPES = {
    torch.float64: np.float64,
    torch.float32: np.float32,
    torch.float16: np.float16,
    torch.bool: np.bool_,
    torch.int64: np.int64,
    torch.int32: np.int32,
    torch.int16: np.int16,
    torch.int8: np.int8,
    torch.uint8: np.uint8,
}
WITHIN = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 1e-2}  # relative to the largest entry
WRITES = ("copy_", "fill_", "zero_")  # as a[i] = b; the other rows write themselves

_memories: WeakKeyDictionary[Session, TensorMemory] = WeakKeyDictionary()


class Tensors:
    """Makes tensors of arrays, and arrays of tensors. While there is a recording, the arrays are traced ones."""

    def __init__(self, memory: TensorMemory | None = None) -> None:
        self._memory = memory

    def tensor(self, array: Any) -> Tensor:
        """A tensor with the numbers of an array, on memory of its own."""
        tensor = from_numpy(_array(plain(array)))
        session = recording()
        if self._memory is not None and session is not None and isinstance(array, Traced):
            with paused():
                self._memory.put(tensor, node_of(session, array))
        return tensor

    def array(self, tensor: Tensor) -> Any:
        """An array with the numbers of a tensor, on memory of its own."""
        if self._memory is None:
            return tensor.detach().numpy(force=True).copy()
        return self._memory.traced(tensor)


@contextmanager
def tensors() -> Iterator[Tensors]:
    """While this runs, what torch computes in this thread becomes part of the recording, if there is one."""
    session = recording()
    if session is None:
        yield Tensors()
        return
    memory = _memories.setdefault(session, TensorMemory(session))
    recorder = _Recorder(session, memory)
    with replaced(session, recorder), recorder:
        yield Tensors(memory)


@contextmanager
def outputs_of(function: Callable[..., Any]) -> Iterator[None]:
    """While this runs, several outputs of a function are put together: each is told by the expression returned."""
    session = recording()
    if session is None:
        yield
        return
    session.places.outputs = site_of_outputs(function)
    try:
        yield
    finally:
        session.places.outputs = None


class _Recorder(SafeDispatchMode):
    """Records the operators that torch runs."""

    def __init__(self, session: Session, memory: TensorMemory) -> None:
        super().__init__()
        self._session, self.memory = session, memory
        self._step = 0
        self._first: dict[Any, bool] = {}  # by place: whether a number stands before a tensor
        self._call: tuple[Any, str] = (None, "")  # the place of the running call, and its first operator

    def run(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Runs an operator, and records it."""
        if recording() is not self._session:
            return func(*args, **kwargs)
        places = self._session.places
        places.step = self._step_of(_name(func))
        try:
            return self._recorded(func, args, kwargs)
        finally:
            places.step = 0

    def _recorded(self, func: Any, args: Any, kwargs: Any) -> Any:
        if torch.Tag.inplace_view in func.tags:  # such as unsqueeze_: another view in the same object
            result = func(*args, **kwargs)
            self._note_views(_name(func).removesuffix("_"), [result], None)
            return result
        if func._schema.is_mutable:
            return self._write(func, args, kwargs)
        result = func(*args, **kwargs)
        outputs = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
        if not outputs:
            if isinstance(result, float) and self._is_active(args):
                self._session.lose("torch.Tensor.item")
            return result
        of = _shared(outputs, args)
        if of is not None:
            self._note_views(_name(func), outputs, of)
            return result
        is_made = _name(func) in MAKERS
        found = [] if is_made else self._found(func, args, kwargs, result)
        is_active = not is_made and self._is_active((args, kwargs))
        for one, node in zip(outputs, self._nodes(_called(func), outputs, found, is_active), strict=True):
            self.memory.put(one, node)
        return result

    def note(self, name: str, row: Any, args: Any, options: Any, result: Tensor) -> None:
        """Notes the result of a function of several operators, which a row computes as one."""
        found = self._computed(row, args, options)
        (node,) = self._nodes(f"torch.{name}", [result], found, self._is_active((args, options)))
        self.memory.put(result, node)

    def _step_of(self, name: str) -> int:
        """Which of the operators of one call this is, such as x.repeat_interleave(2, 0); a loop begins again."""
        here = self._session.places.here("")
        if here == self._call[0] and name != self._call[1]:
            self._step += 1
        else:
            self._call, self._step = (here, name), 0
        return self._step

    def _note_views(self, name: str, outputs: list[Tensor], of: Tensor | None) -> None:
        place = None if name in SAME else self._session.places.here("gather")
        for one in outputs:
            self.memory.view(one, of, KINDS.get(name, "slice"), place)

    def _found(self, func: Any, args: Any, kwargs: Any, result: Any = None) -> list[Any]:
        """What the row of an operator computes, for each output; nothing where it has none.

        Args:
            func: the operator.
            args: its arguments.
            kwargs: those by name.
            result: what torch computed; None where that would have overwritten the arguments.
        """
        name = _name(func).removesuffix("_")
        row = TABLE.get(name)
        if row is not None:
            before = (tree_map(_plain_memory, result),) if name in WITH_RESULT else ()
            return self._computed(row, args, kwargs, before)
        try:
            return [] if result is None else self._looked_into(func, args, kwargs)
        except Exception:  # a definition that does not take these arguments
            return []

    def _computed(self, row: Any, args: Any, kwargs: Any, before: tuple[Any, ...] = ()) -> list[Any]:
        """What a row computes, for each output."""
        try:
            given, options = self._arrays(args, kwargs)
            if row in EITHER_WAY and not options and self._is_number_first(given):
                given = given[::-1]
            found = row(*before, *given, **options)
        except Exception:  # a form of the operator that the row does not know
            return []
        if found is NotImplemented:
            return []
        return list(found) if isinstance(found, tuple | list) else [found]

    def _is_number_first(self, given: tuple[Any, ...]) -> bool:
        """Whether the user wrote a number before a tensor, which torch has behind it."""
        if len(given) != 2 or not isinstance(given[1], int | float):
            return False
        site, _ = here = self._session.places.here("")
        if here not in self._first:
            self._first[here] = is_number_first(site, self._session.places.frame())
        return self._first[here]

    def _looked_into(self, func: Any, args: Any, kwargs: Any) -> list[Any]:
        """What an operator without a row computes, by its definition in terms of others."""
        definition = _definition(func) if self._is_active((args, kwargs)) else None
        if definition is None:
            return []
        with self:
            found = definition(*args, **kwargs)
        return [self.memory.array(one) for one in tree_leaves(found) if isinstance(one, Tensor)]

    def _write(self, func: Any, args: Any, kwargs: Any) -> Any:
        """An operator that writes into some of its arguments."""
        name, written = _name(func), _written(func, args, kwargs)
        operands = args[1:] if name in OVERWRITING else args
        is_active = self._is_active((operands, kwargs))
        given = (_plain_memory(args[0]), *args[1:]) if name in OVERWRITING else args
        found = self._found(func, given, {key: one for key, one in kwargs.items() if key != "out"})
        if found and name in WRITES and self._session.marks_writes:
            with paused():
                node = node_of(self._session, found[0])
                found[0] = self._session.node("write", (node,), node.value)
        result = func(*args, **kwargs)
        new = [one for one in tree_leaves(result) if isinstance(one, Tensor) and not any(one is w for w in written)]
        for one, known in zip(
            written, self._nodes(_called(func), written, [] if new else found, is_active), strict=True
        ):
            self.memory.write(one, known)
        for one, known in zip(new, self._nodes(_called(func), new, found, is_active), strict=True):
            self.memory.put(one, known)
        return result

    def _nodes(self, name: str, outputs: list[Tensor], found: list[Any], is_active: bool) -> list[Node | None]:
        """The nodes of the results of an operator; None for a constant."""
        nodes = [self._node(found[i], one) if i < len(found) else None for i, one in enumerate(outputs)]
        for i, (node, one) in enumerate(zip(nodes, outputs, strict=True)):
            is_beside = i < len(found) and found[i] is None  # a row leaves out what only backward passes use
            is_real = one.dtype.is_floating_point or one.dtype.is_complex
            if is_active and node is None and is_real and not is_beside:
                self._session.lose(name)
        return nodes

    def _node(self, found: Any, tensor: Tensor) -> Node | None:
        """The node of what a row computed, if it is what torch computed."""
        memory = memory_of(tensor)
        if memory is None or found is None:
            return None
        with paused():
            node = found if isinstance(found, Node) else node_of(self._session, found)
            if node.value.shape != memory.shape:
                if node.value.size != 1 and np.broadcast_shapes(node.value.shape, memory.shape) != memory.shape:
                    return None
                whole = np.broadcast_to(np.arange(node.value.size).reshape(node.value.shape), memory.shape)
                node = self._session.part(node, whole)
            size = float(np.abs(memory[np.isfinite(memory)]).max(initial=0.0)) if memory.dtype.kind == "f" else 0.0
            within = WITHIN.get(tensor.dtype, 0.0)
            if not _allclose(node.value, memory, rtol=within, atol=within * size, equal_nan=True):
                return None
            if node.value.dtype != memory.dtype or not np.array_equal(node.value, memory):
                exact = memory.copy(order="C")
                exact.setflags(write=False)
                node.value = exact
        return node

    def _is_active(self, operands: Any) -> bool:
        given = [one for one in tree_leaves(operands) if isinstance(one, Tensor) and one.dtype.is_floating_point]
        return any(self.memory.node(one).active for one in given)

    def _arrays(self, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given = tree_map(self._array, args)
        return given, {key: tree_map(self._array, one) for key, one in kwargs.items() if key not in IGNORED}

    def _array(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self.memory.array(value)
        return DTYPES.get(value, value) if isinstance(value, torch.dtype) else value


def _plain_memory(value: Any) -> Any:
    return memory_of(value) if isinstance(value, Tensor) else value


def _written(func: Any, args: Any, kwargs: Any) -> list[Tensor]:
    """The arguments that an operator writes into."""
    found = []
    for i, one in enumerate(func._schema.arguments):
        if one.alias_info is not None and one.alias_info.is_write:
            found.append(args[i] if i < len(args) else kwargs.get(one.name))
    return [one for one in tree_leaves(found) if isinstance(one, Tensor)]


def _name(func: Any) -> str:
    return str(func._schema.name).removeprefix("aten::")


def _called(func: Any) -> str:
    """What the user calls an operator."""
    name = _name(func).strip("_")
    if func.namespace != "aten":
        return _name(func)
    return "torch.fft" if name.startswith("fft_") else f"torch.{name}"


def _shared(outputs: list[Tensor], args: Any) -> Tensor | None:
    """The argument on whose memory all results lie; None where they lie on memory of their own."""
    if not outputs:
        return None
    given = [one for one in tree_leaves(args) if isinstance(one, Tensor)]
    addresses = {_address(one) for one in outputs}
    if len(addresses) != 1:
        return None
    (address,) = addresses
    return next((one for one in given if address and _address(one) == address), None)


def _address(tensor: Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # it has no memory
        return 0


def _definition(func: Any) -> Callable[..., Any] | None:
    """An operator in terms of others."""
    if func.namespace != "aten":
        from torch._library.custom_ops import OPDEFS

        known = OPDEFS.get(func._schema.name)
        return None if known is None else known._init_fn
    from torch._decomp import decomposition_table

    if func in decomposition_table:
        return decomposition_table[func]
    return func.decompose if hasattr(func, "decompose") else None
