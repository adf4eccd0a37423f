"""How the messages of a training name what the user called, gave and has."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


def _network_has(epoch: int) -> str:
    return f"the network has the parameters {f'after epoch {epoch}' if epoch else 'from before the training'}"


class Words(NamedTuple):
    """The words of a message about a training that has diverged."""

    caller: str = "train"
    learning_rate: str = "learning rate"
    kept: Callable[[int], str] = _network_has  # of the last good epoch; 0: there is none
