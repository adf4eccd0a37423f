"""`softgrad check`: the arguments that it passes to the checker, its output, and its errors for invalid input."""

import json
import re
import sys

import numpy as np
import pytest

import softgrad as sg
from check.report_examples import ALL, RIGHT, UNCHECKED, WRONG
from softgrad.errors import ShapeError

SOFTMAX = """
import numpy as np

def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

def softmax_backward(z, p, dp):
    return p * (1 - p) * dp

def course_backward(dp, p):
    return p * (1 - p) * dp
"""
PAIR = """
def forward(z):
    return z

def vjp(z, p, dp):
    return dp
"""
LOSS = """
def loss(z, t):
    return ((z - t) ** 2).sum()

def grad(z, t):
    return 2 * (z - t)

def inputs(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
"""
NAMED = ("--forward", "softmax", "--vjp", "softmax_backward")
SHAPE = ("--shape", "4x3")


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


# Invalid input: exit code 2, and an error of one sentence

INVALID = {  # name: (FILE, arguments, message)
    "syntax error": ("def forward(z:\n", SHAPE, r"check: f\.py, line 1: this is not valid Python: '\(' was never"),
    "null byte": ("\0", SHAPE, r"check: f\.py: this is not valid Python: .*null bytes"),
    "error at import": ("\n1 / 0", SHAPE, r"check: f\.py, line 2: ZeroDivisionError: division by zero$"),
    "error of two lines": ("raise ValueError('one\\ntwo')", SHAPE, r"f\.py, line 1: ValueError: one two$"),
    "error without a message": ("assert False", SHAPE, r"check: f\.py, line 1: AssertionError$"),
    "missing module": ("import torhc", SHAPE, r"line 1: ModuleNotFoundError: No module named 'torhc'$"),
    "missing data file": ("open('x.csv')", SHAPE, r"line 1: FileNotFoundError: .*'x\.csv'$"),
    "exit at import": ("import sys\nsys.exit(3)", SHAPE, r"check: f\.py, line 2: SystemExit: 3$"),
    "empty file": ("", SHAPE, r"f\.py is empty$"),
    "no functions": ("x = 3", SHAPE, r"f\.py has no functions$"),
    "one array for several gradients": (
        "def loss(a, b):\n    return (a * b).sum()\ndef grad(a, b):\n    return 2 * b", ("--wrt", "0,1"),
        "grad returns one array, wanted 2 gradients, for a and b"),
    "a shape at which forward raises": (
        "def forward(x):\n    return x.sum(axis=1)\ndef vjp(dout, out):\n    return out", ("--shape", "4"),
        r"forward raised AxisError: axis 1 is out of bounds .* with inputs of shape 4; give other shapes"),
    "no gradient": ("def softmax(z):\n    return z\nclass A:\n    pass", SHAPE,
                    "neither .* it has softmax, A; name two, as"),
    "imported names": ("from math import exp\nforwrd = lambda z: z", SHAPE, "; did you mean 'forwrd'. it has forwrd; "),
    "half a pair": (PAIR.replace("def vjp", "def vpj"), SHAPE, "no function 'vjp'; did you mean 'vpj'.* with --vjp$"),
    "misspelt option": (SOFTMAX, (*NAMED[:3], "softmax_bakward", *SHAPE), "f.py has no function 'softmax_bakward'; did "
                        r"you mean 'softmax_backward'\? it has softmax, softmax_backward, course_backward; choose one "
                        "with --vjp$"),
    "not a function": (PAIR + "forward = 1", SHAPE, "f.py has no function 'forward'.* with --forward$"),
    "both pairs": (PAIR + LOSS, SHAPE, "two pairs of functions; give --forward and --vjp, or --loss and --grad$"),
    "options of both pairs": (PAIR + LOSS, ("--vjp", "vjp", "--loss", "loss"), "two pairs of functions"),
    "no inputs": ("forward = lambda z: z['a']\nvjp = lambda z, p, dp: dp", (),
                  "vjp cannot be checked: no inputs were "
                  r"found for forward\(z\): .*; give --shape once for each input, such as --shape 4x3, or define in"),
    "no inputs for a pair that is named": ("f = lambda z: z['a']\ng = lambda z, p, dp: dp",
                                           ("--forward", "f", "--vjp", "g"),
                                           r"check: no inputs were found for f\(z\).*; give --shape once for each"),
    "target without a shape": (LOSS, ("--target", "classes"), "--target is an option of --shape; where"),
    "unknown target": (LOSS, (*SHAPE, "--target", "labels"), "--target is 'labels', wanted classes or one-hot"),
    "target of another name": (LOSS, (*SHAPE, "--target", "q=classes"), "no input is called 'q'; they are z, t$"),
    "target of a misspelt name": ("loss = grad = lambda logits, labels: 0.0", (*SHAPE, "--target", "lable=classes"),
                                  "no input is called 'lable'; did you mean labels[?] they are logits, labels$"),
    "shape of another name": (LOSS, ("--shape", "w=4x3"), "no input is called 'w'; they are z, t$"),
    "target behind the inputs": (LOSS, (*SHAPE, "--target", "2=classes"), "the input 2 is not among the 2 inputs"),
    "two shapes for one input": (LOSS, ("--shape", "z=4", "--shape", "z=3"), "the input 'z' is taken by another"),
    "class axis": (LOSS, (*SHAPE, "--target", "classes", "--context", "class_axis=2"), "class_axis is 2, but --shape "
                   "4x3 has the axes 0..1; choose one of these$"),
    "class axis is a word": (LOSS, (*SHAPE, "--target", "classes", "--context", "class_axis=last"),
                             "class_axis is 'last'"),
    "wrt of a vjp": (PAIR, (*SHAPE, "--wrt", "0"), "--wrt is an option of --loss and --grad"),
    "wrt": (LOSS, ("--wrt", "z"), "--wrt is 'z', wanted the index of an input, such as 0, or several, such as 0,2$"),
    "context": (LOSS, ("--context", "mean"), "--context is 'mean', wanted KEY=VALUE, such as reduction=mean$"),
    "context without a key": (LOSS, ("--context", "=mean"), "--context is '=mean', wanted KEY=VALUE"),
    "seed": (LOSS, ("--seed", "-1"), "'--seed'"),
    "rtol 0": (LOSS, ("--rtol", "0"), "--rtol is 0.0, wanted a number between 0 and 1"),
    "rtol NaN": (LOSS, ("--rtol", "nan"), "'--rtol': it is 'nan', wanted a number such as 1e-6"),
    "draws 4": (LOSS, ("--draws", "4"), r"'--draws'.*\b5\b"),
    "draws 1001": (LOSS, ("--draws", "1001"), r"'--draws'.*\b1000\b"),
    "calls 99": (LOSS, ("--max-calls", "99"), r"'--max-calls'.*\b100\b"),
    "inputs without rng": (PAIR + "def inputs():\n    return 1,", (), r"inputs must take one argument, inputs\(rng\), "
                           "where rng is a NumPy random generator$"),
    "inputs returns an array": (PAIR + "def inputs(rng):\n    return rng.normal(size=3)", (), r"inputs\(rng\) returned "
                                "ndarray, wanted a tuple of inputs; for a single input write: return z,$"),
    "inputs returns nothing": (PAIR + "def inputs(rng):\n    pass", (), r"inputs\(rng\) returned NoneType, wanted a "
                               "tuple"),
    "inputs raises": (PAIR + "def inputs(rng):\n    return rng.norml(3),", (), r"line \d+: AttributeError: .*norml"),
    "forward of two": ("forward = lambda z, w: z\nvjp = lambda *a: 0", SHAPE, r"forward\(z, w\) cannot be called with "
                       r"1 input; give --shape once for each of its inputs, or return all of them as a tuple from in"),
    "grad of one": (LOSS + "grad = lambda z: z", (), r"grad\(z\) cannot be called with 2 inputs; "),
}  # fmt: skip

INVALID_SHAPES = ["", "x", "4by3", "4x", "0x3", "-1", "4,3", "4.5", "4x3x"]

ADAPTED = {  # the parameters of the user's backward: the arguments that the adapter passes to it
    "dp, p": "grad_output, output",
    "p, dp": "output, grad_output",
    "z, dp": "z, grad_output",
    "dout, cache": "...",
    "grad_output": "grad_output",
    "upstream, out": "grad_output, output",
    "a, b": "...",
    "z, p, dp, eps": "...",
}


@pytest.fixture
def assert_rejected(check, tmp_path):
    """A function that runs the check, and asserts exit code 2, one line that matches, and no new file."""

    def run(source, arguments, message):
        result = check(source, *arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("softgrad: ")
        assert result.err.count("\n") == 1
        assert re.search(message, result.err), result.err
        assert [path.name for path in tmp_path.iterdir()] == ["f.py"]

    return run


@pytest.mark.parametrize("case", INVALID)
def test_invalid_input_is_rejected(case, assert_rejected):
    assert_rejected(*INVALID[case])


@pytest.mark.parametrize("shape", INVALID_SHAPES)
def test_an_invalid_shape_is_rejected(shape, assert_rejected):
    message = f"--shape is '{re.escape(shape)}', wanted positive integers joined by x, such as 4x3 or 5$"
    assert_rejected(PAIR, (f"--shape={shape}",), message)


@pytest.mark.parametrize("shape", ["9" * 30, "9" * 5000, "100000x1000", "100000x100000", "x".join("1" * 65)])
def test_a_large_shape_is_rejected(shape, assert_rejected):
    assert_rejected(PAIR, ("--shape", shape), "--shape is '.*wanted at most 1,048,576 numbers and 64 axes")


@pytest.mark.parametrize("parameters", ADAPTED)
def test_the_error_for_a_vjp_with_other_parameters_contains_an_adapter(parameters, assert_rejected, check, checker):
    source = f"forward = lambda z: z\ndef vjp({parameters}):\n    return 0"
    adapter = f"checked_vjp = lambda z, output, grad_output: vjp({ADAPTED[parameters]})"
    message = rf"vjp\({parameters}\) cannot be called as vjp\(z, output, grad_output\); add the line  "
    assert_rejected(source, SHAPE, f"{message}{re.escape(adapter)}  to the file, and give --vjp checked_vjp$")
    if ADAPTED[parameters] != "...":
        assert check(f"{source}\n{adapter}", *SHAPE, "--vjp", "checked_vjp").code == 0


def test_the_adapter_numbers_the_inputs_if_forward_does_not_name_them(assert_rejected):
    source = "import numpy as np\nforward = lambda *inputs: 0\nvjp = lambda dp, p: dp"
    assert_rejected(source, (*SHAPE, *SHAPE), r"lambda input0, input1, output, grad_output: vjp\(grad_output, output\)")


@pytest.mark.parametrize("name", ["none.py", ".", "x" * 300])
def test_a_file_that_cannot_be_read_is_rejected(name, softgrad):
    result = softgrad("check", name, *SHAPE)
    assert (result.code, result.out) == (2, "")
    message = rf"softgrad: check: {name} cannot be read: [A-Z][a-z ]+; give the path of a Python file or a notebook\n"
    assert re.fullmatch(message, result.err), result.err


def test_an_error_of_the_users_function_is_reported_with_its_line(assert_rejected, checker):
    checker.action = lambda forward, vjp, inputs: forward(*inputs)
    assert_rejected(
        "def forward(z):\n    return z @ z\nvjp = lambda z, p, dp: dp", SHAPE, r"check: f\.py, line 2: ValueError: m"
    )


def test_an_error_that_the_checker_raises_is_reported(assert_rejected, checker):
    def reject(*ignored):
        raise ShapeError("check_vjp: vjp returned shape (3,), wanted (4, 3)")

    checker.action = reject
    assert_rejected(PAIR, SHAPE, r"softgrad: check_vjp: vjp returned shape \(3,\), wanted \(4, 3\)$")


def test_the_report_says_why_a_function_cannot_be_checked(check, checker):
    checker.report = UNCHECKED
    assert "loss is not repeatable: seed its random numbers" in check(LOSS).out
