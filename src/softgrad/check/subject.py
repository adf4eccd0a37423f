"""The user's two functions, behind one door: called on copies, in float64, with what they return held against the rules.

forward(*inputs) -> output, and backward(*inputs[, output, grad_output]) -> a gradient, or a tuple of them. An input may be
an array, a number, a dict or a list of arrays (parameters by name), or anything else, which is passed on untouched.
"""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from softgrad.errors import CheckError, OptionError

Array = npt.NDArray[Any]
Key = tuple[int, Any]  # which input, and which entry of a dict or a list


class Slot(NamedTuple):
    """One array among the inputs."""

    key: Key
    name: str
    given: Array  # as the user gave it


class Gradients(NamedTuple):
    """What one call of the backward function gave, and what it did to its arguments."""

    grads: Mapping[Key, Any]
    overwritten: tuple[str, ...]


class Subject:
    """The user's functions and inputs.

    Args:
        function: the public function that the user called, for messages.
        forward: inputs to output.
        backward: inputs to gradients; with output and grad_output where `takes_upstream`.
        inputs: as the user gave them.
        names: what to call each input.
        wrt: the inputs that gradients are for; None: as many as the backward function returns.
    """

    def __init__(
        self,
        function: str,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        inputs: Sequence[Any],
        *,
        takes_upstream: bool,
        names: Sequence[str] | None,
        wrt: Sequence[int] | None,
        generators: Sequence[Any] = (),
    ) -> None:
        self.function = function
        self._forward, self._backward = forward, backward
        self.takes_upstream = takes_upstream
        self.inputs = [self._read(i, value) for i, value in enumerate(inputs)]
        self.names = self._named(names)
        self.wrt = wrt
        self.slots = list(self._slots())
        self.random = [*generators, *_generators(forward), *_generators(backward)]
        self._states = [copy.deepcopy(_state(generator)) for generator in self.random]
        self.seeded = False  # whether NumPy's global state is put back before each call

    def _read(self, i: int, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._array(f"inputs[{i}][{key!r}]", entry) for key, entry in value.items()}
        if isinstance(value, list | tuple) and value and any(np.ndim(entry) for entry in value):
            ragged = len({np.shape(entry) for entry in value}) > 1
            if ragged or isinstance(value[0], np.ndarray):
                return [self._array(f"inputs[{i}][{j}]", entry) for j, entry in enumerate(value)]
        if isinstance(value, list | tuple | np.ndarray | np.generic | float | int) and not isinstance(value, bool):
            return self._array(f"inputs[{i}]", value)
        return value

    def _array(self, place: str, value: Any) -> Any:
        if not isinstance(value, list | tuple | np.ndarray | np.generic | float | int):
            return value
        try:
            array = np.asarray(value)
        except ValueError:
            array = np.array(None)
        if array.dtype.kind not in "fiub":
            raise CheckError(f"{self.function}: {place} is {_kind(value)}, wanted an array of numbers")
        return array

    def _named(self, names: Sequence[str] | None) -> list[str]:
        if names is None:
            return [f"input {i}" for i in range(len(self.inputs))]
        if isinstance(names, str) or len(names) != len(self.inputs):
            raise OptionError(
                f"{self.function}: names has {len(names)} entries, wanted {len(self.inputs)}, one for each input"
            )
        return [str(name) for name in names]

    def _slots(self) -> Iterator[Slot]:
        """Every array among the inputs; one of a dict is called by its key."""
        for i, value in enumerate(self.inputs):
            entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for key, entry in entries:
                if isinstance(entry, np.ndarray):
                    yield Slot((i, key), str(key) if isinstance(value, dict) else f"{self.names[i]}[{key}]", entry)
            if isinstance(value, np.ndarray):
                yield Slot((i, None), self.names[i], value)

    def arrays(self, *, exact: bool = False) -> dict[Key, Array]:
        """The inputs' arrays; float64 where they are real and, unless `exact`, where a gradient for whole numbers is asked."""
        asked = () if exact else tuple(self.wrt or ())
        return {
            slot.key: slot.given.astype(np.float64, order="K")
            if (slot.given.dtype.kind == "f" and not exact) or (slot.given.dtype.kind in "iu" and slot.key[0] in asked)
            else slot.given
            for slot in self.slots
        }

    def _arguments(self, arrays: Mapping[Key, Array]) -> list[Any]:
        """The inputs with these arrays, all of them copies."""
        arguments: list[Any] = []
        for i, value in enumerate(self.inputs):
            if isinstance(value, dict):
                arguments.append({key: _copied(arrays.get((i, key), entry)) for key, entry in value.items()})
            elif isinstance(value, list):
                arguments.append([_copied(arrays.get((i, key), entry)) for key, entry in enumerate(value)])
            else:
                arguments.append(_copied(arrays.get((i, None), value)))
        return arguments

    @contextmanager
    def _random_state(self) -> Iterator[None]:
        """Every generator that the functions can reach starts where it stood at first."""
        for generator, state in zip(self.random, self._states, strict=True):
            _set_state(generator, copy.deepcopy(state))
        if self.seeded:
            before, before_too = np.random.get_state(), random.getstate()  # noqa: NPY002
            np.random.seed(0)  # noqa: NPY002
            random.seed(0)
        try:
            yield
        finally:
            if self.seeded:
                np.random.set_state(before)  # noqa: NPY002
                random.setstate(before_too)

    def output(self, arrays: Mapping[Key, Array]) -> Array:
        """Forward at these arrays; complex where they are.

        Raises:
            CheckError: forward raises, or returns something other than numbers.
        """
        with self._random_state():
            return self._output(self._arguments(arrays))

    def _output(self, arguments: list[Any]) -> Array:
        name = "forward" if self.takes_upstream else "loss"
        try:
            with np.errstate(all="ignore"):
                value = self._forward(*arguments)
        except Exception as error:
            raise CheckError(f"{self.function}: {name} raised {_said(error)}") from error
        if value is None or isinstance(value, tuple | list | dict | str):
            way = "; did it print instead of return?" if value is None else ""
            raise CheckError(
                f"{self.function}: {name} returned {_kind(value)}, wanted {'an array' if self.takes_upstream else 'one number'}{way}"
            )
        output = np.asarray(value)
        if output.dtype.kind not in "fciub":
            raise CheckError(f"{self.function}: {name} returned {_kind(value)}, wanted numbers")
        if not self.takes_upstream:
            if output.size != 1:
                raise CheckError(
                    f"{self.function}: loss returned an array of shape {output.shape}, wanted one number; sum or average it, or use check_vjp"
                )
            output = output.reshape(())
        return output

    def gradients(self, arrays: Mapping[Key, Array], grad_output: Array) -> Gradients:
        """Backward at these arrays, after a forward call of its own, as a layer that keeps its activations expects it.

        Raises:
            CheckError: backward raises, or does not return arrays.
        """
        name = "vjp" if self.takes_upstream else "grad"
        with self._random_state():
            first = self._arguments(arrays)
            output = self._output(first) if self.takes_upstream else np.zeros(())
            if not self.takes_upstream:
                self._output(first)
        with self._random_state():
            arguments = self._arguments(arrays)
            before = [_copied(value) for value in arguments]
            # A number is handed over as a number: the gradient at a scalar loss.
            handed, upstream = output.copy(), np.array(grad_output, dtype=np.float64)
            more = [handed if handed.ndim else handed[()], upstream if upstream.ndim else upstream[()]]
            call = [*arguments, *more] if self.takes_upstream else arguments
            self._meet(call)
            try:
                with np.errstate(all="ignore"):
                    value = self._backward(*call)
            except Exception as error:
                raise CheckError(f"{self.function}: {name} raised {_said(error)}") from error
        overwritten = [self.names[i] for i, (a, b) in enumerate(zip(arguments, before, strict=True)) if not _same(a, b)]
        if not np.array_equal(handed, output, equal_nan=True):
            overwritten.append("output")
        if not np.array_equal(upstream, grad_output, equal_nan=True):
            overwritten.append("grad_output")
        return Gradients(self._sorted_out(name, value), tuple(overwritten))

    def _meet(self, call: list[Any]) -> None:
        """Says what vjp is called with, where it takes something else."""
        try:
            signature = inspect.signature(self._backward)
        except (TypeError, ValueError):
            return
        try:
            signature.bind(*call)
        except TypeError:
            takes = ", ".join(["*inputs", "output", "grad_output"] if self.takes_upstream else ["*inputs"])
            name = "vjp" if self.takes_upstream else "grad"
            way = (
                "; wrap it, as lambda z, p, dp: softmax_backward(dp, p)"
                if self.takes_upstream
                else "; wrap it in a lambda"
            )
            raise CheckError(
                f"{self.function}: {name} takes {len(signature.parameters)} arguments, wanted {len(call)}: {name}({takes}){way}"
            ) from None

    def _sorted_out(self, name: str, value: Any) -> dict[Key, Any]:
        """Each gradient beside the array that it is for."""
        if value is None:
            raise CheckError(f"{self.function}: {name} returned None, wanted the gradient; is there a return?")
        asked = list(self.wrt) if self.wrt is not None else None
        values = list(value) if isinstance(value, tuple) else [value]
        if asked is None:
            asked = self._asked(name, values)
            self.wrt = [i for i, one in zip(asked, values, strict=True) if one is not None]
        elif isinstance(value, tuple) and len(values) == len(self.inputs) and len(asked) < len(values):
            values = [values[i] for i in asked]
        if len(values) != len(asked):
            raise CheckError(
                f"{self.function}: {name} returned {len(values)} gradients, wanted {len(asked)}, for "
                f"{', '.join(self.names[i] for i in asked)}"
            )
        grads: dict[Key, Any] = {}
        for i, one in zip(asked, values, strict=True):
            if i in self.wrt:
                grads.update(self._of_input(name, i, one))
        return grads

    def _asked(self, name: str, values: list[Any]) -> list[int]:
        """Which inputs the gradients are for: all, those of real numbers, or the first ones of these."""
        real = [i for i, value in enumerate(self.inputs) if _is_real(value)]
        if len(values) == len(self.inputs):
            return list(range(len(values)))
        if len(values) <= len(real):
            return real[: len(values)]
        if len(values) == 1 and self.inputs:
            return [0]
        raise CheckError(
            f"{self.function}: {name} returned {len(values)} gradients for {len(self.inputs)} inputs, wanted one for each, or "
            "None in the place of those that have none"
        )

    def _of_input(self, name: str, i: int, value: Any) -> Iterator[tuple[Key, Any]]:
        """The gradients of one input, each as an array of whatever shape it has."""
        wanted = self.inputs[i]
        if isinstance(wanted, dict | list):
            keys = list(wanted) if isinstance(wanted, dict) else list(range(len(wanted)))
            entries = (
                value
                if isinstance(value, Mapping)
                else dict(enumerate(value))
                if isinstance(value, list | tuple)
                else None
            )
            if entries is None:
                raise CheckError(
                    f"{self.function}: {name} returned {_kind(value)} for {self.names[i]}, wanted a {type(wanted).__name__} "
                    f"with a gradient for each of {', '.join(map(str, keys))}"
                )
            for key in keys:
                if not isinstance(wanted[key], np.ndarray):
                    continue
                if key not in entries:
                    near = [k for k in entries if str(key).lower().lstrip("dgrad_") in str(k).lower()]
                    hint = f"; it has {', '.join(map(repr, near or list(entries)[:6]))}"
                    raise CheckError(f"{self.function}: {name} returned no gradient {key!r}{hint}")
                yield (i, key), self._number(name, f"{key!r}", entries[key])
        else:
            yield (i, None), self._number(name, self.names[i], value)

    def _number(self, name: str, place: str, value: Any) -> Array:
        if value is None or isinstance(value, list | tuple | dict | str):
            kind = "None" if value is None else f"a {type(value).__name__}"
            raise CheckError(
                f"{self.function}: {name} returned {kind} as the gradient of {place}, wanted an array; np.array makes one of a list"
            )
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise CheckError(
                f"{self.function}: {name} returned {_kind(value)} as the gradient of {place}, wanted numbers"
            )
        return array


def _is_real(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_real(entry) for entry in value.values())
    if isinstance(value, list):
        return any(_is_real(entry) for entry in value)
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy(order="K") if value.ndim else value[()]
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_copied(entry) for entry in value]
    if isinstance(value, np.random.Generator | np.random.RandomState | random.Random):
        return copy.deepcopy(value)
    return value


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray | np.generic):
        return bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc"))
    return True


def _generators(function: Callable[..., Any]) -> list[Any]:
    """The random generators that a function can reach: through its closure, its defaults, its globals, its object."""
    found: dict[int, Any] = {}
    seen: set[int] = set()

    def visit(value: Any, depth: int) -> None:
        if id(value) in seen or depth > 3:
            return
        seen.add(id(value))
        if isinstance(value, np.random.Generator | np.random.RandomState | random.Random):
            found[id(value)] = value
        elif not isinstance(value, ModuleType | type | np.ndarray | str | int | float):
            for inner in _within(value):
                visit(inner, depth + 1)

    visit(function, 0)
    return list(found.values())


def _within(value: Any) -> Iterator[Any]:
    """What a function or an object holds on to."""
    owner = getattr(value, "__self__", None)
    if owner is not None:
        yield owner
    value = getattr(value, "__func__", getattr(value, "func", value))
    code = getattr(value, "__code__", None)
    if code is not None:
        yield from (value.__globals__[name] for name in code.co_names if name in value.__globals__)
        yield from value.__defaults__ or ()
        yield from inspect.getclosurevars(value).nonlocals.values()
    elif hasattr(value, "__dict__"):
        yield from vars(value).values()
        yield from (
            v for kind in type(value).__mro__ for v in vars(kind).values() if isinstance(v, np.random.Generator)
        )


def _state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.get_state() if isinstance(generator, np.random.RandomState) else generator.getstate()


def _set_state(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.setstate(state)


def _kind(value: Any) -> str:
    return (
        "None"
        if value is None
        else f"{value!r:.40} of type {type(value).__name__}"
        if np.ndim(value) == 0
        else f"a {type(value).__name__}"
    )


def _said(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
