"""Many small cases in one test: pytest spends more time on a test of its own than such a case needs."""

import inspect
import itertools
from functools import wraps

import pytest

SHOWN = 20  # failing cases whose reasons are printed


def label(value):
    """What a case is called in the list of those that fail."""
    if isinstance(value, tuple | list):
        return " ".join(map(label, value))
    name = getattr(value, "name", None) or getattr(value, "__name__", None)
    return name if isinstance(name, str) else str(value)


def check_all(check, cases):
    """Run `check(*arguments)` for each {name: arguments}; all that fail are told, with the traceback of the first."""
    failing, first = [], None
    for name, arguments in cases.items():
        try:
            check(*arguments)
        except (Exception, pytest.fail.Exception) as error:
            first = first or error
            failing.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
    if failing:
        told = "\n".join([*failing[:SHOWN], *(["..."] if len(failing) > SHOWN else [])])
        raise AssertionError(f"{len(failing)} of {len(cases)} cases fail:\n{told}") from first
    assert cases, "there are no cases"


def together(**tables):
    """Like a parametrize for each table, one inside the other, but in one test, which goes on after a failing case."""
    products = list(itertools.product(*tables.values()))
    cases = {", ".join(map(label, values)): values for values in products}
    assert len(cases) == len(products), "two cases have one name"

    def decorate(check):
        @wraps(check)
        def test(**given):
            check_all(lambda *values: check(**given, **dict(zip(tables, values, strict=True))), cases)

        parameters = inspect.signature(check).parameters.values()
        test.__signature__ = inspect.Signature([one for one in parameters if one.name not in tables])
        return test

    return decorate
