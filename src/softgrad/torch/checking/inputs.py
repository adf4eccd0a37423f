"""The inputs of the user's function: the tensors in them as NumPy arrays, and other numbers in the same places.

A tensor may stand in a list, a tuple or a dict. Each one, and each Python float, is an array of its own; anything else
is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from softgrad.check.user.descriptions import kind_of
from softgrad.errors import CheckError, OptionError
from softgrad.formulas.numbers import Array

Path = tuple[Any, ...]  # the number of the input, then positions in lists and keys of dicts
NUMPYS = (torch.float64, torch.float32)  # the floating types that stay as they are; others become float64


class Leaf(NamedTuple):
    """One tensor, or one Python float, among the inputs."""

    path: Path
    name: str
    given: Any

    @property
    def is_tensor(self) -> bool:
        """Whether it is a tensor; otherwise it is a float."""
        return isinstance(self.given, torch.Tensor)

    @property
    def is_real(self) -> bool:
        """Whether it can have a gradient."""
        return self.is_tensor and self.given.is_floating_point()

    @property
    def array(self) -> Any:
        """The numbers, in the order of memory of the tensor."""
        return as_array(self.given) if self.is_tensor else self.given


class Inputs:
    """The inputs of one check.

    Args:
        function: the public function that the user called, for messages.
        values: the inputs as given.
        names: what each of them is called.

    Raises:
        CheckError: a tensor does not hold real numbers, or no input is one that does.
    """

    def __init__(self, function: str, values: Sequence[Any], names: Sequence[str]) -> None:
        self.function, self.values = function, list(values)
        self.leaves = [
            Leaf(path, _named(names[path[0]], path), leaf)
            for i, value in enumerate(values)
            for path, leaf in _leaves(value, (i,))
        ]
        for leaf in self.leaves:
            if leaf.is_tensor:
                _refuse_other_tensors(function, leaf)
        for name, value in zip(names, values, strict=True):
            if isinstance(value, np.ndarray):
                raise CheckError(
                    f"{function}: {name} is {kind_of(value)}, wanted a tensor, as torch.from_numpy makes it"
                )
        if not any(leaf.is_real for leaf in self.leaves):
            got = ", ".join(f"{name} is {_kind_of(value)}" for name, value in zip(names, values, strict=True))
            raise CheckError(
                f"{function}: {got or 'there are no inputs'}; wanted at least one tensor of real numbers, such as "
                f"torch.randn(4, 3), whose gradient can be checked"
            )

    def arrays_of(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The arrays of other inputs, which must have the structure of those given.

        Raises:
            CheckError: the structure differs.
        """
        found = {path: leaf for i, value in enumerate(values) for path, leaf in _leaves(value, (i,))}
        if list(found) != [leaf.path for leaf in self.leaves]:
            got = ", ".join(map(_kind_of, values))
            wanted = ", ".join(map(_kind_of, self.values))
            raise CheckError(f"{self.function}: inputs returned ({got}), wanted ({wanted}), with the same structure")
        return tuple(as_array(leaf) if isinstance(leaf, torch.Tensor) else leaf for leaf in found.values())

    def with_leaves(self, leaves: Sequence[Any]) -> list[Any]:
        """The inputs with other tensors and floats in the places of those given."""
        by_path = {leaf.path: one for leaf, one in zip(self.leaves, leaves, strict=True)}
        return [_filled(value, (i,), by_path) for i, value in enumerate(self.values)]


def as_array(tensor: torch.Tensor) -> Array:
    """A copy of the numbers of a tensor, in its order of memory."""
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.is_floating_point() and tensor.dtype not in NUMPYS:
        tensor = tensor.double()
    return tensor.numpy().copy(order="K")


def names_of_inputs(function: str, names: Any, given: Sequence[str]) -> list[str]:
    """The names that the user gives to inputs, or those of the parameters.

    Raises:
        OptionError: there are not as many names as inputs.
    """
    if names is None:
        return list(given)
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise OptionError(f"{function}: names is {kind_of(names)}, wanted a list, one name for each input")
    if len(names) != len(given):
        raise OptionError(f"{function}: names has {len(names)}, wanted {len(given)}, one for each input")
    return [str(name) for name in names]


def tensors_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, torch.Tensor]]:
    """Every tensor in a value, with the path to it."""
    yield from ((p, one) for p, one in _leaves(value, path) if isinstance(one, torch.Tensor))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, torch.Tensor) or type(value) is float:
        yield path, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _leaves(entry, (*path, key))
    elif isinstance(value, list | tuple) and any(True for one in value for _ in tensors_in(one)):
        for i, entry in enumerate(value):
            yield from _leaves(entry, (*path, i))


def _filled(value: Any, path: Path, leaves: Mapping[Path, Any]) -> Any:
    if path in leaves:
        return leaves[path]
    if isinstance(value, Mapping):
        return {key: _filled(entry, (*path, key), leaves) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        entries = [_filled(entry, (*path, i), leaves) for i, entry in enumerate(value)]
        made: Callable[[Any], Any] = getattr(type(value), "_make", type(value))
        return made(entries)
    return value


def _named(name: str, path: Path) -> str:
    keys = path[1:]
    if keys and all(isinstance(key, str) for key in keys):
        return ".".join(keys)
    return name + "".join(f"[{key!r}]" for key in keys)


def _kind_of(value: Any) -> str:
    return f"a tensor of {value.dtype}" if isinstance(value, torch.Tensor) else kind_of(value)


def _refuse_other_tensors(function: str, leaf: Leaf) -> None:
    tensor = leaf.given
    if tensor.is_complex() or tensor.is_quantized or tensor.layout != torch.strided:
        kind = str(tensor.dtype if tensor.layout == torch.strided else tensor.layout)
        raise CheckError(f"{function}: {leaf.name} is a tensor of {kind}, wanted a dense tensor of real numbers")
    if tensor.is_meta:
        raise CheckError(f"{function}: {leaf.name} is a meta tensor, which has no numbers; give a tensor with numbers")
