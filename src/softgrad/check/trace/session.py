"""The recording of one run: nodes, the memory that holds their values, and the operations that lose the trace."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from softgrad.check.trace.buffers import Buffer
from softgrad.check.trace.node import Node, Site
from softgrad.check.trace.sites import Places
from softgrad.formulas.numbers import Array

MOST_NODES = 20_000
MOST_ENTRIES = 5_000_000  # of the values of all nodes

_asarray, _array = np.asarray, np.array  # the originals: they are replaced during a trace


class Session:
    """One recording, in one thread.

    Args:
        root: the frame that calls the user's functions.
    """

    def __init__(self, root: FrameType) -> None:
        self.places = Places(root)
        self.nodes: list[Node] = []
        self.untraced: dict[str, None] = {}
        self.inside: list[str] = []  # NumPy's functions that are traced by their definition, the outermost first
        self.is_full = False
        self.marks_writes = False  # a[i] = b is a node of its own, so that its line is known
        self._entries = 0
        self._repetitions: dict[tuple[Site, tuple[Site, ...]], int] = {}
        self._owned: dict[int, tuple[Array, Buffer]] = {}  # buffers of memory that was not made by an operation
        self._constants: dict[int, tuple[Array, Node]] = {}

    def node(
        self,
        op: str,
        parents: Sequence[Node],
        value: Any,
        static: Mapping[str, Any] | None = None,
        *,
        active: bool | None = None,
        place: tuple[Site | None, tuple[Site, ...]] | None = None,
    ) -> Node:
        """A new node. Its value is copied."""
        copy = _array(value, order="C")
        copy.setflags(write=False)
        if active is None:
            active = copy.dtype.kind == "f" and any(parent.active for parent in parents)
        site, callers = (None, ()) if op in ("input", "constant") else place or self.places.here(op)
        if site is not None and site.op != op:  # a view that was made before it was known how it would be read
            site = site._replace(op=op)
        node = Node(op, tuple(parents), copy, static or {}, site, callers, len(self.nodes), active)
        if site is not None:
            key = (site, callers)
            node.repetition = self._repetitions.get(key, 0)
            self._repetitions[key] = node.repetition + 1
        self._entries += copy.size
        if len(self.nodes) >= MOST_NODES or self._entries > MOST_ENTRIES:
            self.is_full = True
        else:
            self.nodes.append(node)
        return node

    def constant(self, value: Any) -> Node:
        """A node for a value that depends on nothing. The same array, unchanged, is the same node."""
        if not isinstance(value, np.ndarray):
            return self.node("constant", (), value)
        known = self._constants.get(id(value))
        if known is not None and known[0] is value and _same(known[1].value, value):
            return known[1]
        node = self.node("constant", (), value)
        self._constants[id(value)] = (value, node)
        return node

    def buffer_of(self, plain: Array, *, make: bool = False) -> Buffer | None:
        """The buffer of an array that is not traced itself: memory of the user's into which something was written."""
        owner = plain
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        known = self._owned.get(id(owner))
        if known is None and make:
            owner = owner.view(np.ndarray)
            known = self._owned[id(owner)] = (owner, Buffer(owner, lambda: self.constant(owner)))
        return known[1] if known is not None and known[1].holds(plain) else None

    def forget_memory(self) -> None:
        """Forgets what is known of the memory that the user held before."""
        self._owned.clear()

    def gathered(
        self,
        found: Node | tuple[Array, Array, list[Node]],
        place: tuple[Site | None, tuple[Site, ...]] | None = None,
        kind: str = "index",
        *,
        joined: bool = False,
    ) -> Node:
        """The node of what `Buffer.find` found: that node itself, a part of it, or parts of several.

        `joined` says that an operation such as np.concatenate puts the parts together, not writes at other lines.
        """
        if isinstance(found, Node):
            return found
        sources, positions, writers = found
        if sources.size == 0:
            return self.node("constant", (), np.zeros(sources.shape))
        first = sources.flat[0]
        if (sources == first).all():
            return self.part(writers[first], positions, place, kind)
        numbers, inverse = np.unique(sources.ravel(), return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        ends = np.cumsum(np.bincount(inverse, minlength=len(numbers)))
        flat = positions.ravel()
        pieces, parents = [], [writers[one] for one in numbers]
        value = np.empty(sources.size, dtype=np.result_type(*{parent.value.dtype for parent in parents}))
        begin = 0
        for parent, end in zip(parents, ends, strict=True):
            there = order[begin:end]
            here = flat[there]
            value[there] = parent.value.ravel()[here]
            pieces.append((there, here))
            begin = end
        parents, pieces = _merged(parents, pieces)
        static = {"pieces": pieces, "joined": joined}
        return self.node("assemble", parents, value.reshape(sources.shape), static, place=place)

    def part(
        self,
        node: Node,
        index: Array,
        place: tuple[Site | None, tuple[Site, ...]] | None = None,
        kind: str = "index",
    ) -> Node:
        """Entries of a node, by their numbers in it."""
        flat = node.value.ravel()
        whole = index.size == flat.size and np.array_equal(index.ravel(), np.arange(flat.size))
        if whole and index.shape == node.value.shape:
            return node
        if node.op == "constant":
            return self.node("constant", (), flat[index])
        static = {"index": index, "kind": "reshape" if whole else "index" if kind == "reshape" else kind}
        return self.node("gather", (node,), flat[index], static, place=place)

    def lose(self, name: str) -> None:
        """Notes an operation whose result is taken as a constant though it depends on the inputs."""
        site, _ = self.places.here("")
        name = self.inside[0] if self.inside else name
        self.untraced[f"{name}, line {site.number}" if site else name] = None


def _merged(
    parents: Sequence[Node], pieces: Sequence[tuple[Array, Array]]
) -> tuple[list[Node], list[tuple[Array, Array]]]:
    """The pieces, with those of the same node taken together."""
    together: dict[Node, list[tuple[Array, Array]]] = {}
    for parent, piece in zip(parents, pieces, strict=True):
        together.setdefault(parent, []).append(piece)
    return list(together), [
        (np.concatenate([one[0] for one in many]), np.concatenate([one[1] for one in many]))
        for many in together.values()
    ]


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and bool(((a == b) | ((a != a) & (b != b))).all())


class _Threads(threading.local):
    session: Session | None = None
    is_paused = False


_threads = _Threads()


def recording() -> Session | None:
    """The session of this thread, unless it is paused or has recorded too much."""
    session = _threads.session
    if session is None or _threads.is_paused or session.is_full:
        return None
    return session


@contextmanager
def paused() -> Iterator[None]:
    """What is computed here is not recorded."""
    before, _threads.is_paused = _threads.is_paused, True
    try:
        yield
    finally:
        _threads.is_paused = before


@contextmanager
def recorded(session: Session) -> Iterator[None]:
    """What is computed here, in this thread, is recorded in the session."""
    before = _threads.session, _threads.is_paused
    _threads.session, _threads.is_paused = session, False
    try:
        yield
    finally:
        _threads.session, _threads.is_paused = before
