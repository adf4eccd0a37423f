"""An object with a forward and a backward pass, as the two functions and the inputs of a check.

    forward(*inputs, *parameters) -> output
    backward(*inputs, *parameters, output, grad_output) -> the gradients of the inputs and of the parameters

The parameters are put into the object before each call, and what backward left behind is read from it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from softgrad.check.layer.look import Look
from softgrad.check.layer.methods import find_methods
from softgrad.check.layer.objective import find_objective
from softgrad.check.layer.runs import Object
from softgrad.check.layer.slots import Path, generators, read, write
from softgrad.check.layer.sources import Source, Target
from softgrad.check.sampling.redraw import redraw
from softgrad.check.user.arguments import Arguments, Key
from softgrad.check.user.functions import parameter_names
from softgrad.check.user.signatures import hidden_by_defaults
from softgrad.check.user.state import MISSING, State
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array


class Chain:
    """Layers one after the other, as one layer."""

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers = list(layers)
        self._methods = [find_methods(layer, None, None) for layer in self.layers]

    def forward(self, x: Any) -> Any:
        """Through all layers, the first one first."""
        for layer, methods in zip(self.layers, self._methods, strict=True):
            x = getattr(layer, methods.forward)(x)
        return x

    def backward(self, grad_output: Any) -> Any:
        """Back through all layers, the last one first."""
        for layer, methods in zip(reversed(self.layers), reversed(self._methods), strict=True):
            grad_output = getattr(layer, str(methods.backward))(grad_output)
        return grad_output


class LayerFunctions:
    """The two functions of an object, what they are called with, and what was found out about the object.

    Args:
        layer: the object, or a list of layers one after the other.
        inputs: the inputs of its forward pass, as given.
        names: what to call each; None: the names of forward's parameters.
        gradients: where gradients are, as far as the user says it.
        forward: the name of the forward pass; None: it is looked for.
        backward: the name of the backward pass; True: forward returns the gradients as well.
        loss: the loss of what forward returns, as a function or the name of a method; None: it is looked for.

    Raises:
        CheckError: there are no such methods, they raise, or it cannot be told where the gradients are.
        OptionError: an option names something that does not exist.
    """

    def __init__(
        self,
        layer: Any,
        inputs: Sequence[Any],
        *,
        names: Sequence[str] | None,
        gradients: Mapping[str, Any] | None,
        forward: Any,
        backward: Any,
        loss: Any = None,
    ) -> None:
        self.layer = Chain(layer) if isinstance(layer, list | tuple) else layer
        methods = find_methods(self.layer, forward, backward)
        method = getattr(self.layer, methods.forward)
        objective = find_objective(self.layer, methods.forward, methods.backward, inputs, names, loss)
        if objective is not None:
            names = objective.names
        self._arguments = Arguments("check_layer", inputs, names or parameter_names(method, len(inputs)))
        self.generators = generators(self.layer)
        self.called = methods.forward, methods.backward or "grad"
        arrays: dict[Key, Array] = {
            leaf.key: leaf.given.astype(np.float64, order="K") if leaf.given.dtype.kind == "f" else leaf.given
            for leaf in self._arguments.leaves
        }
        with State(self.holds).kept():
            self._object = Object(
                self.layer,
                methods,
                lambda: self._arguments.with_arrays(arrays),
                self.generators,
                self.holds,
                objective,
                self._arguments.names,
            )
            found = Look(self._object, self._arguments, arrays, gradients or {})
        self._parameters, self._sources, self._sums, self._rate = (
            found.parameters,
            found.sources,
            found.sums,
            found.rate,
        )
        self.takes_upstream, self.data = found.takes_upstream, found.data
        begin = len(inputs) if objective is None else objective.begin
        self.facts = [*found.facts, *hidden_by_defaults(method, begin)]

    def forward(self, *inputs: Any) -> Any:
        """The output of the object with these parameters."""
        given, values = self._split(inputs)
        return self._object.forward(given, values)

    def backward(self, *inputs: Any) -> Any:
        """The gradients after a backward pass; forward has been called right before."""
        output, upstream = inputs[-2:] if self.takes_upstream else (None, 1.0)
        given, values = self._split(inputs[:-2] if self.takes_upstream else inputs)
        for paths in self._sums:
            zeros = np.zeros(np.shape(read(self.layer, paths[0])))
            for path in paths:
                write(self.layer, path, zeros if zeros.ndim else 0.0)
        before = {path: _copy(read(self.layer, path)) for path in values}
        returned = self._object.backward(given, output, upstream)
        found = {target: self._read(source, returned, before) for target, source in self._sources.items()}
        gradients = [self._of_input(i, value, found) for i, value in enumerate(given)]
        return (*gradients, *(found[one.name] for one in self._parameters))

    @property
    def inputs(self) -> list[Any]:
        """The inputs of the two functions: those of the object, then its parameters."""
        return [*self._arguments.inputs, *(_copy(one.value) for one in self._parameters)]

    @property
    def names(self) -> list[str]:
        """What each of them is called."""
        return [*self._arguments.names, *(one.name for one in self._parameters)]

    @property
    def holds(self) -> Sequence[Any]:
        """What is put back when the check is over."""
        return self.layer.layers if isinstance(self.layer, Chain) else (self.layer,)

    @property
    def calls(self) -> int:
        """How often the two methods were called before the check."""
        return self._object.calls

    def with_parameters(self, inputs: Callable[[np.random.Generator], Any]) -> Callable[[np.random.Generator], Any]:
        """The user's function that draws inputs, with parameters like those of the object drawn as well."""

        def drawn(rng: np.random.Generator) -> Any:
            values = inputs(rng)
            if values is None or isinstance(values, str) or not self._parameters:
                return values
            own = [redraw(np.asarray(one.value), rng, standard=False) for one in self._parameters]
            return (*(values if isinstance(values, tuple) else (values,)), *own)

        return drawn

    def _split(self, inputs: Sequence[Any]) -> tuple[Sequence[Any], dict[Path, Any]]:
        """The inputs of the object, and its parameters by their places."""
        count = len(self._arguments.inputs)
        pairs = zip(self._parameters, inputs[count:], strict=True)
        return inputs[:count], {path: value for one, value in pairs for path in one.paths}

    def _read(self, source: Source, returned: Any, before: Mapping[Path, Any]) -> Any:
        value = read(returned if source.kind == "returned" else self.layer, source.path)
        if value is MISSING or value is None:
            raise CheckError(f"check_layer: {self.called[1]} left no gradient: {source} is missing")
        return (before[source.path] - value) / self._rate if source.kind == "update" else value

    def _of_input(self, i: int, value: Any, found: Mapping[Target, Any]) -> Any:
        """The gradient of one input, built as the input is; None if it has none."""
        own = {key: gradient for key, gradient in found.items() if isinstance(key, tuple) and key[0] == i}
        return _built(value, (i,), own) if own else None


def _copy(value: Any) -> Any:
    return value.copy(order="K") if isinstance(value, np.ndarray) else value


def _built(value: Any, path: Key, gradients: Mapping[Key, Any]) -> Any:
    """A gradient for each array in an input, in its place."""
    if isinstance(value, dict):
        return {key: _built(entry, (*path, key), gradients) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_built(entry, (*path, key), gradients) for key, entry in enumerate(value)]
    return gradients.get(path)
