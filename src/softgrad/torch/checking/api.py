"""softgrad.torch.check: is a hand-written backward pass in torch right, and if not, what was done wrong?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from softgrad._calls import explained
from softgrad.check.pipeline import Check
from softgrad.check.report.report import Report
from softgrad.check.sampling.redraw import redraw
from softgrad.check.user.cached import takes_cache, without_cache
from softgrad.check.user.functions import UserFunctions
from softgrad.check.user.options import DRAWS, MAX_CALLS, RTOL, Options, read_options
from softgrad.check.user.other_calls import as_vjp
from softgrad.check.user.randomness import GENERATORS, reachable
from softgrad.check.user.signatures import hidden_by_defaults
from softgrad.errors import CheckError
from softgrad.torch.checking.conduct import with_conduct
from softgrad.torch.checking.functions import TorchFunctions
from softgrad.torch.checking.inputs import Inputs, as_array, names_of_inputs
from softgrad.torch.checking.kept import kept
from softgrad.torch.checking.randomness import TorchRandomness
from softgrad.torch.checking.refused import refused
from softgrad.torch.checking.spectral_norm import without_power_iterations
from softgrad.torch.checking.spelling import in_torch
from softgrad.torch.checking.subject import Subject, read_subject

__all__ = ["check"]

FUNCTION = "softgrad.torch.check"
DRAWS_NUMBERS = "forward draws random numbers: torch's generator was set to the same state before each call"
Makes = Callable[[np.random.Generator], Any]


@explained
def check(
    fn: Any,
    *tensors: Any,
    names: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
    rtol: float = RTOL,
    seed: int = 0,
    draws: int = DRAWS,
    inputs: Callable[[np.random.Generator], tuple[Any, ...]] | None = None,
    max_calls: int = MAX_CALLS,
) -> Report:
    """Checks a backward pass in torch, and names the mistake.

    Gradients are judged in float64 by numerical derivatives, as `softgrad.check_vjp` does. torch calls the backward
    pass itself, so that ctx, save_for_backward and needs_input_grad are those of a training step.

    Args:
        fn: what is checked: a subclass of torch.autograd.Function, whose apply is called; an operator, such as one of
            torch.library.custom_op; a pair (forward, backward) of functions of tensors, whose backward is called as
            backward(*inputs, output, grad_output); a module, whose parameters are inputs too; or any function of
            tensors that torch differentiates.
        *tensors: its inputs. Tensors of real numbers are differentiated where the backward pass gives a gradient; every
            other argument is passed on as it is.
        names: what to call each input; by default the names of forward's parameters.
        context: what you know of the function, as in `check_vjp`, like everything that follows.
        rtol: the relative error that passes.
        seed: for all random numbers of the check.
        draws: how many times other inputs are drawn; 5 to 1000.
        inputs: inputs(rng) draws fresh inputs.
        max_calls: how often forward and backward are called at most; 5,000 by default.

    Returns:
        The report, like that of `check_vjp`: `ok`, `error`, `where`, `mistake`, `mistakes`, `facts`.

    Raises:
        CheckError: forward or backward raises, or fn is nothing that can be checked.
        OptionError: an option is outside its range, or names do not fit.

    Example:
        >>> class Softmax(torch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, z):
        ...         p = torch.softmax(z, dim=-1)
        ...         ctx.save_for_backward(p)
        ...         return p
        ...
        ...     @staticmethod
        ...     def backward(ctx, grad_output):
        ...         (p,) = ctx.saved_tensors
        ...         return p * (1 - p) * grad_output
        >>> report = st.check(Softmax, torch.tensor([[1.0, 2.0, 3.0], [1.0, 0.0, 1.0]]))
        >>> report.ok, report.mistake.name
        (False, 'diagonal-only')
    """
    options = read_options(
        FUNCTION, context=context, rtol=rtol, seed=seed, draws=draws, inputs=inputs, max_calls=max_calls
    )
    subject = read_subject(FUNCTION, fn, len(tensors))
    named = names_of_inputs(FUNCTION, names, subject.names(len(tensors)))
    facts = hidden_by_defaults(subject.forward, subject.before + len(tensors))
    held = [one for root in subject.holds for one in reachable(root, (torch.Tensor,))]
    with kept(held, subject.classes), without_power_iterations(subject.holds) as told:
        return _Checked(subject, tensors, named, options, held).report([*facts, *told])


class _Checked:
    """One call of `check`."""

    def __init__(
        self, subject: Subject, inputs: Sequence[Any], names: Sequence[str], options: Options, held: Sequence[Any]
    ) -> None:
        self.subject, self.options, self.held = subject, options, held
        self.given, self.names = inputs, names

    def report(self, facts: Sequence[str]) -> Report:
        """Runs the check, and says what it found in the words of torch."""
        told = list(facts)
        if self.subject.backward is not None:
            self.subject, fact, calls = self._as_vjp()
            told = [*fact, *told]
        else:
            calls = 0
        torchs = self._torch_functions()
        functions = self._user_functions(torchs)
        functions.calls.made = calls
        options = self.options
        if self.subject.numbers is not None:  # they are known after the first backward pass
            self.subject.numbers.update(options.context.numbers)
            options = options._replace(context=options.context._replace(numbers=self.subject.numbers))
        if options.inputs is not None:
            options = options._replace(inputs=self._drawn(torchs.inputs, options.inputs))
        try:
            report = Check(functions, options, told).report()
            with functions.kept():
                report = with_conduct(report, torchs, functions.randomness, options.seed, options.max_calls)
        except CheckError as error:
            report = refused(FUNCTION, error, self.subject)
        torchs.forget()
        if torchs.randomness.draws:
            torchs.told.append(DRAWS_NUMBERS)
        return in_torch(replace(report, facts=(*torchs.told, *report.facts)))

    def _torch_functions(self) -> TorchFunctions:
        parameters = self.subject.parameters
        inputs = Inputs(FUNCTION, [*self.given, *parameters.values()], [*self.names, *parameters])
        generators = [one for root in self.subject.holds for one in reachable(root, (torch.Generator,))]
        tensors = [leaf.given for leaf in inputs.leaves if leaf.is_tensor]
        return TorchFunctions(FUNCTION, self.subject, inputs, TorchRandomness(generators, tensors))

    def _user_functions(self, torchs: TorchFunctions) -> UserFunctions:
        generators = [one for root in self.subject.holds for one in reachable(root, GENERATORS)]
        functions = UserFunctions(
            FUNCTION,
            torchs.forward,
            torchs.backward,
            [leaf.array for leaf in torchs.inputs.leaves],
            takes_upstream=True,
            names=[leaf.name for leaf in torchs.inputs.leaves],
            wrt=None,
            generators=(*self.options.context.generators, *generators),
            max_calls=self.options.max_calls,
            called=("forward", "backward"),
            holds=self.subject.holds,
            shortens=lambda: bool(torchs.shortens),
            data=[] if self.subject.parameters else [as_array(one) for one in self.held],
        )
        count = len(torchs.inputs.leaves)
        functions.parameters = frozenset(range(count - len(self.subject.parameters), count))
        return functions

    def _as_vjp(self) -> tuple[Subject, list[str], int]:
        """A pair of functions whose backward takes other arguments, as backward(*inputs, output, grad_output)."""
        forward, backward = self.subject.forward, self.subject.backward
        assert backward is not None
        if takes_cache(backward):
            forward, backward = without_cache(forward, backward)
        own = self.subject._replace(call=forward, backward=backward)

        def functions_of(vjp: Callable[..., Any]) -> UserFunctions:
            self.subject = own._replace(backward=vjp)
            return self._user_functions(self._torch_functions())

        adapted = as_vjp(forward, backward, len(self.given), functions_of)
        if adapted is None:
            return own, [], 0
        fact = adapted.fact.replace("vjp is taken as", "backward is taken as", 1)
        return own._replace(backward=adapted.vjp), [fact], adapted.calls

    def _drawn(self, inputs: Inputs, make: Makes) -> Makes:
        """The user's function that draws inputs, as one that draws arrays; parameters are drawn like those given."""
        parameters = [as_array(one) for one in self.subject.parameters.values()]

        def drawn(rng: np.random.Generator) -> tuple[Any, ...]:
            values = make(rng)
            values = values if isinstance(values, tuple) else (values,)
            others = [torch.from_numpy(redraw(one, rng, standard=False)) for one in parameters]
            return inputs.arrays_of([*values, *others])

        return drawn
