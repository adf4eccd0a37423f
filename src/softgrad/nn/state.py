"""The state of a `Trainer` as arrays by name and facts that JSON can represent, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from softgrad._arrays import Array
from softgrad.errors import ModelError
from softgrad.nn.epoch import Epoch

if TYPE_CHECKING:
    from softgrad.nn.trainer import Trainer


class State(TypedDict):
    """All that the rest of a training depends on, beside the arguments of the `Trainer`."""

    arrays: dict[str, Array]
    facts: dict[str, Any]


def of(trainer: Trainer) -> State:
    """The state of a trainer. The arrays are copies."""
    optimizer = trainer.optimizer.state()
    groups = {
        "parameters": trainer.network.parameters,
        "best": trainer.stopping.best_parameters or {},
        "last_good": trainer.last_good,
        **{f"optimizer.{key}": value for key, value in optimizer.items() if isinstance(value, dict)},
    }
    return {
        "arrays": {f"{group}/{name}": a.copy() for group, arrays in groups.items() for name, a in arrays.items()},
        "facts": {
            "setting": setting(trainer),
            "optimizer": {key: value for key, value in optimizer.items() if not isinstance(value, dict)},
            "schedule": trainer.schedule.state(),
            "stopping": trainer.stopping.state(),
            "history": [list(epoch) for epoch in trainer.history],
            "generator": as_json(trainer.rng.bit_generator.state),
            "generator_at_start": as_json(trainer.generator_at_start),
            **{name: getattr(trainer, name) for name in NUMBERS},
        },
    }


NUMBERS = ("steps", "last_good_epoch", "batch", "loss_sum", "loss_count", "learning_rate")


def restore(trainer: Trainer, state: State) -> None:
    """Brings a trainer into a state, after all of the state is read."""
    facts, groups = state["facts"], _grouped(state["arrays"])
    for name, value in setting(trainer).items():
        if (other := facts["setting"].get(name)) != value:
            raise ModelError(
                f"restore: {name} is {value} here, but {other} where the state was saved; make the Trainer with the "
                "same arguments"
            )
    copy_to(trainer.network.parameters, groups["parameters"])
    copy_to(trainer.last_good, groups["last_good"])
    arrays_of_optimizer = {
        key: groups.get(f"optimizer.{key}", {})
        for key, value in trainer.optimizer.state().items()
        if isinstance(value, dict)
    }
    trainer.optimizer.restore({**facts["optimizer"], **arrays_of_optimizer})
    trainer.schedule.restore(facts["schedule"])
    trainer.stopping.restore(facts["stopping"], groups.get("best"))
    trainer.history[:] = [Epoch(*epoch) for epoch in facts["history"]]
    trainer.rng.bit_generator.state = facts["generator"]
    trainer.generator_at_start = facts["generator_at_start"]
    for name in NUMBERS:
        setattr(trainer, name, facts[name])


def setting(trainer: Trainer) -> dict[str, Any]:
    """What a state must fit: the arguments that its numbers depend on, as JSON."""
    return {
        "network": repr(trainer.network),
        "features": trainer.network.in_features,
        "rows": None if trainer.rows is None else len(trainer.rows.x),
        "batch_size": trainer.batch_size,
        "shuffle": trainer.shuffle,
        "alpha": trainer.alpha,
        "monitor": trainer.monitor,
        "optimizer": type(trainer.optimizer).__name__,
        "schedule": type(trainer.schedule).__name__,
        "generator": type(trainer.rng.bit_generator).__name__,
    }


def copies(arrays: dict[str, Array]) -> dict[str, Array]:
    """A copy of each array."""
    return {name: array.copy() for name, array in arrays.items()}


def copy_to(arrays: dict[str, Array], values: dict[str, Array]) -> None:
    """Writes the values to the arrays of the same names."""
    for name, array in arrays.items():
        array[...] = values[name]


def as_json(value: Any) -> Any:
    """The state of a random generator with lists in place of arrays, which it takes too."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _grouped(arrays: dict[str, Array]) -> dict[str, dict[str, Array]]:
    groups: dict[str, dict[str, Array]] = {}
    for full_name, array in arrays.items():
        group, _, name = full_name.partition("/")
        groups.setdefault(group, {})[name] = array.copy()
    return groups
