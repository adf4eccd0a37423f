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

from softgrad.check.trace.array import plain
from softgrad.check.user.descriptions import kind_of
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array
from softgrad.torch.checking.bridge import Tensors, outputs_of, tensors
from softgrad.torch.checking.inputs import Inputs, Path, tensors_in
from softgrad.torch.checking.randomness import States, TorchRandomness
from softgrad.torch.checking.subject import Subject
from softgrad.torch.checking.watching import Watching

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
        self.shortens: bool | None = None  # forward converts float64 to a shorter type on its way
        self._last: Run | None = None

    def forget(self) -> None:
        """Lets go of the tensors and the graph of the last forward pass."""
        self._last = None

    def forward(self, *arrays: Any) -> Array:
        """The output: one array, or all outputs one after the other as a vector."""
        is_real = not any(np.iscomplexobj(one) for one in arrays)
        with self.randomness.at(self.randomness.begin):
            with tensors() as memory:
                leaves = self.tensors(arrays, memory, requires_grad=is_real)
                run = self.run(leaves) if self.shortens is not None else self._first_run(leaves)
                with outputs_of(self.subject.forward):
                    output = self._array(joined(run.outputs), memory)
            self._last = run._replace(states=self.randomness.states())
            self.randomness.draws |= self.randomness.drawn_since(self.randomness.begin)
        return output

    def backward(self, *arrays: Any) -> Any:
        """The gradient of each input; None where torch has none. It belongs to the forward pass that ran before it."""
        assert self._last is not None
        leaves, outputs, states = self._last
        with self.randomness.at(states), tensors() as memory:
            upstream = parted(memory.tensor(arrays[-1]), outputs)
            if self.subject.backward is not None:
                return self._of_user(self._returned_by_user(leaves, outputs, upstream), memory)
            try:
                grads = self.gradients(leaves, outputs, upstream)
            except RuntimeError:
                if not self._has_other_shapes(leaves):
                    raise
                grads = self._returned()
            found = self._shortened([None if one is None else self._array(one, memory) for one in grads])
        if self.subject.returned == [None]:
            raise CheckError(f"{self.function}: backward returned None, wanted the gradient; is there a return?")
        if self.wants is None:
            self.wants = [grad is not None for grad in found]
        return tuple(
            (np.zeros(leaf.shape) if grad is None else grad) if wanted else None
            for leaf, grad, wanted in zip(leaves, found, self.wants, strict=True)
        )

    def gradients(
        self, leaves: Sequence[Any], outputs: Sequence[Any], upstream: Sequence[Any], *, retain: bool = False
    ) -> list[torch.Tensor | None]:
        """The gradient at each leaf, as torch has it; zeros where no output requires a gradient.

        Args:
            leaves: what went into the forward pass.
            outputs: what came out.
            upstream: the upstream gradient of each output.
            retain: keep the graph for another backward pass.
        """
        if self.subject.backward is not None:
            value = self._returned_by_user(leaves, outputs, upstream)
            grads = list(value) if isinstance(value, tuple | list) else [value]
            grads += [None] * (len(self.inputs.values) - len(grads))
            return [grads[leaf.path[0]] if len(leaf.path) == 1 else None for leaf in self.inputs.leaves]
        wrt = [one for one in leaves if isinstance(one, torch.Tensor) and one.requires_grad]
        pairs = [(out, up) for out, up in zip(outputs, upstream, strict=True) if out.requires_grad]
        self.is_detached = not pairs
        by_id = {id(one): torch.zeros_like(one) for one in wrt}
        if pairs and wrt:
            self.subject.returned.clear()
            of, given = [out for out, _ in pairs], [up for _, up in pairs]

            def gradients() -> tuple[Any, ...]:
                return torch.autograd.grad(of, wrt, given, allow_unused=True, retain_graph=retain)

            within = self.subject.in_backward
            found = gradients() if within is None else within(self.inputs.with_leaves(leaves), gradients)
            by_id = {id(one): grad for one, grad in zip(wrt, found, strict=True)}
        return [by_id.get(id(one)) for one in leaves]

    def tensors(self, arrays: Sequence[Any], memory: Tensors, *, requires_grad: bool) -> list[Any]:
        """Tensors of these arrays, on the devices of those given; floats stay floats."""
        leaves: list[Any] = []
        is_complex = any(np.iscomplexobj(one) for one in arrays)
        for leaf, array in zip(self.inputs.leaves, arrays, strict=True):
            if not leaf.is_tensor:
                leaves.append(complex(array) if np.iscomplexobj(array) else float(plain(array)))
                continue
            tensor = memory.tensor(array)
            if is_complex and leaf.is_real:
                tensor = tensor.to(torch.complex128)  # torch multiplies no matrices of two types
            if tensor.device != leaf.given.device:
                tensor = tensor.to(leaf.given.device)
            if leaf.is_real:
                tensor.requires_grad_(requires_grad and self.subject.backward is None)
            leaves.append(tensor)
        return leaves

    def run(self, leaves: list[Any]) -> Run:
        """The forward pass on tensors.

        Raises:
            CheckError: it returns something other than tensors of real numbers.
        """
        return Run(leaves, self._chosen(self.call(leaves)), [])

    def _first_run(self, leaves: list[Any]) -> Run:
        """The first forward pass, which shows in what types forward computes."""
        with Watching({}) as watching:
            run = self.run(leaves)
        self.shortens = watching.is_shortened
        return run

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

    def _returned_by_user(self, leaves: Sequence[Any], outputs: Sequence[Any], upstream: Sequence[Any]) -> Any:
        """What the user's own backward pass returns."""
        assert self.subject.backward is not None
        if len(outputs) > 1:
            raise CheckError(f"{self.function}: forward returned {len(outputs)} tensors, wanted one")
        return self.subject.backward(*self.inputs.with_leaves(leaves), outputs[0], upstream[0])

    def _of_user(self, value: Any, memory: Tensors) -> Any:
        """What the user's own backward pass returned, with arrays in place of tensors."""
        if not isinstance(value, tuple | list):
            return self._array(value, memory) if isinstance(value, torch.Tensor) else value
        grads = [self._array(one, memory) if isinstance(one, torch.Tensor) else one for one in value]
        if len(grads) == len(self.inputs.values):
            grads = [grads[leaf.path[0]] if len(leaf.path) == 1 else None for leaf in self.inputs.leaves]
        return tuple(grads)

    def _returned(self) -> list[torch.Tensor | None]:
        """What backward of an autograd.Function returned for each leaf, before torch saw it; None elsewhere."""
        value = self.subject.returned[0] if self.subject.returned else ()
        values = list(value) if isinstance(value, tuple | list) else [value]
        places = [leaf.path[0] if len(leaf.path) == 1 else len(values) for leaf in self.inputs.leaves]
        found = [values[place] if place < len(values) else None for place in places]
        return [one if isinstance(one, torch.Tensor) else None for one in found]

    def _has_other_shapes(self, leaves: Sequence[Any]) -> bool:
        """Whether backward returned gradients of other shapes than the inputs, which torch refuses."""
        return any(
            grad is not None and isinstance(leaf, torch.Tensor) and grad.shape != leaf.shape
            for grad, leaf in zip(self._returned(), leaves, strict=True)
        )

    def _shortened(self, arrays: list[Array | None]) -> list[Array | None]:
        """The gradients in the types in which backward returned them: torch widens these without a word."""
        short = (torch.float32, torch.float16)
        return [
            array.astype(np.float32) if array is not None and grad is not None and grad.dtype in short else array
            for array, grad in zip(arrays, self._returned(), strict=True)
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

    def _array(self, tensor: torch.Tensor, memory: Tensors) -> Array:
        if tensor.dtype == torch.bfloat16:
            raise CheckError(
                f"{self.function}: a tensor of bfloat16 comes out where float64 went in, which has too few digits to "
                f"be judged; check a version that keeps the type of its inputs"
            )
        return memory.array(tensor)


def joined(outputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """One tensor as it is; several one after the other, as a vector."""
    return outputs[0] if len(outputs) == 1 else torch.cat([one.detach().reshape(-1) for one in outputs])


def parted(vector: torch.Tensor, outputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The upstream gradient of each output, from that of all of them."""
    if len(outputs) == 1:
        return [_like(vector, outputs[0])]
    parts = vector.split([one.numel() for one in outputs])
    return [_like(part, one) for part, one in zip(parts, outputs, strict=True)]


def _like(grad: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    grad = grad if grad.shape == output.shape else grad.reshape(output.shape)
    same = grad.dtype == output.dtype and grad.device == output.device
    return grad if same else grad.to(output)


def _place(path: Path) -> str:
    return "output" + "".join(f"[{key!r}]" for key in path)
