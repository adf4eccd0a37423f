"""The command with a fake of the checker."""

import sys

import pytest

import softgrad as sg
from check.report_examples import RIGHT


class Checker:
    """A fake of check_vjp and check_grad, which records its arguments, calls `action` and returns `report`."""

    def __init__(self):
        self.report = RIGHT
        self.action = lambda function, derivative, inputs: None

    def fake(self, name):
        def check(function, derivative, *inputs, **options):
            self.name, self.functions, self.inputs, self.options = name, (function, derivative), inputs, options
            self.action(function, derivative, inputs)
            return self.report

        return check


@pytest.fixture(autouse=True)
def checker(monkeypatch):
    checker = Checker()
    for name in ("check_vjp", "check_grad"):
        monkeypatch.setattr(sg.check, name, checker.fake(name), raising=False)
    return checker


@pytest.fixture
def check(softgrad, tmp_path):
    """A function that writes FILE and runs softgrad check on it. Asserts that sys.path is unchanged afterwards."""

    def run(source, *arguments):
        (tmp_path / "f.py").write_text(source)
        before = sys.path[:]
        result = softgrad("check", "f.py", *arguments)
        assert sys.path == before
        return result

    return run
