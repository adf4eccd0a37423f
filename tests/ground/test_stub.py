"""The stub of the compiled module says what is in it."""

import ast
import re
from pathlib import Path

import softgrad
from softgrad import _kernels

STUB = ast.parse((Path(softgrad.__file__).parent / "_kernels.pyi").read_text())
FUNCTIONS = {node.name: [a.arg for a in node.args.args] for node in STUB.body if isinstance(node, ast.FunctionDef)}


def test_names():
    public = {name for name in dir(_kernels) if not name.startswith("_")}
    assert {*FUNCTIONS, "ISA"} == public


def test_parameters():
    for name, parameters in FUNCTIONS.items():
        for overload in getattr(_kernels, name).__nb_signature__:
            inside = re.sub(r"\[.*?\]", "", re.search(r"\((.*)\) ->", overload[0])[1])  # without the types' commas
            assert [part.split(":")[0].strip() for part in inside.split(",") if ":" in part] == parameters, name
