"""Here a fault of the search is an error: in a check, it is silent."""

import pytest

from softgrad.check.diagnose import traced


@pytest.fixture(autouse=True)
def faults(monkeypatch):
    found = []
    explained = traced._explained

    def watched(*args):
        try:
            return explained(*args)
        except Exception as fault:
            found.append(fault)
            raise

    monkeypatch.setattr(traced, "_explained", watched)
    yield found
    for fault in found:
        raise fault
