"""One forward and one backward pass of an object, and what they changed in it.

The object is put back before each run, so that a run does not depend on those before it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.layer.methods import CACHE_ROLE, HELD_ROLE, OUTPUT_ROLE, RATE_ROLE, UPSTREAM_ROLE, Methods, Role
from softgrad.check.layer.objective import Objective
from softgrad.check.layer.slots import Path, Slot, read, slots, write
from softgrad.check.user.descriptions import kind_of
from softgrad.check.user.raised import raised
from softgrad.check.user.randomness import Randomness
from softgrad.check.user.state import MISSING, State
from softgrad.errors import CheckError

OUTPUT_NAMES = ("output", "out", "outputs", "activation", "activations", "result", "y", "a", "z", "y_pred", "y_hat")
RATE = 1.0  # the learning rate that is passed to a backward pass which changes the parameters itself


class Snapshot:
    """The numbers that an object held at one time."""

    def __init__(self, layer: Any) -> None:
        self.slots: dict[Path, Slot] = {slot.path: slot for slot in slots(layer)}
        self.numbers = {path: np.array(slot.value) for path, slot in self.slots.items()}  # copies

    def changed(self, path: Path, later: Snapshot) -> bool:
        """Whether a place of a later snapshot held something else in this one."""
        if path not in self.slots:
            return True
        then, now = self.slots[path].value, later.slots[path].value
        if isinstance(now, np.ndarray) and now is not then:
            return True
        numbers = self.numbers[path]
        return not np.array_equal(later.numbers[path], numbers, equal_nan=numbers.dtype.kind in "fc")

    def equal(self, path: Path, other: Snapshot) -> bool:
        """Whether a place holds the same numbers in another snapshot."""
        return np.array_equal(self.numbers[path], other.numbers[path], equal_nan=True)

    def same_as(self, path: Path) -> list[Path]:
        """The places that hold the very array that one place holds, this one first."""
        value = self.slots[path].value
        others = [one for one, slot in self.slots.items() if slot.value is value and one != path]
        return [path, *(others if isinstance(value, np.ndarray) else [])]


class Run(NamedTuple):
    """What a run gave."""

    output: Any
    returned: Any
    before: Snapshot
    between: Snapshot  # after forward, before backward
    after: Snapshot


class Object:
    """An object whose forward and backward pass can be called again and again.

    Args:
        layer: the object.
        methods: the names of the two.
        inputs: makes copies of the inputs.
        generators: the random generators that it holds.
        holds: what is put back before each run.
        objective: the loss of what forward returns, if there is one.
        names: of the inputs.
    """

    def __init__(
        self,
        layer: Any,
        methods: Methods,
        inputs: Callable[[], Sequence[Any]],
        generators: Sequence[Any],
        holds: Sequence[Any],
        objective: Objective | None = None,
        names: Sequence[str] = (),
    ) -> None:
        self.names = names
        self.layer, self.methods, self.inputs, self.objective = layer, methods, inputs, objective
        self.state, self._holds, self._given = State(holds, objects_alone=True), holds, Snapshot(layer)
        self.roles: tuple[Role, ...] = ()
        self.has_cache = False
        self.output_path: Path | None = None  # where forward leaves its output, if it returns nothing
        self.held_path: Path | None = None  # what backward takes in place of the upstream gradient, if it is no input
        self.outputs = 1  # how many arrays forward returns, each with an upstream gradient of its own
        self.is_mean = False  # whether the loss is the mean of what forward returns
        self.is_whole = False  # whether the loss is computed too: its argument is looked for first
        self.calls = 0
        self._cache: Any = None
        self._both: Any = None
        self._output: Any = None
        self._shapes: list[tuple[int, ...]] = []  # of several outputs
        self._randomness = Randomness((), generators)
        self._randomness.seeded = True

    def forward(self, inputs: Sequence[Any], values: Mapping[Path, Any]) -> Any:
        """The output, with these numbers at these places."""
        self.state.put_back()
        for path, value in values.items():
            write(self.layer, path, value)
        own = inputs if self.objective is None else inputs[: self.objective.begin]
        value = getattr(self.layer, self.methods.forward)(*own)
        if self.methods.backward is None:
            value, self._both = split(value, self.methods.forward)
        elif self.has_cache:
            value, self._cache = value
        elif value is None and self.output_path is not None:
            value = read(self.layer, self.output_path)
        elif self.outputs > 1:
            self._shapes = [np.shape(one) for one in value]
            value = joined(value)
        if self.objective is not None and self.is_whole:
            self._output = value
            value = self.objective.call(
                *(value if role == OUTPUT_ROLE else inputs[int(role)] for role in self.objective.roles)
            )
        if self.is_mean:
            value = np.mean(value)
        return value.copy(order="K") if type(value) is np.ndarray else value  # the next call may write into it

    def backward(self, inputs: Sequence[Any], output: Any, upstream: Any, *, rate: float = RATE) -> Any:
        """What the backward pass returns; forward has just been called."""
        if self.methods.backward is None:
            return self._both
        if self.outputs > 1:
            return getattr(self.layer, self.methods.backward)(*parts(upstream, self._shapes))
        output = output if self.objective is None else self._output
        given = {UPSTREAM_ROLE: upstream, OUTPUT_ROLE: output, RATE_ROLE: rate, CACHE_ROLE: self._cache}
        if self.held_path is not None:
            given[HELD_ROLE] = read(self.layer, self.held_path)
        arguments = [inputs[role] if isinstance(role, int) else given[role] for role in self.roles]
        return getattr(self.layer, self.methods.backward)(*arguments)

    def build(self) -> None:
        """Calls forward a few times. Weights that it makes at its first call belong to the object from then on.

        Such weights stay what they are at the next call, and do not depend on the input, as what is kept for backward.
        """
        self.forward_alone({})
        first = Snapshot(self.layer)
        made = [path for path in first.slots if path not in self._given.slots]
        if not made:
            return
        try:
            with self._randomness.kept(), self._randomness.rewound(), np.errstate(all="ignore"):
                self.calls += 2
                larger = [_larger(one) for one in self.inputs()]
                self._called(self.methods.forward, lambda: self.forward(larger, {}))
                other = Snapshot(self.layer)
                own = self.inputs()[: None if self.objective is None else self.objective.begin]
                self._called(self.methods.forward, lambda: getattr(self.layer, self.methods.forward)(*own))
        except CheckError:  # of the other input
            return
        again, known = Snapshot(self.layer), {id(slot.value) for slot in self._given.slots.values()}
        for path in made:
            stays = path in other.slots and path in again.slots and not other.changed(path, again)
            if stays and first.equal(path, other) and id(other.slots[path].value) not in known:
                self.state = State(self._holds, objects_alone=True)
                return

    def forward_alone(self, values: Mapping[Path, Any], inputs: Sequence[Any] | None = None) -> Any:
        """The output of a run of its own, by default at the inputs given."""
        with self._randomness.kept(), self._randomness.rewound(), np.errstate(all="ignore"):
            self.calls += 1
            return self._called(self.methods.forward, lambda: self.forward(inputs or self.inputs(), values))

    def run(
        self, upstream: Callable[[Any], Any], *, rate: float = RATE, prepared: Mapping[Path, Any] | None = None
    ) -> Run:
        """A forward and a backward pass.

        Args:
            upstream: makes the upstream gradient for an output.
            rate: the learning rate, where the backward pass takes one.
            prepared: numbers to put at places between the two.
        """
        with self._randomness.kept(), self._randomness.rewound(), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.state.put_back()
            before = Snapshot(self.layer)
            inputs = self.inputs()
            self.calls += 2
            output = self._called(self.methods.forward, lambda: self.forward(inputs, {}))
            for path, value in (prepared or {}).items():
                if read(self.layer, path) is not MISSING:
                    write(self.layer, path, value)
            between = Snapshot(self.layer)
            name = self.methods.backward or self.methods.forward
            gradient = upstream(output)
            returned = self._called(name, lambda: self.backward(self.inputs(), output, gradient, rate=rate))
            return Run(output, returned, before, between, Snapshot(self.layer))

    def _called(self, name: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except CheckError:
            raise
        except (Exception, SystemExit) as error:
            raise CheckError(
                f"check_layer: {name} {raised(error, zip(self.names, self.inputs(), strict=False))}"
            ) from error


def joined(outputs: Sequence[Any]) -> Any:
    """Several outputs as one array: side by side if they have one shape."""
    if len({np.shape(one) for one in outputs}) == 1:
        return np.stack(outputs)
    return np.concatenate([np.ravel(one) for one in outputs])


def parts(upstream: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """The upstream gradient of each of several outputs."""
    if len(set(shapes)) == 1:
        return [one.copy() for one in upstream]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [one.reshape(shape).copy() for one, shape in zip(np.split(upstream, ends[:-1]), shapes, strict=True)]


def _larger(value: Any) -> Any:
    """An input with other real numbers."""
    is_real = isinstance(value, np.ndarray | np.floating) and np.asarray(value).dtype.kind == "f"
    return value * 1.25 if is_real else value


def split(value: Any, name: str) -> tuple[Any, Any]:
    """The loss, and the gradients that were returned with it."""
    if not isinstance(value, tuple | list) or len(value) < 2:
        raise CheckError(
            f"check_layer: {name} returned {kind_of(value)}, wanted the loss and its gradients, since no backward pass "
            "is known"
        )
    return value[0], value[1] if len(value) == 2 else tuple(value[1:])
