"""The stub file of the compiled module lists all that it holds, functions with their parameters."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import softgrad
from softgrad import _kernels

STUB = ast.parse((Path(softgrad.__file__).parent / "_kernels.pyi").read_text())
CLASSES = {node.name for node in STUB.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = {
    node.name: [a.arg for a in [*node.args.args, *node.args.kwonlyargs]]
    for node in STUB.body
    if isinstance(node, ast.FunctionDef)
}


def test_the_stub_lists_every_public_name():
    public = {name for name in dir(_kernels) if not name.startswith("_")}
    assert {*FUNCTIONS, *CLASSES, "ISA", "ISA_WARNING"} == public


def test_the_stub_lists_the_parameters_of_every_function():
    for name, parameters in FUNCTIONS.items():
        function = getattr(_kernels, name)
        if not hasattr(function, "__nb_signature__"):
            assert list(inspect.signature(function).parameters) == parameters, name
            continue
        for overload in function.__nb_signature__:
            # The brackets of types are removed, since they contain commas.
            listed = re.sub(r"\[.*?\]", "", re.search(r"\((.*)\) ->", overload[0])[1])
            assert [item.split(":")[0].strip() for item in listed.split(",") if ":" in item] == parameters, name


def test_the_stub_lists_the_numbers_of_a_loss_as_the_kernels_take_them():
    (numbers,) = [node for node in STUB.body if isinstance(node, ast.ClassDef)]
    names = [arg.arg for arg in numbers.body[-1].args.kwonlyargs]
    _kernels.LossNumbers(**dict.fromkeys(names, 1.0))
    for name in names:
        with pytest.raises(TypeError):
            _kernels.LossNumbers(**dict.fromkeys(set(names) - {name}, 1.0))
