"""Every example of the README runs, and the README contains the two commands that CI runs."""

import doctest
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_examples_run():
    result = doctest.testfile(str(README), module_relative=False)
    assert result.attempted > 10
    assert result.failed == 0


def test_the_two_commands_are_in_the_readme():
    lines = README.read_text().splitlines()
    assert "    python -m pip install '.[cli]' && softgrad train" in lines
    assert "    python -m pip install '.[test]' && python -m pytest" in lines


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 150
