"""How a planted slip is looked for: among what hypothesis draws, until one shows it; most do in the first 50."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from drawn import stable

first_found = settings(
    stable, max_examples=300, phases=[Phase.generate], report_multiple_bugs=False, suppress_health_check=[*HealthCheck]
)


def assert_caught(check, strategy):
    """`check` fails on something that `strategy` draws."""

    @first_found
    @given(strategy)
    def every_draw(drawn):
        with np.errstate(all="ignore"):
            check(drawn)

    with pytest.raises(AssertionError):
        every_draw()
