"""Every example of the README runs, and its two lines stand there as CI takes them."""

import doctest
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_examples():
    result = doctest.testfile(str(README), module_relative=False)
    assert result.attempted > 10
    assert result.failed == 0


def test_the_two_lines():
    lines = README.read_text().splitlines()
    assert "    python -m pip install '.[cli]' && softgrad train" in lines
    assert "    python -m pip install '.[test]' && python -m pytest" in lines
