"""The random generators of torch: the global ones and those that the user's code holds, rewound before each call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

States = list[torch.Tensor]


class TorchRandomness:
    """The generators of one check, and their states when it began.

    Args:
        held: generators that the user's code holds.
        tensors: the inputs, whose devices have generators of their own.
    """

    def __init__(self, held: Iterable[torch.Generator], tensors: Iterable[torch.Tensor]) -> None:
        devices = sorted({tensor.device.index for tensor in tensors if tensor.device.type == "cuda"})
        usual = [torch.default_generator, *(torch.cuda.default_generators[i] for i in devices)]
        self.generators = list({id(one): one for one in (*usual, *held)}.values())
        self.begin = self.states()
        self.draws = False  # whether forward has drawn numbers

    def states(self) -> States:
        """The states of all generators now."""
        return [one.get_state() for one in self.generators]

    def drawn_since(self, states: States) -> bool:
        """Whether any generator has moved since it had these states."""
        return any(not torch.equal(a, b) for a, b in zip(self.states(), states, strict=True))

    @contextmanager
    def at(self, states: States) -> Iterator[None]:
        """The generators have these states, and afterwards those that they have now."""
        before = self.states()
        self._set(states)
        try:
            yield
        finally:
            self._set(before)

    def _set(self, states: Any) -> None:
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state)
