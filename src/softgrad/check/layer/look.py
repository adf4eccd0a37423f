"""What is found out about an object before its check: it is run a few times, and what changes is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from softgrad.check.layer import sources
from softgrad.check.layer.methods import HELD_ROLE, RATE_ROLE, UPSTREAM_ROLE, roles
from softgrad.check.layer.order import STEP, reordered
from softgrad.check.layer.runs import OUTPUT_NAMES, RATE, Object, Run
from softgrad.check.layer.slots import Path, name_of, read, shown
from softgrad.check.layer.sources import Parameter, Source, Target
from softgrad.check.user.argument_names import is_upstream
from softgrad.check.user.arguments import Arguments, Key
from softgrad.check.user.cached import CACHES
from softgrad.check.user.descriptions import kind_of
from softgrad.check.user.functions import parameter_names
from softgrad.check.user.signatures import needed
from softgrad.errors import CheckError
from softgrad.formulas.numbers import Array, nearly_equal

SEED = 0x6C61796572
MOST_ASKED = 60  # calls, in which parameters without a gradient are changed to see whether the output depends on them
SHOWN = 4


class Look:
    """The parameters of an object, and where its gradients are.

    Args:
        this: the object.
        arguments: the inputs.
        arrays: the arrays among them.
        gradients: where gradients are, as far as the user says it.

    Raises:
        CheckError: a method raises, or it cannot be told where the gradients are.
        OptionError: `gradients` names something that does not exist.
    """

    def __init__(
        self, this: Object, arguments: Arguments, arrays: Mapping[Key, Array], gradients: Mapping[str, Any]
    ) -> None:
        self.object, self.layer, self.arguments = this, this.layer, arguments
        self.forward_name, self.backward_name = this.methods.forward, this.methods.backward or this.methods.forward
        self._arrays = dict(arrays)
        self._real = {key: array for key, array in arrays.items() if array.dtype.kind == "f"}
        self._names = {leaf.key: leaf.name for leaf in arguments.leaves}
        self._held = vars(self.layer) if hasattr(self.layer, "__dict__") else {}
        self.parameters: list[Parameter] = []
        self.sources: dict[Target, Source] = {}
        self.sums: list[tuple[Path, ...]] = []  # places that backward adds to; those of one array together
        self.rate = RATE  # the learning rate of a backward pass that changes the parameters
        self.facts: list[str] = []

        this.build()
        self._find_output()
        if this.objective is not None:
            this.is_whole = True
            self.facts.append(f"the loss is {this.objective.told}")
        self._output = output = np.asarray(this.forward_alone({}))
        if output.dtype.kind not in "fiub":
            raise CheckError(f"check_layer: {self.forward_name} returned an array of {output.dtype}, wanted numbers")
        self.takes_upstream = self._takes_upstream(output)
        self._upstream = np.random.default_rng(SEED).standard_normal(output.shape) if output.ndim else 1.0
        run = self._first_run()
        self._find_sources(run, gradients)
        self._find_sums(run)
        self._check_updates(run)
        self.data = self._data(run)
        self._tell()

    def _run(self, *, factor: float = 1.0, prepared: Mapping[Path, Any] | None = None) -> Run:
        return self.object.run(lambda output: factor * np.array(self._upstream), prepared=prepared)

    def _first_run(self) -> Run:
        """A run. Where backward raises, it may take what the loss is computed from, not an upstream gradient."""
        try:
            return self._run()
        except CheckError:
            this, count = self.object, len(self.arguments.inputs)
            others = [role for i, role in enumerate(this.roles) if role != i]
            if others != [UPSTREAM_ROLE] or this.roles[0] != UPSTREAM_ROLE or len(this.roles) != count or count < 2:
                raise
            shape = np.shape(self.arguments.inputs[0])
            kept = [name for name in ("output", "out", "probs") if isinstance(self._held.get(name), np.ndarray)]
            held = [name for name in kept if self._held[name].shape == shape]
            this.held_path = ((".", held[0]),) if held else None
            this.roles = (HELD_ROLE if held else 0, *this.roles[1:])
            self.takes_upstream, this.is_mean = False, np.ndim(self._upstream) > 0
            self._upstream = 1.0
            run = self._run()
            taken = held[0] if held else self.arguments.names[0]
            loss = f"; the loss is the mean of what {self.forward_name} returns" if this.is_mean else ""
            self.facts.append(f"{self.backward_name} takes {taken} in place of an upstream gradient{loss}")
            return run

    def _find_output(self) -> None:
        """Where the output is: returned, the first of (output, cache), or left in the object."""
        value = self.object.forward_alone({})
        if self.object.methods.backward is None:
            return
        if isinstance(value, tuple) and len(value) == 2:
            taken = parameter_names(getattr(self.layer, self.backward_name), 2) or []
            if any(name.strip("_").lower() in CACHES for name in taken):
                self.object.has_cache = True
                self.facts.append(f"{self.forward_name} returns the output and a cache, which backward gets")
                return
        if value is None:
            arrays = {name_of(k).strip("_").lower(): k for k, v in self._held.items() if isinstance(v, np.ndarray)}
            name = next((arrays[word] for word in OUTPUT_NAMES if word in arrays), None)
            if name is None:
                raise CheckError(f"check_layer: {self.forward_name} returned None, wanted an array; is there a return?")
            self.object.output_path = ((".", name),)
            self.facts.append(f"{self.forward_name} returns nothing: its output is read from {name}")
        elif isinstance(value, tuple) and self._has_upstreams_for(value):
            self.object.outputs = len(value)
            taken = needed(getattr(self.layer, self.backward_name)) or []
            self.facts.append(
                f"{self.forward_name} returns {len(value)} outputs: {', '.join(taken)} are their upstream gradients"
            )
        elif isinstance(value, tuple | list | dict | str):
            way = ""
            if isinstance(value, tuple) and value and np.ndim(value[0]) == 0:
                way = "; if it returns the loss and its gradients, say backward=True"
            elif isinstance(value, tuple):
                way = f"; for several outputs, {self.backward_name} takes a gradient for each, such as (dh, dc)"
            raise CheckError(f"check_layer: {self.forward_name} returned {kind_of(value)}, wanted an array{way}")

    def _has_upstreams_for(self, outputs: tuple[Any, ...]) -> bool:
        """Whether forward returns several arrays, and backward takes as many upstream gradients and nothing else."""
        arguments = needed(getattr(self.layer, self.backward_name)) or []
        real = all(isinstance(one, np.ndarray) and one.dtype.kind == "f" for one in outputs)
        return real and len(arguments) == len(outputs) > 1 and all(map(is_upstream, arguments))

    def _takes_upstream(self, output: Array) -> bool:
        """Whether the backward pass takes an upstream gradient; that of a loss need not."""
        if self.object.outputs > 1:
            return True
        if self.object.methods.backward is not None:
            self.object.roles = roles(
                getattr(self.layer, self.backward_name),
                self.backward_name,
                self.arguments.names,
                is_loss=output.size == 1,
                has_cache=self.object.has_cache,
            )
            if UPSTREAM_ROLE in self.object.roles:
                if self.object.objective is not None:
                    raise CheckError(
                        f"check_layer: {self.backward_name} takes the gradient of the output, and so needs no loss; "
                        f"give the inputs of {self.forward_name} alone"
                    )
                return True
        if output.size != 1:
            raise CheckError(
                f"check_layer: {self.forward_name} returned an array of shape {output.shape}, and "
                f"{self.backward_name} takes no upstream gradient; name the method that returns the loss, as in "
                'forward="loss"'
            )
        return False

    def _find_sources(self, run: Run, gradients: Mapping[str, Any]) -> None:
        (everything, maybe), written = sources.parameters_of(run), sources.written_by_backward(run)
        everything += [one for one in maybe if sources.in_the_object([one], written) and self._has_a_part(one)]
        told = sources.told_by_the_user(gradients, self._real, self._names, everything, run, self.layer)
        asked = [one for one in everything if one.name not in told]
        inputs = {key: array for key, array in self._real.items() if key not in told}
        found = sources.in_the_object(asked, written)
        taken = [source.path for source in found.values()]
        asked = [one for one in asked if not any(path in taken for path in one.paths)]
        left = [one for one in asked if one.name not in found and self._has_a_part(one)]
        again = [written[path] for path in taken]
        named = [source.path for source in told.values() if source is not None and source.kind == "returned"]
        count = len(self.arguments.inputs)
        returned, question = sources.in_what_was_returned(run.returned, inputs, self._names, left, count, again, named)
        found |= self._in_order({t: one for t, one in returned.items() if t not in found}, run, inputs, left, question)
        if run.returned is None:
            found |= sources.of_inputs_in_the_object(inputs, self._names, written, taken)
        found |= self._updates([one for one in left if one.name not in found], written, run)
        found |= {target: source for target, source in told.items() if source is not None}
        if not found:
            there = [shown(path) for path in list(written)[:SHOWN]]
            written_there = f", where it writes {', '.join(there)}" if there else ""
            example = f"{{{next(iter(self._names.values()), 'x')!r}: {there[0] if there else 'dx'!r}}}"
            raise CheckError(
                f"check_layer: {self.backward_name} returned {kind_of(run.returned)}, and no gradient was found in the "
                f"object{written_there}; say which it is, as in gradients={example}"
            )
        self.sources = found
        self.parameters = [one for one in everything if one.name in found]
        missing = [one.name for one in left if one.name not in found and isinstance(one.value, np.ndarray)]
        if missing:
            names = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
            are = "it is" if len(missing) == 1 else "they are"
            first = next(one for one in left if one.name == missing[0])
            taken += [source.path for source in found.values()] + [path for one in everything for path in one.paths]
            alike = [p for p, v in written.items() if p not in taken and np.shape(v) == np.shape(first.value)]
            place = shown(alike[0]) if alike else f"d{first.name.rsplit('.', 1)[-1]}"
            self.facts.append(
                f"no gradient of {names} was found, so that {are} not checked; if there is one, say where, as in "
                f"gradients={{{first.name!r}: {place!r}}}"
            )

    def _in_order(
        self,
        returned: dict[Target, Source],
        run: Run,
        inputs: Mapping[Key, Array],
        left: Sequence[Parameter],
        question: str | None,
    ) -> dict[Target, Source]:
        """The gradients that backward returned, each of that array for which a difference agrees.

        Raises:
            CheckError: by the shapes there are several orders, and none of them agrees; with the question.
        """
        named = {one.name: one for one in left}
        shapes: dict[Target, tuple[int, ...]] = {key: array.shape for key, array in inputs.items()}
        shapes |= {one.name: np.shape(one.value) for one in left}
        gradients = {one: read(run.returned, one.path) for one in returned.values()}
        by_place = {t: one for t, one in returned.items() if not any(isinstance(key, str) for _, key in one.path)}

        def slope(target: Target, direction: Array) -> float | None:
            ends = []
            for step in (STEP, -STEP):
                arrays, values = dict(self._arrays), {}
                if isinstance(target, str):
                    values = dict.fromkeys(named[target].paths, named[target].value + step * direction)
                else:
                    arrays[target] = arrays[target] + step * direction
                try:
                    output = self.object.forward_alone(values, self.arguments.with_arrays(arrays))
                except CheckError:
                    return None
                ends.append(float(np.sum(self._upstream * np.asarray(output))))
            return (ends[0] - ends[1]) / (2 * STEP)

        others = {target: one for target, one in returned.items() if target not in by_place}
        in_order, is_settled = reordered(by_place, gradients, shapes, slope)
        if question is not None and not is_settled:
            raise CheckError(question)
        return others | in_order

    def _data(self, run: Run) -> list[Array]:
        """The arrays of the object that forward leaves as they are, and that are neither parameters nor gradients."""
        known = {path for one in self.parameters for path in one.paths}
        known |= {source.path for source in self.sources.values() if source.kind == "place"}
        found = {
            id(slot.value): slot.value
            for path, slot in run.before.slots.items()
            if type(slot.value) is np.ndarray
            and slot.value.dtype.kind in "fiub"
            and path not in known
            and path in run.between.slots
            if not run.before.changed(path, run.between)
        }
        return list(found.values())

    def _has_a_part(self, parameter: Parameter) -> bool:
        """Whether the output depends on some numbers of the object."""
        if self.object.calls > MOST_ASKED:
            return isinstance(parameter.value, np.ndarray)
        value = np.asarray(parameter.value)
        moved = value * 1.25 + 0.1 * np.cos(np.arange(value.size)).reshape(value.shape)
        try:
            second = self.object.forward_alone(dict.fromkeys(parameter.paths, moved if value.ndim else float(moved)))
        except CheckError:
            return True
        return not np.array_equal(self._output, np.asarray(second), equal_nan=True)

    def _updates(self, parameters: Sequence[Parameter], written: Mapping[Path, Any], run: Run) -> dict[Target, Source]:
        """Parameters that backward changes itself, as a step of gradient descent."""
        changed = [one for one in parameters if any(path in written for path in one.paths)]
        if RATE_ROLE not in self.object.roles:
            rates = sources.rates_in(run)
            if len(rates) != 1:
                return {}
            self.rate = rates.pop()
        return {one.name: Source("update", one.paths[0]) for one in changed}

    def _find_sums(self, run: Run) -> None:
        """Which gradients backward adds to: with 1 there before, it leaves one more than with 0."""
        slots = run.between.slots
        places = [source.path for source in self.sources.values() if source.kind == "place" and source.path in slots]
        shared = {path: tuple(run.between.same_as(path)) for path in places}
        if not places:
            return
        left = []
        for start in (0.0, 1.0):
            filled = {path: np.full(np.shape(slots[path].value), start)[()] for path in places}
            self._run(prepared={other: filled[path] for path in places for other in shared[path]})
            left.append({path: np.array(read(self.layer, path)) for path in places})
        for path in places:
            zero, one = (result[path] for result in left)
            same_shape = zero.shape == one.shape == np.shape(slots[path].value)
            if same_shape and nearly_equal(one - zero, np.ones(zero.shape), rtol=1e-6):
                self.sums.append(shared[path])

    def _check_updates(self, run: Run) -> None:
        """Checks that a change of a parameter is a step along a gradient: twice as long for twice the upstream.

        The upstream gradient of a loss is 1. There, what else backward keeps tells a step of momentum or Adam.

        Raises:
            CheckError: it is not, as with momentum or weight decay.
        """
        paths = {target: source.path for target, source in self.sources.items() if source.kind == "update"}
        if not paths:
            return
        if not self.takes_upstream:
            self._check_steps(run, paths)
            return
        changes = []
        for factor in (1.0, 2.0, 0.0):
            run = self._run(factor=factor)
            changes.append({t: run.before.numbers[p] - np.asarray(read(self.layer, p)) for t, p in paths.items()})
        once, twice, none = changes
        for target in paths:
            if not nearly_equal(twice[target], 2 * once[target], rtol=1e-6) or np.any(none[target]):
                raise self._no_step(target)

    def _check_steps(self, run: Run, paths: Mapping[Target, Path]) -> None:
        own = {path for one in self.parameters for path in one.paths}
        written = [path for path in sources.written_by_backward(run) if path in run.before.slots and path not in own]
        for target, path in paths.items():
            step = np.abs(run.before.numbers[path] - run.after.numbers[path])
            is_adam = step.size > 1 and bool(np.ptp(step) <= 1e-3 * step.max())
            if is_adam or any(run.before.numbers[one].shape == step.shape and step.ndim for one in written):
                raise self._no_step(target)

    def _no_step(self, target: Target) -> CheckError:
        return CheckError(
            f"check_layer: {self.backward_name} changes {target}, and not by a learning rate times a gradient; "
            f"keep the gradient as an attribute, such as d{target}"
        )

    def _tell(self) -> None:
        """One line on where the gradients were found."""
        told: list[str] = []
        for target, source in self.sources.items():
            name = target if isinstance(target, str) else self._names[target]
            change = f"the change of {name}, divided by the learning rate,"
            place = change if source.kind == "update" else str(source)
            told.append(f"{place} {'as that' if told else 'is read as the gradient'} of {name}")
        if len(told) > SHOWN:
            told[SHOWN:] = [f"and so on for {len(told) - SHOWN} more"]
        self.facts.insert(0, ", ".join(told))
        if self.sums:
            places = ", ".join(shown(paths[0]) for paths in self.sums[:SHOWN])
            were = "they were" if len(self.sums) > 1 else "it was"
            self.facts.append(f"{self.backward_name} adds to {places}: {were} set to 0 before each call")
