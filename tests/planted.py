"""Tests of tests: a check must fail for a planted slip on an input that hypothesis draws, mostly among the first 50."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from drawn import stable

until_first_failure = settings(
    stable, max_examples=300, phases=[Phase.generate], report_multiple_bugs=False, suppress_health_check=[*HealthCheck]
)


def assert_caught(check, strategy):
    """Asserts that `check` fails for some input that `strategy` draws."""

    @until_first_failure
    @given(strategy)
    def check_every_draw(drawn):
        with np.errstate(all="ignore"):
            check(drawn)

    with pytest.raises(AssertionError):
        check_every_draw()
