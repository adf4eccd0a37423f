"""Forward and backward passes on tensors of other kinds than the judge uses, compared with each other.

A right backward pass gives the same gradients whatever the memory of its tensors is like and whatever else is asked of
it. So nothing is judged here by numerical derivatives, and a mistake in the formula shows in no trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from softgrad.check.report.source import SourceLine
from softgrad.check.user.randomness import Randomness
from softgrad.formulas.numbers import Array
from softgrad.torch.checking.functions import Run, TorchFunctions
from softgrad.torch.checking.inputs import as_array

RTOL = {torch.float64: 1e-6, torch.float32: 1e-2}  # far above rounding, far below a mistake
NUDGE = 1e-11
Grads = list[torch.Tensor | None]  # one for each leaf
Change = Callable[[torch.Tensor], torch.Tensor]


class Found(NamedTuple):
    """A mistake of conduct.

    Attributes:
        name: in the catalogue.
        evidence: the measurement that shows it.
        line: where it is made; None where that is not known.
    """

    name: str
    evidence: str
    line: SourceLine | None = None


class Trials:
    """The passes of one check, at the inputs given.

    Args:
        functions: the user's functions.
        seed: for the upstream gradients.
        others: the random generators that are not torch's.
    """

    def __init__(self, functions: TorchFunctions, seed: int, others: Randomness) -> None:
        self.functions, self.inputs, self._others = functions, functions.inputs, others
        self.calls = 0
        self.rng = np.random.default_rng([seed, 1])
        self.arrays: list[Array] = [
            as_array(leaf.given) if leaf.is_tensor else leaf.given for leaf in self.inputs.leaves
        ]
        self.dtype = torch.float64
        try:
            outputs = self.run(self.leaves()).outputs
        except Exception:  # it takes the types given alone
            self.dtype = next((leaf.given.dtype for leaf in self.inputs.leaves if leaf.is_real), torch.float32)
            outputs = self.run(self.leaves()).outputs
        self._upstream = [torch.from_numpy(self.rng.standard_normal(tuple(one.shape))).to(one) for one in outputs]
        self.wanted = self.gradients(self.leaves(), self.upstream)

    @property
    def upstream(self) -> list[torch.Tensor]:
        """The upstream gradient of each output: a copy, as backward may write into it."""
        return [one.clone() for one in self._upstream]

    @property
    def wanted_leaves(self) -> list[int]:
        """The leaves that have a gradient."""
        return [i for i, grad in enumerate(self.wanted) if grad is not None]

    def name(self, i: int) -> str:
        """The name of a leaf."""
        return self.inputs.leaves[i].name

    def leaves(
        self,
        arrays: Sequence[Any] | None = None,
        *,
        change: Change | None = None,
        only: Sequence[int] | None = None,
        dtype: Any = None,
    ) -> list[Any]:
        """Tensors that require a gradient.

        Args:
            arrays: their numbers; by default those given.
            change: what is done to each tensor before it requires a gradient. Parameters of a module are left as they
                are: a module makes them itself, and contiguous.
            only: the leaves that require one; by default all of real numbers.
            dtype: the type of those of real numbers.
        """
        made: list[Any] = []
        given = len(self.inputs.values) - len(self.functions.subject.parameters)
        for i, (leaf, array) in enumerate(
            zip(self.inputs.leaves, self.arrays if arrays is None else arrays, strict=True)
        ):
            if not leaf.is_tensor:
                made.append(leaf.given)
                continue
            tensor = torch.from_numpy(np.array(array, order="C")).to(leaf.given.device)
            tensor = tensor.to(dtype or self.dtype) if leaf.is_real else tensor
            tensor = tensor if change is None or leaf.path[0] >= given else change(tensor)
            is_asked = leaf.is_real and (only is None or i in only) and self.functions.subject.backward is None
            made.append(tensor.requires_grad_(is_asked))
        return made

    def run(self, leaves: list[Any]) -> Run:
        """The forward pass, with the generators in their first states."""
        self.calls += 1
        randomness = self.functions.randomness
        with randomness.at(randomness.begin), self._others.rewound():
            return self.functions.run(leaves)._replace(states=randomness.states())

    def backward(self, run: Run, upstream: Sequence[torch.Tensor], *, retain: bool = False) -> Grads:
        """The backward pass of a forward pass."""
        self.calls += 1
        with self.functions.randomness.at(run.states), self._others.rewound():
            return self.functions.gradients(run.leaves, run.outputs, list(upstream), retain=retain)

    def gradients(self, leaves: list[Any], upstream: Sequence[torch.Tensor]) -> Grads:
        """Both passes."""
        return self.backward(self.run(leaves), upstream)

    def is_steady(self, arrays: Sequence[Any]) -> bool:
        """Whether the gradients at these arrays are finite, and hardly change where these change in a late digit."""
        try:
            first = self.gradients(self.leaves(arrays), self.upstream)
            second = self.gradients(self.leaves(self.moved(arrays, NUDGE)), self.upstream)
        except Exception:  # not defined there
            return False
        is_finite = all(one is None or bool(one.isfinite().all()) for one in first)
        return is_finite and self.first_difference(second, first) is None

    def moved(self, arrays: Sequence[Any], by: float) -> list[Any]:
        """Arrays of real numbers, each entry moved by up to this relative amount."""
        return [
            one * (1 + by * self.rng.uniform(-1, 1, one.shape)) if isinstance(one, np.ndarray) and leaf.is_real else one
            for leaf, one in zip(self.inputs.leaves, arrays, strict=True)
        ]

    def shuffled(self, arrays: Sequence[Any]) -> list[Any]:
        """Arrays of real numbers, each with its entries in another order: masks change, and ranges stay."""
        return [
            self.rng.permuted(one.ravel()).reshape(one.shape) if isinstance(one, np.ndarray) and leaf.is_real else one
            for leaf, one in zip(self.inputs.leaves, arrays, strict=True)
        ]

    def first_difference(self, got: Grads, wanted: Grads, *, rtol: float | None = None) -> int | None:
        """The first leaf whose gradients differ by more than rounding; None where none does."""
        rtol = RTOL.get(self.dtype, 1e-1) if rtol is None else rtol
        size = max([_size(one) for one in wanted] + [1e-3 * _size(one) for one in self._upstream])
        for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
            if b is None and a is None:
                continue
            if a is None or b is None:
                if _size(a if b is None else b) > 1e-3 * rtol * size:
                    return i
            elif a.shape != b.shape or not torch.allclose(
                a.double(), b.double(), rtol=rtol, atol=1e-3 * rtol * size, equal_nan=True
            ):
                return i
        return None


def _size(tensor: torch.Tensor | None) -> float:
    if tensor is None or not tensor.numel():
        return 0.0
    return float(tensor.detach().double().abs().nan_to_num(0.0, 0.0, 0.0).max())
