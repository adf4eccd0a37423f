"""The user's torch code as two functions of arrays, which the checker of softgrad.check calls.

    forward(*arrays) -> output                          the tensors require a gradient, and torch records its graph
    backward(*arrays, output, grad_output) -> grads     torch.autograd.grad on the graph of the forward pass before it

So ctx, save_for_backward and needs_input_grad are those of torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from softgrad.check.user.descriptions import kind_of
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array
from softgrad.torch.checking.inputs import Inputs, Path, tensors_in
from softgrad.torch.checking.randomness import States, TorchRandomness
from softgrad.torch.checking.subject import Subject

ON_A_LEAF = "a leaf Variable that requires grad"  # torch's words on an operation in place on an input


class Run(NamedTuple):
    """One forward pass: the tensors that went in, those that came out, and the states of the generators after it."""

    leaves: list[Any]
    outputs: list[torch.Tensor]
    states: States


class TorchFunctions:
    """The forward and the backward pass of a subject, on arrays.

    Args:
        function: the public function that the user called, for messages.
        subject: what is checked.
        inputs: its inputs, the parameters of a module among them.
        randomness: the generators.
    """

    def __init__(self, function: str, subject: Subject, inputs: Inputs, randomness: TorchRandomness) -> None:
        self.function, self.subject, self.inputs, self.randomness = function, subject, inputs, randomness
        self.outputs: list[Path] | None = None  # where the outputs stand that have a gradient
        self.told: list[str] = []  # facts
        self.wants: list[bool] | None = None  # the inputs that have a gradient
        self.on_copies = False  # forward writes into its inputs, as torch allows where they are no leaves
        self.is_detached = False  # no output requires a gradient
        self._last: Run | None = None

    def forward(self, *arrays: Any) -> Array:
        """The output: one array, or all outputs one after the other as a vector."""
        is_real = not any(np.iscomplexobj(one) for one in arrays)
        with self.randomness.at(self.randomness.begin):
            run = self.run(self.tensors(arrays, requires_grad=is_real))
            self._last = run._replace(states=self.randomness.states())
            self.randomness.draws |= self.randomness.drawn_since(self.randomness.begin)
        return joined([self._array(one) for one in run.outputs])

    def backward(self, *arrays: Any) -> tuple[Array | None, ...]:
        """The gradient of each input; None where torch has none. It belongs to the forward pass that ran before it."""
        assert self._last is not None
        leaves, outputs, states = self._last
        upstream = self.parted(as_tensor(arrays[-1]), outputs)
        with self.randomness.at(states):
            if self.subject.backward is not None:
                return self._of_user(leaves, outputs, upstream)
            grads = self._gradients(leaves, outputs, upstream)
        if self.wants is None:
            self.wants = [grad is not None for grad in grads]
        return tuple(
            (np.zeros(leaf.shape) if grad is None else grad) if wanted else None
            for leaf, grad, wanted in zip(leaves, grads, self.wants, strict=True)
        )

    def tensors(self, arrays: Sequence[Any], *, requires_grad: bool = True, dtype: Any = None) -> list[Any]:
        """Tensors of these arrays, in place of those given; floats stay floats.

        Args:
            arrays: the arrays.
            requires_grad: whether those of real numbers require a gradient.
            dtype: the type of those of real numbers, if it is another than that of the array.
        """
        leaves: list[Any] = []
        for leaf, array in zip(self.inputs.leaves, arrays, strict=True):
            if not leaf.is_tensor:
                leaves.append(complex(array) if np.iscomplexobj(array) else float(array))
                continue
            tensor = as_tensor(array).to(leaf.given.device)
            if leaf.is_real:
                tensor = tensor.to(dtype or tensor.dtype)
                tensor.requires_grad_(requires_grad and self.subject.backward is None)
            leaves.append(tensor)
        return leaves

    def run(self, leaves: list[Any]) -> Run:
        """The forward pass on tensors.

        Raises:
            CheckError: it returns something other than tensors of real numbers.
        """
        return Run(leaves, self._chosen(self.call(leaves)), [])

    def call(self, leaves: Sequence[Any]) -> Any:
        """What the user's code returns for these tensors. torch records its graph, whatever was set outside."""
        with torch.inference_mode(False), torch.enable_grad():
            if not self.on_copies:
                try:
                    return self.subject.call(*self.inputs.with_leaves(leaves))
                except RuntimeError as error:
                    if ON_A_LEAF not in str(error):
                        raise
                    self.on_copies = True
            copies = [one.clone() if isinstance(one, torch.Tensor) else one for one in leaves]
            return self.subject.call(*self.inputs.with_leaves(copies))

    def parted(self, vector: torch.Tensor, outputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The upstream gradient of each output, from that of all of them."""
        if len(outputs) == 1:
            return [vector.reshape(outputs[0].shape).to(outputs[0])]
        parts = vector.split([one.numel() for one in outputs])
        return [part.reshape(one.shape).to(one) for part, one in zip(parts, outputs, strict=True)]

    def _gradients(
        self, leaves: Sequence[Any], outputs: Sequence[torch.Tensor], upstream: Sequence[torch.Tensor]
    ) -> list[Array | None]:
        """The gradient at each leaf."""
        wrt = [one for one in leaves if isinstance(one, torch.Tensor) and one.requires_grad]
        pairs = [(out, up) for out, up in zip(outputs, upstream, strict=True) if out.requires_grad]
        self.is_detached = not pairs
        if not pairs or not wrt:
            return [np.zeros(one.shape) if any(one is other for other in wrt) else None for one in leaves]
        self.subject.returned.clear()
        try:
            found = torch.autograd.grad([out for out, _ in pairs], wrt, [up for _, up in pairs], allow_unused=True)
        except RuntimeError:
            raw = self._misshapen(leaves)
            if raw is None:
                raise
            return raw
        by_id = {id(one): grad for one, grad in zip(wrt, found, strict=True)}
        arrays = [None if (grad := by_id.get(id(one))) is None else self._array(grad) for one in leaves]
        return self._shortened(arrays)

    def _of_user(self, leaves: Sequence[Any], outputs: Sequence[torch.Tensor], upstream: Sequence[torch.Tensor]) -> Any:
        """The gradients that the user's backward pass returns, as arrays."""
        assert self.subject.backward is not None
        if len(outputs) > 1:
            raise CheckError(f"{self.function}: forward returned {len(outputs)} tensors, wanted one")
        value = self.subject.backward(*self.inputs.with_leaves(leaves), outputs[0], upstream[0])
        if not isinstance(value, tuple | list):
            return self._array(value) if isinstance(value, torch.Tensor) else value
        grads = [self._array(one) if isinstance(one, torch.Tensor) else one for one in value]
        if len(grads) == len(self.inputs.values):
            grads = [grads[leaf.path[0]] if len(leaf.path) == 1 else None for leaf in self.inputs.leaves]
        return tuple(grads)

    def _returned(self) -> list[Any] | None:
        """What the user's backward pass returned for each input; None where that is not known."""
        if not self.subject.returned:
            return None
        value = self.subject.returned[0]
        values = list(value) if isinstance(value, tuple | list) else [value]
        places = [leaf.path[0] if len(leaf.path) == 1 else len(values) for leaf in self.inputs.leaves]
        return [values[place] if place < len(values) else None for place in places]

    def _misshapen(self, leaves: Sequence[Any]) -> list[Array | None] | None:
        """The gradients of a backward pass of which torch refuses some for their shape; None where that is not so."""
        returned = self._returned()
        if returned is None or not any(
            isinstance(grad, torch.Tensor) and isinstance(leaf, torch.Tensor) and grad.shape != leaf.shape
            for grad, leaf in zip(returned, leaves, strict=True)
        ):
            return None
        return [self._array(grad) if isinstance(grad, torch.Tensor) else None for grad in returned]

    def _shortened(self, arrays: list[Array | None]) -> list[Array | None]:
        """The gradients in the types in which backward returned them: torch widens these without a word."""
        returned = self._returned()
        if returned is None:
            return arrays
        short = (torch.float32, torch.float16)
        return [
            array.astype(np.float32)
            if array is not None and isinstance(grad, torch.Tensor) and grad.dtype in short
            else array
            for array, grad in zip(arrays, returned, strict=True)
        ]

    def _chosen(self, value: Any) -> list[torch.Tensor]:
        """The outputs that have a gradient; those at the same places in each call."""
        found = dict(tensors_in(value))
        if self.outputs is None:
            self.outputs = self._choose(value, found)
        if not set(self.outputs) <= found.keys():
            raise CheckError(f"{self.function}: forward returned other outputs than in the first call")
        return [found[path] for path in self.outputs]

    def _choose(self, value: Any, found: dict[Path, torch.Tensor]) -> list[Path]:
        real = {path: one for path, one in found.items() if one.is_floating_point() or one.is_complex()}
        if not real:
            first = next(iter(found.values()), None)
            got = kind_of(value) if first is None else f"a tensor of {first.dtype}"
            way = "; is there a return?" if value is None else ""
            raise CheckError(f"{self.function}: forward returned {got}, wanted a tensor of real numbers{way}")
        with_gradient = [path for path, one in real.items() if one.requires_grad] or list(real)
        left = [_place(path) for path in found if path not in with_gradient]
        if left:
            self.told.append(f"not checked, since no gradient flows from it: {', '.join(left)}")
        if len(with_gradient) > 1:
            shown = ", ".join(f"{_place(path)} {tuple(found[path].shape)}" for path in with_gradient)
            self.told.append(f"the outputs are checked together, as one vector: {shown}")
        return with_gradient

    def _array(self, tensor: torch.Tensor) -> Array:
        tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
        if tensor.dtype == torch.bfloat16:
            raise CheckError(
                f"{self.function}: a tensor of bfloat16 comes out where float64 went in, which has too few digits to "
                f"be judged; check a version that keeps the type of its inputs"
            )
        return tensor.numpy().copy(order="K")


def as_tensor(array: Any) -> torch.Tensor:
    """A tensor of its own memory, in the order of memory of the array."""
    return torch.from_numpy(np.array(array, order="K"))


def joined(arrays: Sequence[Array]) -> Array:
    """One array as it is; several one after the other, as a vector."""
    return arrays[0] if len(arrays) == 1 else np.concatenate([one.ravel() for one in arrays])


def _place(path: Path) -> str:
    return "output" + "".join(f"[{key!r}]" for key in path)
