"""check/ and formulas/ use none of the functions that they judge."""

import ast
import sys
from pathlib import Path

from softgrad import check, formulas

ROOMS = {
    "formulas",
    "check",
    "catalogue",
    "conduct",
    "derivatives",
    "diagnose",
    "layer",
    "locate",
    "mutate",
    "recognise",
    "report",
    "sampling",
    "trace",
    "user",
}
OWN = ("softgrad.check", "softgrad.errors", "softgrad.formulas", "softgrad._calls", "softgrad._extras")
PRINT_AND_DRAW = {"rich", "matplotlib"}  # for the report; they compute no gradient
FILES = sorted(file for package in (check, formulas) for file in Path(package.__file__).parent.rglob("*.py"))


def imported(file):
    """Every module that a file names in an import."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield f"{node.module}.{node.names[0].name}" if node.module == "softgrad" else node.module


def may_be_imported(module):
    known = module.split(".")[0] in {*sys.stdlib_module_names, "numpy", "scipy", *PRINT_AND_DRAW}
    return known or module.startswith(OWN)


def test_imports_nothing_of_softgrads_but_its_own():
    foreign = [f"{file}: {module}" for file in FILES for module in imported(file) if not may_be_imported(module)]
    assert foreign == []


def test_every_file_is_looked_at():
    assert {file.parent.name for file in FILES} >= ROOMS
