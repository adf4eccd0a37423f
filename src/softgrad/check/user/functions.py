"""The user's two functions: called on copies of the arrays, and their results checked for type.

forward(*inputs) -> output
backward(*inputs[, output, grad_output]) -> a gradient, or a tuple of gradients
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.user.arguments import Arguments, Key, Leaf, arrays_in, copied, laid_out, same
from softgrad.check.user.calls import Calls
from softgrad.check.user.descriptions import describe_error, is_list_of_numbers, kind_of
from softgrad.check.user.raised import raised, where
from softgrad.check.user.randomness import Randomness, reachable
from softgrad.check.user.returned_gradients import ReturnedGradients
from softgrad.check.user.signatures import misfit, way_to_wrap
from softgrad.check.user.state import State
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array

MOST_CAPTURED = 6  # arrays that a function holds; with more, it cannot be told which is the data


class Gradients(NamedTuple):
    """The gradients of one call of backward, and which of its arguments it overwrote."""

    grads: Mapping[Key, Array]
    overwritten: tuple[str, ...]


class UserFunctions:
    """The functions and the inputs of one check.

    Args:
        function: the public function that the user called, for messages.
        forward: inputs to output.
        backward: inputs to gradients; it also takes output and grad_output where `takes_upstream`.
        inputs: the inputs as given.
        takes_upstream: whether backward is a vjp.
        names: what to call each input; by default, the names of forward's parameters.
        wrt: the inputs that gradients are for; None: as many as backward returns.
        generators: random generators that the user names.
        max_calls: how often the functions may be called, both together.
        called: what the two functions are called in messages.
        holds: objects that the functions change, besides those that are found in them.
        data: arrays that forward uses beside the inputs; None: those that are found in it.
        shortens: whether forward is known to convert float64 to a shorter type on its way.
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
        max_calls: int,
        called: tuple[str, str] | None = None,
        holds: Sequence[Any] = (),
        data: Sequence[Array] | None = None,
        shortens: Callable[[], bool] = lambda: False,
    ) -> None:
        self.function = function
        self.forward, self.backward = forward, backward
        self.takes_upstream, self.shortens = takes_upstream, shortens
        usual = ("forward", "vjp") if takes_upstream else ("loss", "grad")
        self.forward_name, self.backward_name = called or usual
        for name, one in ((self.forward_name, forward), (self.backward_name, backward)):
            if not callable(one):
                raise CheckError(f"{function}: {name} is {kind_of(one)}, wanted a function")
        self.arguments = Arguments(function, inputs, names or parameter_names(forward, len(inputs)))
        self.wrt, self.calls = wrt, Calls(max_calls)
        self.randomness = Randomness((forward, backward), generators)
        self.of_fixed_lengths: frozenset[object] = frozenset()  # inputs that are parts of one vector
        self.parameters: frozenset[object] = frozenset()  # inputs that are the parameters of an object
        self.captured = _captured(forward) if data is None else list(data) if len(data) <= MOST_CAPTURED else []
        self._generators = generators
        self._roots = (forward, backward, *holds, *self.arguments.inputs)

    def replaced(
        self, forward: Callable[..., Any], backward: Callable[..., Any], inputs: Sequence[Any]
    ) -> UserFunctions:
        """Functions of other inputs, made of these functions, with all else as it is here."""
        other = UserFunctions(
            self.function,
            forward,
            backward,
            inputs,
            takes_upstream=self.takes_upstream,
            names=self.arguments.names,
            wrt=self.wrt,
            generators=(*self._generators, *self.randomness.generators),
            max_calls=self.calls.limit,
            called=(self.forward_name, self.backward_name),
            holds=self._roots,
            data=self.captured,
            shortens=self.shortens,
        )
        other.calls, other.of_fixed_lengths = self.calls, self.of_fixed_lengths
        other.parameters = self.parameters
        return other

    @contextmanager
    def kept(self) -> Iterator[list[Any]]:
        """Afterwards, whatever the functions hold is as it was: objects, caches, generators. Gives the objects."""
        state = State(self._roots)
        with state.kept(), self.randomness.kept():
            yield state.objects

    @property
    def leaves(self) -> list[Leaf]:
        """Every array among the inputs."""
        return self.arguments.leaves

    def name_of(self, key: Key) -> str:
        """The name of an array."""
        return self.arguments.name_of(key)

    def arrays(self, *, exact: bool = False) -> dict[Key, Array]:
        """The arrays of the inputs. Unless `exact`, those of real numbers, and integers in wrt, become float64."""
        return self._arrays_of(self.arguments, exact)

    def others(self, inputs: Sequence[Any], *, exact: bool = False) -> dict[Key, Array]:
        """The arrays of other inputs, which must have the structure of those given.

        Raises:
            CheckError: the structure differs.
        """
        wanted = len(self.arguments.inputs)
        if len(inputs) != wanted:
            raise CheckError(
                f"{self.function}: inputs returned {len(inputs)} of them, wanted a tuple of {wanted}, one for each "
                f"input given"
            )
        others = Arguments(self.function, inputs, self.arguments.names)
        arrays = self._arrays_of(others, exact)
        if arrays.keys() != {leaf.key for leaf in self.leaves}:
            got, own = (", ".join(leaf.name for leaf in one.leaves) or "none" for one in (others, self.arguments))
            raise CheckError(f"{self.function}: inputs returned the arrays {got}, wanted those given: {own}")
        return arrays

    def _arrays_of(self, arguments: Arguments, exact: bool) -> dict[Key, Array]:
        asked = tuple(self.wrt or ())

        def widened(leaf: Leaf) -> bool:
            kind = leaf.given.dtype.kind
            return not exact and (kind == "f" or (kind in "iu" and leaf.key[0] in asked))

        return {
            leaf.key: leaf.given.astype(np.float64, order="K") if widened(leaf) else leaf.given
            for leaf in arguments.leaves
        }

    def output(self, arrays: Mapping[Key, Array]) -> Array:
        """The output of forward at these arrays; complex where they are.

        Raises:
            CheckError: forward raises, or returns something other than numbers.
        """
        with self.randomness.rewound():
            return self._output(self.arguments.with_arrays(arrays))

    def _output(self, inputs: list[Any]) -> Array:
        name = f"{self.function}: {self.forward_name}"
        wanted = "an array" if self.takes_upstream else "one number"
        self.calls.count()
        try:
            with np.errstate(all="ignore"):
                value = self.forward(*inputs)
        except CheckError:
            raise
        except (Exception, SystemExit) as error:
            raise CheckError(f"{name} {self._raised(error, inputs)}") from error
        if value is None or isinstance(value, tuple | list | dict | str):
            raise CheckError(f"{name} returned {kind_of(value)}, wanted {wanted}{self._way_out(value)}")
        try:
            output = np.asarray(value)
        except Exception as error:  # an array of another library, or ragged rows
            raise CheckError(
                f"{name} returned {kind_of(value)}, which NumPy cannot make an array of: {describe_error(error)}"
            ) from error
        if output.dtype.kind not in "fciub":
            raise CheckError(f"{name} returned {kind_of(value)}, wanted numbers")
        if output.dtype.kind == "c" and not any(
            np.iscomplexobj(one) for value in inputs for _, one in arrays_in(value)
        ):
            raise CheckError(
                f"{name} returned complex numbers, wanted real ones; is there a root or a power of a negative number?"
            )
        if self.takes_upstream:
            return output
        if output.size != 1:
            raise CheckError(
                f"{name} returned an array of shape {output.shape}, wanted one number: sum or average it, or use "
                "check_vjp"
            )
        return output.reshape(())

    def _way_out(self, value: Any) -> str:
        """What to do where forward returned something else than an array, for a message."""
        if value is None:
            return "; is there a return?"
        if isinstance(value, tuple | list) and len(value) > 1 and not self.takes_upstream and np.size(value[0]) == 1:
            return "; a function that returns the loss and its gradient is checked with check_grad(f, True, ...)"
        if is_list_of_numbers(value):
            return "; make it one, as np.array(...)"
        if isinstance(value, tuple | list) and len(value) > 1 and self.takes_upstream:
            return "; join the outputs, as np.concatenate([a.ravel(), b.ravel()]), and split grad_output likewise"
        return ""

    def run_forward(self, inputs: list[Any]) -> Any:
        """What forward returns for these inputs, as it is."""
        self.calls.count()
        return self.forward(*inputs)

    def run_backward(self, arguments: list[Any]) -> Mapping[Key, Any]:
        """The gradients that backward returns for these arguments: arrays, or subclasses of arrays.

        Raises:
            CheckError: backward does not return gradients.
        """
        self.calls.count()
        value = self.backward(*arguments)
        return ReturnedGradients(self.arguments, f"{self.function}: {self.backward_name}", value, self.wrt).grads

    def gradients(self, arrays: Mapping[Key, Array], grad_output: Array) -> Gradients:
        """The gradients of backward at these arrays. Forward is called right before it, for layers that keep a cache.

        Raises:
            CheckError: backward raises, takes other arguments, or does not return gradients.
        """
        with self.randomness.rewound():
            output = self._output(self.arguments.with_arrays(arrays))
        inputs, before = self.arguments.with_arrays(arrays), self.arguments.with_arrays(arrays)
        handed, upstream = output.copy(order="K"), laid_out(np.asarray(grad_output, dtype=np.float64), output)
        # A scalar output and its gradient are passed as numbers.
        call = [*inputs, copied(handed) if not handed.ndim else handed, upstream if upstream.ndim else upstream[()]]
        call = call if self.takes_upstream else inputs
        name = self.backward_name
        self._check_signature(name, call)
        self.calls.count()
        with self.randomness.rewound():
            try:
                with np.errstate(all="ignore"):
                    value = self.backward(*call)
            except CheckError:
                raise
            except (Exception, SystemExit) as error:
                raise CheckError(f"{self.function}: {name} {self._raised(error, inputs)}") from error
        pairs = [*zip(self.arguments.names, inputs, before, strict=True)]
        pairs += [("output", handed, output), ("grad_output", upstream, grad_output)]
        overwritten = tuple(name for name, now, then in pairs if not same(now, then))
        returned = ReturnedGradients(self.arguments, name, value, self.wrt)
        self.wrt = returned.wrt
        return Gradients(returned.grads, overwritten)

    def _check_signature(self, name: str, call: list[Any]) -> None:
        """Says how backward is called, if it cannot be called so."""
        try:
            signature = inspect.signature(self.backward)
        except (TypeError, ValueError):  # some built-in functions have none
            return
        try:
            signature.bind(*call)
        except TypeError:
            takes = "*inputs, output, grad_output" if self.takes_upstream else "*inputs"
            way = way_to_wrap(name, self.backward, self.arguments.names, takes_upstream=self.takes_upstream)
            way = f"; wrap it, as in {way}" if way else ""
            is_method = inspect.ismethod(self.backward) and not isinstance(self.backward.__self__, type)
            instead = ", or check the object: check_layer(layer, ...)" if is_method and self.takes_upstream else ""
            takes_no = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
            count = sum(one.kind not in takes_no for one in signature.parameters.values())
            raise CheckError(
                f"{self.function}: {name} takes {count} positional argument{'s' * (count != 1)}, wanted {len(call)}, "
                f"as {name}({takes}){way}{instead}"
            ) from None

    def _raised(self, error: BaseException, inputs: Sequence[Any]) -> str:
        """An exception of the user's in words, with what to do if it can be told."""
        said = raised(error, zip(self.arguments.names, inputs, strict=True))
        if isinstance(error, TypeError) and not where(error):
            said += misfit(self.function, self.forward, self.backward, len(inputs))
        return said


def parameter_names(forward: Callable[..., Any], count: int) -> list[str] | None:
    """The names of forward's parameters, if there is one for each input."""
    try:
        parameters = list(inspect.signature(forward).parameters.values())[:count]
    except (TypeError, ValueError):  # some built-in functions have none
        return None
    named = [one.name for one in parameters if one.kind is not inspect.Parameter.VAR_POSITIONAL]
    return named if len(named) == count else None


def _captured(forward: Callable[..., Any]) -> list[Array]:
    """The arrays that forward holds: the data, where the loss is a function of its parameters only."""
    arrays = {id(array): array for array in reachable(forward, (np.ndarray,), sets=False) if array.dtype.kind in "fiub"}
    return list(arrays.values()) if len(arrays) <= MOST_CAPTURED else []
