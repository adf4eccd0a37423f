"""Invalid input to `softgrad check`: exit code 2, and an error of one sentence."""

import re

import pytest

from cli.check.sources import LOSS, NAMED, PAIR, SHAPE, SOFTMAX
from softgrad.errors import ShapeError

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
    "more shapes than inputs": (
        "def f(z):\n    return z\ndef f_grad(z, dy):\n    return dy", ("--shape", "4", "--shape", "3"),
        "f_grad cannot be checked: f takes z, and 2 inputs are given; give one for each$"),
    "a shape that does not fit": (
        "def f(z):\n    return z.sum(axis=1)\ndef f_grad(z, dy):\n    return dy", ("--shape", "4"),
        r"f cannot be called with the inputs that are given: AxisError: .*line 2.*; give other ones$"),
    "a shape for a target": (
        "def f(z, y):\n    return z[range(4), y]\ndef f_grad(z, y, dy):\n    return dy",
        ("--shape", "4x3", "--shape", "4"), "give --target classes in place of the shape of y$"),
    "a shape that does not fit a class": (
        "class A:\n    def forward(self, x):\n        return x.sum(axis=1)\n    def backward(self, g):\n        pass",
        ("--shape", "4"), "no inputs were found for A.forward.*; give other inputs$"),
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
    "seed": (LOSS, ("--seed", "-1"), "--seed is "),
    "rtol 0": (LOSS, ("--rtol", "0"), "--rtol is 0.0, wanted a number between 0 and 1"),
    "rtol NaN": (LOSS, ("--rtol", "nan"), "--rtol is 'nan', wanted a number such as 1e-6"),
    "draws 4": (LOSS, ("--draws", "4"), r"--draws is .*\b5\b"),
    "draws 1001": (LOSS, ("--draws", "1001"), r"--draws is .*\b1000\b"),
    "calls 99": (LOSS, ("--max-calls", "99"), r"--max-calls is .*\b100\b"),
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
