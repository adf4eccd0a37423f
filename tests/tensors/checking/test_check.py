"""softgrad.torch.check: what it takes, and what it says of a backward pass that is right or wrong."""

import gc
import subprocess
import sys

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.errors import CheckError, OptionError  # noqa: E402

F = torch.nn.functional
Z = torch.tensor([[2.0, 1.0, 0.1], [0.0, 3.0, 1.0], [0.5, -1.0, 0.2]], dtype=torch.float64)
X = torch.tensor([[0.3, -1.2, 0.7, 2.0], [1.5, 0.4, -0.6, 0.1], [-0.9, 0.8, 1.1, -0.2]], dtype=torch.float64)
W = torch.tensor([[0.2, -0.5], [1.1, 0.3], [-0.7, 0.9], [0.4, 0.6]], dtype=torch.float64)
LABELS = torch.tensor([0, 2, 1])


class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        p = torch.softmax(z, dim=-1)
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx, grad_output):
        (p,) = ctx.saved_tensors
        return p * (grad_output - (p * grad_output).sum(dim=-1, keepdim=True))


class DiagonalAlone(Softmax):
    @staticmethod
    def backward(ctx, grad_output):
        (p,) = ctx.saved_tensors
        return p * (1 - p) * grad_output


class Linear(torch.autograd.Function):
    """With setup_context, an argument that is no tensor, and one that has no gradient."""

    @staticmethod
    def forward(x, w, scale, name):
        return x @ w * scale

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, w, ctx.scale, _ = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return grad @ w.t() * ctx.scale, x.t() @ grad * ctx.scale, None, None


class WrongWeight(Linear):
    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return grad @ w.t() * ctx.scale, x.t() @ grad, None, None


@torch.library.custom_op("softgrad_tests::cube", mutates_args=())
def cube(x: torch.Tensor, factor: float) -> torch.Tensor:
    return factor * x**3


@torch.library.custom_op("softgrad_tests::wrong_cube", mutates_args=())
def wrong_cube(x: torch.Tensor, factor: float) -> torch.Tensor:
    return factor * x**3


def _keep(ctx, inputs, output):
    ctx.x, ctx.factor = inputs


cube.register_autograd(lambda ctx, g: (3 * ctx.factor * g * ctx.x**2, None), setup_context=_keep)
wrong_cube.register_autograd(lambda ctx, g: (2 * ctx.factor * g * ctx.x**2, None), setup_context=_keep)


def softmax(z):
    return torch.softmax(z, dim=-1)


def softmax_backward(z, p, dp):
    return p * (dp - (p * dp).sum(dim=-1, keepdim=True))


RIGHT = {
    "a Function": (Softmax, Z),
    "its apply": (Softmax.apply, Z),
    "setup_context": (Linear, X, W, 2.0, "name"),
    "an operator": (cube, Z, 2.0),
    "an entry of torch.ops": (torch.ops.softgrad_tests.cube, Z, 2.0),
    "an overload": (torch.ops.softgrad_tests.cube.default, Z, 2.0),
    "a pair": ((softmax, softmax_backward), Z),
    "a pair called by names": ((softmax, lambda dout, out: softmax_backward(None, out, dout)), Z),
    "a pair with a cache": (
        (lambda z: (softmax(z), softmax(z)), lambda dout, cache: softmax_backward(None, cache, dout)),
        Z,
    ),
    "a module": (torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.LayerNorm(3)), X),
    "a function": (lambda z: torch.softmax(z, -1).log(), Z),
    "float32": (Softmax, Z.float()),
    "bfloat16": (Softmax, Z.bfloat16()),
    "a list of tensors": (lambda many: torch.cat(many) ** 2, [Z, 2 * Z]),
    "a dict of tensors": (lambda p: X @ p["w"] + p["b"], {"w": W, "b": torch.ones(2)}),
    "several outputs": (lambda z: (z.exp(), z.sum(dim=0)), Z),
    "labels": (F.cross_entropy, Z, LABELS),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_passes(case):
    fn, *inputs = RIGHT[case]
    report = st.check(fn, *inputs)
    assert report.ok is True, report.text()
    assert report.mistakes == ()


WRONG = {
    "a Function": (DiagonalAlone, (Z,), "diagonal-only", "z"),
    "setup_context": (WrongWeight, (X, W, 2.0, "name"), None, "w"),
    "an operator": (wrong_cube, (Z, 2.0), None, "x"),
    "a pair": ((softmax, lambda z, p, dp: p * (1 - p) * dp), (Z,), "diagonal-only", "z"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case):
    fn, inputs, name, where = WRONG[case]
    report = st.check(fn, *inputs)
    assert report.ok is False
    assert report.where.name == where
    assert name is None or report.mistake.name == name


@pytest.mark.parametrize("penalty", [lambda x: (x**2).sum(), lambda x: x.abs().sum(), lambda x: 0.5 * x.square().sum()])
def test_a_loss_that_ignores_what_arrives(penalty):
    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return penalty(x)

        @staticmethod
        def backward(ctx, g):
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with torch.enable_grad():
                return torch.autograd.grad(penalty(x), x)[0]

    report = st.check(Loss, Z)
    assert report.ok is False
    assert report.mistake.name == "upstream-ignored", report.text()


def test_the_parameters_of_a_module_are_named_as_the_module_names_them():
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())
    assert list(st.check(module, X).checked) == ["input", "0.weight", "0.bias"]


def test_inputs_are_named_after_the_parameters_of_forward_without_ctx():
    assert list(st.check(Linear, X, W, 2.0, "name").checked) == ["x", "w"]
    assert list(st.check(Linear, X, W, 2.0, "name", names=["in", "weight", "c", "d"]).checked) == ["in", "weight"]


def test_modules_in_training_mode():
    """The masks of dropout are the same in every call, and running statistics stay as they were."""
    module = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 2))
    before = {name: one.clone() for name, one in module.state_dict().items()}
    state = torch.get_rng_state()
    report = st.check(module, X)
    assert report.ok is True, report.text()
    assert "forward draws random numbers" in " ".join(report.facts)
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(one.grad is None for one in module.parameters())


def test_a_report_does_not_keep_the_graph_of_a_call():
    class Held(Softmax):
        pass

    report = st.check(Held, Z)
    gc.collect()
    assert report.ok is True
    assert [one for one in gc.get_objects() if type(one).__name__ == "HeldBackward"] == []


def test_a_report_is_the_same_twice():
    assert st.check(DiagonalAlone, Z) == st.check(DiagonalAlone, Z)


def test_inputs_of_the_user_may_be_drawn():
    drawn = []

    def inputs(rng):
        drawn.append(torch.from_numpy(rng.normal(size=(2, 3))))
        return drawn[-1]

    assert st.check(Softmax, Z, inputs=inputs, draws=6).ok is True
    assert len(drawn) >= 6


REFUSED = {
    "no function": (
        lambda: st.check(3, Z),
        CheckError,
        r"fn is 3 of type int, wanted a torch.autograd.Function, an op",
    ),
    "three functions": (lambda: st.check((softmax,) * 3, Z), CheckError, r"fn is a tuple of 3, wanted"),
    "no backward": (
        lambda: st.check(type("Half", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x)}), Z),
        CheckError,
        r"Half has no backward, wanted a static backward\(ctx, \*grad_outputs\)",
    ),
    "a class": (lambda: st.check(torch.nn.Linear, X), CheckError, r"fn is the class Linear, wanted an object of it"),
    "an array": (lambda: st.check(Softmax, Z.numpy()), CheckError, r"z is an array of float64, wanted a tensor"),
    "integers alone": (
        lambda: st.check(Softmax, LABELS),
        CheckError,
        r"is a tensor of torch.int64; wanted at least one tensor of real numbers, such as torch.randn\(4, 3\)",
    ),
    "no inputs": (lambda: st.check(Softmax), CheckError, r"check: there are no inputs; wanted at least one tensor"),
    "an object of the class": (
        lambda: st.check(Softmax.__new__(Softmax), Z),
        CheckError,
        r"wanted the class; write Softmax, not",
    ),
    "drawn arrays": (
        lambda: st.check(Softmax, Z, inputs=lambda rng: rng.normal(size=(2, 2))),
        CheckError,
        r"check: inputs returned \(an array of float64\), wanted \(a tensor of torch.float64\)",
    ),
    "names": (
        lambda: st.check(Softmax, Z, names=["a", "b"]),
        OptionError,
        r"names has 2, wanted 1, one for each input",
    ),
    "complex": (lambda: st.check(Softmax, Z + 0j), CheckError, r"z is a tensor of torch.complex128, wanted a"),
    "sparse": (lambda: st.check(Softmax, Z.to_sparse()), CheckError, r"z is a tensor of torch.sparse_coo, wanted"),
    "nothing returned": (
        lambda: st.check(lambda z: None, Z),
        CheckError,
        r"forward returned None, .*is there a return\?",
    ),
    "no return in backward": (
        lambda: st.check(type("Half", (Softmax,), {"backward": staticmethod(lambda ctx, g: None)}), Z),
        CheckError,
        r"backward returned None, wanted the gradient; is there a return\?",
    ),
    "integers returned": (
        lambda: st.check(lambda z: z.argmax(), Z),
        CheckError,
        r"forward returned a tensor of torch.int64, wanted a tensor of real numbers",
    ),
    "raises": (
        lambda: st.check(lambda z: z @ z.flatten(), Z),
        CheckError,
        r"softgrad.torch.check: forward raised RuntimeError: size mismatch.*test_check.py, line \d+, in a lambda",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_checked_is_said_in_one_sentence(case):
    call, error, said = REFUSED[case]
    with pytest.raises(error, match=said) as raised:
        call()
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("softgrad.torch.check: ")


def test_the_checker_is_imported_when_it_is_used():
    code = """
import sys
import softgrad.torch as st
assert "softgrad.check.pipeline" not in sys.modules
assert "check" in dir(st)
assert st.check.__name__ == "check"
assert "softgrad.check.pipeline" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match=r"no attribute 'checks'; did you mean check\?"):
        st.checks  # noqa: B018
