"""The part of a large table that CI runs; the rest is thorough."""

import pytest


def sampled(table, stays, name=str):
    """For a parametrize: every case of the table, those that do not stay in CI marked as thorough."""
    cases = list(table)
    marks = [() if stays(case) else pytest.mark.thorough for case in cases]
    assert not cases or () in marks, "nothing is left to CI"
    return [pytest.param(case, id=name(case), marks=mark) for case, mark in zip(cases, marks, strict=True)]


def every(number, table, name=str):
    """One of so many stays in CI, the first among them."""
    cases = list(table)
    return sampled(cases, cases[::number].__contains__, name)
