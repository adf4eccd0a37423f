"""Steps that an interruption, such as Ctrl-C, must not leave half done: those that put things back."""

from __future__ import annotations

from collections.abc import Callable

MOST_TRIES = 10


def surely(step: Callable[[], None]) -> None:
    """Takes a step that may be taken twice. If it is interrupted, it is taken again before that is raised."""
    interruption: BaseException | None = None
    for _ in range(MOST_TRIES):
        try:
            step()
            break
        except BaseException as error:
            interruption = error
    if interruption is not None:
        raise interruption
