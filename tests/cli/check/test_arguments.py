"""`softgrad check`: the arguments that it passes to the checker, and its output."""

import json
import sys

import numpy as np
import pytest

from check.report_examples import ALL, UNCHECKED, WRONG
from cli.check.sources import LOSS, NAMED, PAIR, SHAPE, SOFTMAX

# The arguments of the checker


def test_functions_are_found_by_the_names_in_the_options(check, checker):
    assert check(SOFTMAX, *NAMED, *SHAPE).code == 0
    assert checker.name == "check_vjp"
    assert [function.__name__ for function in checker.functions] == ["softmax", "softmax_backward"]
    assert [z.shape for z in checker.inputs] == [(4, 3)]


def test_functions_are_found_by_their_default_names(check, checker):
    assert check(PAIR, *SHAPE).code == 0
    assert (checker.name, checker.functions[1].__name__) == ("check_vjp", "vjp")
    assert check(LOSS).code == 0
    assert (checker.name, checker.functions[1].__name__) == ("check_grad", "grad")
    assert check(PAIR + LOSS, "--loss", "loss").code == 0
    assert checker.name == "check_grad"


def test_inputs_are_drawn_by_the_function_in_the_file(check, checker):
    assert check(LOSS, "--seed", 5).code == 0
    wanted = np.random.default_rng(5).normal(size=(4, 3))
    assert np.array_equal(checker.inputs[0], wanted)
    assert np.array_equal(checker.options["inputs"](np.random.default_rng(5))[0], wanted)


def test_shapes_override_the_inputs_of_the_file(check, checker):
    assert check(LOSS, "--shape", "2x5", "--shape", "5").code == 0
    assert [array.shape for array in checker.inputs] == [(2, 5), (5,)]
    assert [array.shape for array in checker.options["inputs"](np.random.default_rng(1))] == [(2, 5), (5,)]


TARGETS = {  # name: (options, shape of the target, axis of the classes)
    "classes": (("--target", "classes", "--shape", "50x3"), (50,), -1),
    "class of a vector": (("--target", "classes", "--shape", "3"), (), -1),
    "classes of columns": (("--target", "classes", "--shape", "3x50", "--context", "layout=columns"), (50,), 0),
    "one-hot": (("--target", "one-hot", "--shape", "50x3"), (50, 3), -1),
    "one-hot columns": (("--target", "one-hot", "--shape", "3x50", "--context", "class_axis=0"), (3, 50), 0),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_target_is_drawn_for_the_first_shape(case, check, checker):
    options, shape, axis = TARGETS[case]
    assert check("loss = grad = lambda z, t: 0.0", *options).code == 0
    target = checker.inputs[1]
    assert target.shape == shape
    if "class" in case:
        assert target.dtype.kind == "i"
        assert set(target.ravel().tolist()) <= {0, 1, 2}
        assert target.size == 1 or len(set(target.tolist())) == 3
    else:
        assert np.array_equal(target.sum(axis=axis), np.ones(50))
        assert set(target.ravel().tolist()) == {0.0, 1.0}


PLACED = {  # name: (parameters of the loss, options, the shapes of the inputs)
    "target in front": ("y, z", ("--target", "y=classes", "--shape", "4x3"), [(4,), (4, 3)]),
    "by its index": ("t, z", ("--target", "0=one-hot", "--shape", "4x3"), [(4, 3), (4, 3)]),
    "in the middle": ("z, y, reg", ("--target", "y=classes", "--shape", "4x3", "--shape", "1"), [(4, 3), (4,), (1,)]),
    "shapes by name": ("W, X", ("--shape", "X=5x7", "--shape", "W=7x3"), [(7, 3), (5, 7)]),
}


@pytest.mark.parametrize("case", PLACED)
def test_inputs_are_placed_by_name(case, check, checker):
    parameters, options, shapes = PLACED[case]
    assert check(f"loss = grad = lambda {parameters}: 0.0", *options).code == 0
    assert [np.shape(array) for array in checker.inputs] == shapes


def test_the_target_behind_a_layer_has_as_many_rows_as_the_data(check, checker):
    source = "import numpy as np\nloss = grad = lambda W, X, y: (X @ W)[np.arange(len(X)), y].sum()"
    assert check(source, "--shape", "7x3", "--shape", "5x7", "--target", "classes").code == 0
    assert [array.shape for array in checker.inputs] == [(7, 3), (5, 7), (5,)]
    assert checker.inputs[2].max() < 3


def test_options_are_passed_to_the_checker(check, checker):
    context = ["reduction=mean", "temperature=.5", "class_weight=[1, 2, 3]", "keep=8e-1", "class_axis=-1", "note=a=b c"]
    arguments = [argument for text in context for argument in ("--context", text)]
    assert (
        check(LOSS, "--seed", 7, "--rtol", "1e-5", "--draws", 9, "--max-calls", 700, "--wrt", "0,1", *arguments).code
        == 0
    )
    options = {name: value for name, value in checker.options.items() if name != "inputs"}
    known = {
        "reduction": "mean",
        "temperature": 0.5,
        "class_weight": [1, 2, 3],
        "keep": 0.8,
        "class_axis": -1,
        "note": "a=b c",
    }
    assert options == {"seed": 7, "rtol": 1e-5, "draws": 9, "max_calls": 700, "wrt": (0, 1), "context": known}


def test_omitted_options_are_not_passed_to_the_checker(check, checker):
    assert check(PAIR, *SHAPE).code == 0
    assert checker.options.keys() == {"seed", "context", "inputs"}
    assert check(LOSS, "--wrt", "1").code == 0
    assert checker.options["wrt"] == 1


# Output


@pytest.mark.parametrize(("name", "code"), {"right": 0, "wrong": 1, "overwritten": 1, "unchecked": 2}.items())
def test_the_report_and_its_exit_code_are_returned(name, code, check, checker):
    checker.report = ALL[name]
    assert check(PAIR, *SHAPE) == (code, ALL[name].text() + "\n", "")


@pytest.mark.parametrize("name", ALL)
def test_json_prints_nothing_but_the_report(name, check, checker):
    checker.report = ALL[name]
    result = check("print('loaded')" + PAIR, *SHAPE, "--json")
    assert json.loads(result.out) == ALL[name].to_dict()
    assert result.err == "loaded\n"


def test_the_reports_are_written_as_a_page(check, checker, tmp_path):
    checker.report = WRONG
    page = tmp_path / "page.html"
    assert check(PAIR, *SHAPE, "--html", str(page)) == (1, WRONG.text() + "\n", "")
    assert "Only the diagonal of softmax&#x27;s Jacobian" in page.read_text()
    result = check(PAIR, *SHAPE, "--html", str(page / "below a file.html"))
    assert (result.code, result.err.count("\n")) == (2, 1)


def test_the_output_of_the_functions_is_not_in_the_json(check, checker):
    checker.report = WRONG
    checker.action = lambda forward, vjp, inputs: forward(*inputs)
    result = check("def forward(z):\n    print('shape', z.shape)\nvjp = lambda z, p, dp: dp", *SHAPE, "--json")
    assert json.loads(result.out) == WRONG.to_dict()
    assert result.err == ""


def test_the_file_can_import_modules_from_its_folder(check, tmp_path):
    (tmp_path / "beside_the_file.py").write_text("def softmax(z):\n    return z\n")
    source = "from beside_the_file import softmax as forward\ndef vjp(z, p, dp):\n    return dp"
    assert check(source, *SHAPE).code == 0
    sys.modules.pop("beside_the_file")


def test_the_file_can_define_dataclasses(check):
    source = "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    a: int\n"
    assert check(source + PAIR, *SHAPE).code == 0
    assert not [name for name in sys.modules if "user_file" in name and "softgrad." not in name]


def test_ctrl_c_stops_the_command_with_one_line(check, checker):
    def interrupted(*ignored):
        raise KeyboardInterrupt

    checker.action = interrupted
    result = check(PAIR, *SHAPE)
    assert (result.code, result.out, result.err) == (130, "", "softgrad: stopped\n")


def test_an_error_of_the_checker_is_not_attributed_to_the_file(check, checker, softgrad):
    def broken(*ignored):
        raise ZeroDivisionError

    checker.action = broken
    with pytest.raises(ZeroDivisionError):
        check(PAIR, *SHAPE)


def test_the_report_says_why_a_function_cannot_be_checked(check, checker):
    checker.report = UNCHECKED
    assert "loss is not repeatable: seed its random numbers" in check(LOSS).out
