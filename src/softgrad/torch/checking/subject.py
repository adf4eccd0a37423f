"""What is checked: an autograd.Function, an operator, a pair of functions, a module, or a function of tensors."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from softgrad.check.user.descriptions import kind_of
from softgrad.errors import CheckError
from softgrad.torch.checking.inputs import tensors_in

WANTED = "wanted a torch.autograd.Function, an operator, a pair (forward, backward), a module, or a function of tensors"


class Subject(NamedTuple):
    """The code that is checked.

    Attributes:
        call: the forward pass on tensors, which torch differentiates.
        forward: the user's function whose parameters name the inputs.
        before: how many of its parameters stand before the inputs: 1 for ctx.
        holds: the user's functions and objects, whose state is put back after the check.
        classes: the user's subclass of autograd.Function, and those above it.
        backward: the user's backward pass, called directly; None where torch calls it.
        method: the user's backward pass that torch calls, where it is known.
        parameters: the parameters of a module, which are further inputs.
        in_backward: runs a function while a module has the parameters among these values, as in the forward pass.
        returned: what the backward pass of an autograd.Function returned last; empty for anything else.
        numbers: the floats that its ctx held then, by name; None for anything else.
    """

    call: Callable[..., Any]
    forward: Callable[..., Any]
    before: int = 0
    holds: tuple[Any, ...] = ()
    classes: tuple[type, ...] = ()
    backward: Callable[..., Any] | None = None
    method: Callable[..., Any] | None = None
    parameters: Mapping[str, torch.Tensor] = {}
    in_backward: Callable[[Sequence[Any], Callable[[], Any]], Any] | None = None
    returned: list[Any] = []  # noqa: RUF012  # each subject that has one is given its own
    numbers: dict[str, float] | None = None

    def names(self, count: int) -> list[str]:
        """The names of so many inputs: those of the parameters, where there is one for each."""
        schema = getattr(self.forward, "_schema", None)
        if schema is not None:
            named = [one.name for one in schema.arguments]
        else:
            try:
                signature = inspect.signature(self.forward)
            except (TypeError, ValueError):  # functions that are written in C++
                return _numbered(0, count)
            plain = itertools.takewhile(
                lambda one: one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD), signature.parameters.values()
            )
            named = [one.name for one in plain][self.before :]
        return [*named[:count], *_numbered(len(named), count)]


def read_subject(function: str, fn: Any, count: int) -> Subject:
    """Reads what the user gave to be checked.

    Args:
        function: the public function that the user called, for messages.
        fn: what is checked.
        count: the number of inputs.

    Raises:
        CheckError: it is nothing that can be checked.
    """
    if inspect.ismethod(fn) and fn.__name__ == "apply" and _is_function(fn.__self__):
        fn = fn.__self__
    if _is_function(fn):
        return _of_function(function, fn)
    if isinstance(fn, torch.nn.Module):
        return _of_module(fn, count)
    if isinstance(fn, tuple | list):
        if len(fn) != 2 or not all(map(callable, fn)):
            raise CheckError(f"{function}: fn is {kind_of(fn)} of {len(fn)}, {WANTED}")
        return Subject(fn[0], fn[0], holds=tuple(fn), backward=fn[1])
    overload = _overload(fn)
    if overload is not None:
        method = getattr(fn, "_backward_fn", None)
        own = (getattr(fn, "_init_fn", None), getattr(fn, "_setup_context_fn", None), method)
        return Subject(fn, overload, holds=tuple(one for one in own if one is not None), method=method)
    if isinstance(fn, type) and issubclass(fn, torch.nn.Module):
        raise CheckError(
            f"{function}: fn is the class {fn.__name__}, wanted an object of it, such as {fn.__name__}(...)"
        )
    if isinstance(fn, torch.autograd.Function):
        name = type(fn).__name__
        raise CheckError(f"{function}: fn is an object of {name}, wanted the class; write {name}, not {name}()")
    if not callable(fn):
        raise CheckError(f"{function}: fn is {kind_of(fn)}, {WANTED}")
    return Subject(fn, fn, holds=(fn,))


def _is_function(fn: Any) -> bool:
    return isinstance(fn, type) and issubclass(fn, torch.autograd.Function)


def _of_function(function: str, fn: Any) -> Subject:
    base = torch.autograd.Function
    name = next((one for one in ("backward", "vjp") if getattr(fn, one) is not getattr(base, one)), None)
    if name is None:
        raise CheckError(f"{function}: {fn.__name__} has no backward, wanted a static backward(ctx, *grad_outputs)")
    returned: list[Any] = []
    numbers: dict[str, float] = {}
    own = getattr(fn, name)

    def backward(ctx: Any, *grads: Any) -> Any:
        numbers.update({f"ctx.{key}": one for key, one in vars(ctx).items() if type(one) is float})
        value = own(ctx, *grads)
        returned[:] = [value]
        return value

    watched = type(fn)(fn.__name__, (fn,), {name: staticmethod(backward), "__module__": fn.__module__})
    before = int(fn.setup_context is base.setup_context)  # otherwise forward takes no ctx
    methods = [getattr(fn, one) for one in ("forward", "setup_context", name)]
    classes = tuple(one for one in fn.__mro__[: fn.__mro__.index(base)])
    return Subject(
        watched.apply, fn.forward, before, tuple(methods), classes, method=own, returned=returned, numbers=numbers
    )


class _Holder(torch.nn.Module):
    """A module that runs any function: `functional_call` on it gives another module other parameters meanwhile."""

    def __init__(self, held: torch.nn.Module) -> None:
        super().__init__()
        self.held = held

    def forward(self, function: Callable[[], Any]) -> Any:
        return function()


def _of_module(module: Any, count: int) -> Subject:
    """A module as a function of its inputs and its parameters; its buffers are copied for each call."""
    parameters = dict(module.named_parameters())

    def state(values: Sequence[Any]) -> dict[str, Any]:
        dtype = next((one.dtype for _, one in tensors_in(values) if one.is_floating_point() or one.is_complex()), None)
        buffers = {
            name: one.to(dtype, copy=True) if dtype is not None and one.is_floating_point() else one.clone()
            for name, one in module.named_buffers()
        }
        return {**dict(zip(parameters, values[count:], strict=True)), **buffers}

    def call(*values: Any) -> Any:
        return torch.func.functional_call(module, state(values), values[:count])

    def in_backward(values: Sequence[Any], function: Callable[[], Any]) -> Any:
        # torch.utils.checkpoint calls the forward pass again
        own = {f"held.{name}": one for name, one in state(tuple(values)).items()}
        return torch.func.functional_call(_Holder(module), own, (function,))

    return Subject(call, module.forward, holds=(module,), parameters=parameters, in_backward=in_backward)


def _overload(fn: Any) -> Any:
    """The overload of an operator, which has a schema; None for anything else."""
    if isinstance(fn, torch._ops.OpOverload):
        return fn
    if isinstance(fn, torch._ops.OpOverloadPacket):
        return getattr(fn, fn.overloads()[0])
    return getattr(fn, "_opoverload", None)


def _numbered(begin: int, end: int) -> list[str]:
    return [f"input {i}" for i in range(begin, end)]
