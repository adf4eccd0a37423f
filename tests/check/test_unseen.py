"""Code by somebody who had not seen the checker: what was detected, located and named when it was first checked."""

import pytest

from check.unseen import CASES
from check.unseen.__main__ import judged

WRONG = [case for case in CASES if case.is_wrong]
RIGHT = [case for case in CASES if not case.is_wrong]


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.id)
def test_a_right_gradient_passes(case):
    report, _ = judged(case)
    assert report.ok is True
    assert report.mistakes == ()


@pytest.mark.thorough
def test_mistakes_are_detected_located_and_named():
    found = {case.id: judged(case) for case in WRONG}
    assert [case.id for case in WRONG if found[case.id][0].ok is not False] == []
    assert sum(away in (0, 1) for _, away in found.values()) >= 25
    named = [case.id for case in WRONG if (m := found[case.id][0].mistake) and m.name in case.names]
    assert len(named) >= 25
