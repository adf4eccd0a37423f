"""What is known of memory: which entry of it was computed by which node.

The arrays that a user's function handles are views of buffers. A buffer remembers for each of its entries the node that
wrote it and the place in that node's value. So T, reshape and slices are no operations, writing is none either, and
reading an array finds the values that were stored there, however they were stored: one node itself, a part of one
node (`gather`), or parts of several (`assemble`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np

from softgrad.check.trace.node import Node
from softgrad.formulas.numbers import Array

_asarray, _zeros = np.asarray, np.zeros  # the originals: they are replaced during a trace


def address(array: Array) -> int:
    """The address of the first entry of an array."""
    return int(array.__array_interface__["data"][0])


@lru_cache(maxsize=256)
def counted(shape: tuple[int, ...]) -> Array:
    """The numbers of the entries of an array of this shape, in the order of C."""
    numbers = np.arange(math.prod(shape)).reshape(shape)
    numbers.setflags(write=False)
    return numbers


class Buffer:
    """One piece of memory.

    Args:
        memory: the array that covers it.
        node: whose value the array has; or a function that makes the node when it is first asked for: what was written
            by then is known to be written.
    """

    def __init__(self, memory: Array, node: Node | Callable[[], Node]) -> None:
        self.memory = memory
        self._node = node  # all of the memory is its value, while `sources` is None
        self.version = 0
        self._shape, self._strides = memory.shape, memory.strides
        self._is_plain = memory.flags.c_contiguous
        self._writers: list[Node] = []
        self._sources: Array | None = None  # by entry of memory: which of the writers
        self._positions: Array | None = None  # by entry of memory: where in the writer's value

    @property
    def node(self) -> Node:
        """The node whose value the memory had before anything was written into a part of it."""
        if not isinstance(self._node, Node):
            self._node = self._node()
        return self._node

    @property
    def is_constant(self) -> bool:
        """Whether nothing in it depends on the inputs."""
        return self._sources is None and not self.node.active

    def holds(self, array: Array) -> bool:
        """Whether an array is a view of this memory."""
        start, end = self._bounds
        return array.itemsize == self.memory.itemsize and start <= address(array) < end

    @cached_property
    def _bounds(self) -> tuple[int, int]:
        """The first address of the memory, and the one behind its last."""
        low = high = address(self.memory)
        for length, stride in zip(self._shape, self._strides, strict=True):
            step = (length - 1) * stride
            low, high = (low + step, high) if step < 0 else (low, high + step)
        return low, high + self.memory.itemsize

    def _is_all(self, array: Array) -> bool:
        """Whether a view is the memory itself."""
        return (
            array.shape == self._shape
            and array.strides == self._strides
            and (self._is_plain or address(array) == address(self.memory))
        )

    def _numbers(self, array: Array) -> Array:
        start, size = self._bounds[0], array.itemsize
        number = _asarray((address(array) - start) // size)
        for length, stride in zip(array.shape, array.strides, strict=True):
            number = number[..., None] + np.arange(length) * (stride // size)
        return number

    def grid(self, array: Array) -> Array:
        """For each entry of a view, its number in memory."""
        if self._is_plain and self._is_all(array):
            return counted(array.shape)
        return self._numbers(array)

    def find(self, array: Array) -> Node | tuple[Array, Array, list[Node]]:
        """Who wrote the entries of a view: one node itself, or sources, positions and writers (see `found_at`)."""
        if self._sources is None and self._is_all(array):
            return self.node
        return self.found_at(self.grid(array))

    def found_at(self, numbers: Array) -> Node | tuple[Array, Array, list[Node]]:
        """Who wrote some entries: one node itself, or for each entry its writer's number and the place in its value."""
        if self._sources is None:
            sources = _zeros(numbers.shape, dtype=np.int64)
            positions = numbers if self._is_plain else self._first_positions()[numbers]
            writers = [self.node]
        else:
            assert self._positions is not None
            sources, positions, writers = self._sources[numbers], self._positions[numbers], self._writers
        if sources.size and (sources == (first := sources.flat[0])).all():
            node = writers[first]
            if node.value.shape == positions.shape and np.array_equal(positions, counted(node.value.shape)):
                return node
        return sources, positions, writers

    def write(self, numbers: Array, node: Node) -> None:
        """Notes that some entries now hold the value of a node, broadcast to them."""
        self.version += 1
        shape = node.value.shape
        positions = counted(shape)
        while positions.ndim > numbers.ndim and positions.shape[0] == 1:
            positions = positions[0]
        if self._is_plain and numbers.shape == positions.shape == self.memory.shape and _is_counted(numbers):
            self._node, self._writers, self._sources, self._positions = node, [], None, None  # all of it
            return
        if self._sources is None:
            self._writers = [self.node]
            self._sources = _zeros(self._size(), dtype=np.int64)
            self._positions = self._first_positions().copy()
        assert self._positions is not None
        self._sources[numbers] = len(self._writers)
        self._positions[numbers] = np.broadcast_to(positions, numbers.shape)
        self._writers.append(node)

    def _size(self) -> int:
        if self._is_plain:
            return max(self.memory.size, 1)
        return max((self._bounds[1] - self._bounds[0]) // max(self.memory.itemsize, 1), 1)

    def _first_positions(self) -> Array:
        """For each entry of memory, its place in the value that the memory had at first."""
        if self._is_plain:
            return counted((self._size(),))
        positions = _zeros(self._size(), dtype=np.int64)
        positions[self._numbers(self.memory)] = counted(self._shape)
        return positions


def _is_counted(numbers: Array) -> bool:
    return np.array_equal(numbers, counted(numbers.shape))
