"""The options of a check: their defaults, their ranges, and what is said of a value outside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from softgrad.check.user.context import Context, read_context
from softgrad.check.user.descriptions import kind_of, shown
from softgrad.errors import OptionError

RTOL = 1e-6
FEWEST_DRAWS, MOST_DRAWS = 5, 1000  # on fewer draws, a wrong name could fit by chance
DRAWS = FEWEST_DRAWS
FEWEST_CALLS, MAX_CALLS = 100, 5_000

MakesInputs = Callable[[np.random.Generator], Any]


class Options(NamedTuple):
    """The options of one check, as `check_vjp` explains them."""

    context: Context
    rtol: float
    seed: int
    draws: int
    inputs: MakesInputs | None
    max_calls: int


def read_options(
    function: str, *, context: Any, rtol: Any, seed: Any, draws: Any, inputs: Any, max_calls: Any
) -> Options:
    """Checks the options.

    Args:
        function: the public function that the user called, for messages.
        context: a dict, or None.
        rtol: between 0 and 1.
        seed: at least 0.
        draws: 5 to 1000.
        inputs: a function of a generator, or None.
        max_calls: at least 100.

    Raises:
        OptionError: one of them is something else.
    """
    if not isinstance(rtol, int | float | np.number) or not 0 < rtol < 1:
        raise OptionError(f"{function}: rtol is {rtol!r}, wanted a number between 0 and 1")
    if not isinstance(draws, int | np.integer) or not FEWEST_DRAWS <= draws <= MOST_DRAWS:
        raise OptionError(
            f"{function}: draws is {draws!r}, wanted {FEWEST_DRAWS} to {MOST_DRAWS}; with fewer a wrong name could fit "
            f"by chance"
        )
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise OptionError(f"{function}: seed is {seed!r}, wanted an integer of at least 0")
    if not isinstance(max_calls, int | np.integer) or max_calls < FEWEST_CALLS:
        raise OptionError(f"{function}: max_calls is {max_calls!r}, wanted an integer of at least {FEWEST_CALLS}")
    if context is not None and not isinstance(context, Mapping):
        raise OptionError(f'{function}: context is {shown(context)}, wanted a dict, such as {{"temperature": 2.0}}')
    if inputs is not None and not callable(inputs):
        raise OptionError(f"{function}: inputs is {kind_of(inputs)}, wanted a function of a generator, inputs(rng)")
    return Options(read_context(context or {}), float(rtol), int(seed), int(draws), inputs, int(max_calls))
