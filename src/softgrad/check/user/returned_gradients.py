"""What backward returned: which gradient belongs to which array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from softgrad.check.user.arguments import Arguments, Key, arrays_in, is_real
from softgrad.check.user.descriptions import kind_of
from softgrad.check.user.gradient_names import among
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array


class ReturnedGradients:
    """The gradients of one call of backward, by array.

    Args:
        arguments: the inputs.
        name: the backward function, "vjp" or "grad", for messages.
        value: what it returned.
        wrt: the inputs that gradients are for; None: as many as were returned.

    Raises:
        CheckError: there is no gradient, the number of gradients is wrong, or they are not arrays.
    """

    def __init__(self, arguments: Arguments, name: str, value: Any, wrt: Sequence[int] | None) -> None:
        self.arguments = arguments
        self.name = f"{arguments.function}: {name}"
        if value is None:
            raise CheckError(f"{self.name} returned None, wanted the gradient; is there a return?")
        values = self._one_for_each_input(value, wrt)
        asked = self._asked(values) if wrt is None else list(wrt)
        if len(values) != len(asked):
            wanted = ", ".join(arguments.names[i] for i in asked)
            got = "1 gradient" if len(values) == 1 else f"{len(values)} gradients"
            more = arguments.function == "check_grad" and len(values) > len(asked)
            way = f"; say with wrt which inputs they are for, such as wrt={(*range(len(values)),)}" if more else ""
            raise CheckError(f"{self.name} returned {got}, wanted {len(asked)}, for {wanted}{way}")
        given = [(i, one) for i, one in zip(asked, values, strict=True) if one is not None or wrt is not None]
        self.wrt = [i for i, _ in given]
        self.grads: dict[Key, Array] = {key: grad for i, one in given for key, grad in self._of_input(i, one)}

    def _one_for_each_input(self, value: Any, wrt: Sequence[int] | None) -> list[Any]:
        """What was returned, as a list of gradients: one for each input that gradients are for."""
        inputs = self.arguments.inputs
        if wrt is not None and len(wrt) == 1 and isinstance(inputs[wrt[0]], tuple | list):
            # The gradient is a list or a tuple itself; it may be wrapped in a tuple of one.
            is_wrapped = isinstance(value, tuple) and len(value) == 1 < len(inputs[wrt[0]])
            return [value[0]] if is_wrapped else [value]
        is_one_list = wrt is None and len(inputs) == 1 and isinstance(inputs[0], tuple | list)
        if is_one_list and isinstance(value, tuple) and len(value) == len(inputs[0]) > 1:
            return [value]
        if isinstance(value, tuple):
            for_every_input = wrt is not None and len(value) == len(inputs) > len(wrt)
            return [value[i] for i in wrt or ()] if for_every_input else list(value)
        is_list_of_gradients = isinstance(value, list) and wrt is not None and len(wrt) > 1
        return list(value) if is_list_of_gradients else [value]

    def _asked(self, values: list[Any]) -> list[int]:
        """The inputs that the gradients are for: all inputs, or the first ones that hold real numbers."""
        inputs = self.arguments.inputs
        real = [i for i, value in enumerate(inputs) if is_real(value)]
        if len(values) == len(inputs):
            return list(range(len(values)))
        if len(values) <= len(real):
            return real[: len(values)]
        if len(values) == 1 and inputs:
            return [0]
        plural = "s" * (len(inputs) != 1)
        raise CheckError(
            f"{self.name} returned {len(values)} gradients for {len(inputs)} input{plural}, wanted one for each, and "
            "None for inputs that have none"
        )

    def _of_input(self, i: int, value: Any) -> Iterator[tuple[Key, Array]]:
        """The gradients of one input. Their shapes are not checked here."""
        wanted, name = self.arguments.inputs[i], self.arguments.names[i]
        if not any(True for _ in arrays_in(wanted)):
            way = "" if type(wanted).__name__ != "Tensor" else "; functions of tensors are for softgrad.torch.check"
            raise CheckError(
                f"{self.name} returned a gradient for {name}, which is {kind_of(wanted)}, not an array; return None "
                f"for it, or pass np.asarray({name}){way}"
            )
        yield from self._matched(wanted, value, (i,), name)

    def _matched(self, wanted: Any, value: Any, key: Key, name: str) -> Iterator[tuple[Key, Array]]:
        """Each array in an input with its gradient, which stands in the same place of the returned value."""
        if isinstance(wanted, np.ndarray):
            yield key, self._array(name, value)
        elif isinstance(wanted, dict | list | tuple):
            entries = value if isinstance(value, Mapping) else dict(enumerate(value)) if _is_list(value) else None
            if entries is None:
                raise CheckError(
                    f"{self.name} returned {kind_of(value)} for {name}, wanted a {type(wanted).__name__} with a "
                    f"gradient for each of its arrays"
                )
            for k, entry in wanted.items() if isinstance(wanted, dict) else enumerate(wanted):
                if any(True for _ in arrays_in(entry)):
                    named = among(entries, k)
                    if named is None:
                        if not is_real(entry):
                            continue  # an integer among the parameters
                        there = ", ".join(map(repr, list(entries)[:8]))
                        raise CheckError(
                            f"{self.name} returned no gradient {k!r}; wanted the keys of {name}, got {there}"
                        )
                    yield from self._matched(entry, entries[named], (*key, k), f"{name}[{k!r}]")

    def _array(self, place: str, value: Any) -> Array:
        way = ""
        if isinstance(value, list | tuple):
            way = "; a tuple of gradients is one for each input, and np.array makes an array of numbers"
        elif value is None:
            way = "; is there a return?"
        elif isinstance(value, Mapping):
            way = "; gradients of the parameters of an object are checked with check_layer(object, ...)"
        else:
            try:
                array = np.array(value)  # a copy: the function may reuse the array
            except Exception as error:  # of another library
                raise CheckError(
                    f"{self.name} returned {kind_of(value)} as the gradient of {place}, which NumPy cannot make "
                    f"an array of: {type(error).__name__}"
                ) from error
            if array.dtype.kind in "fiub":
                return array
        raise CheckError(
            f"{self.name} returned {kind_of(value)} as the gradient of {place}, wanted an array of numbers{way}"
        )


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)
