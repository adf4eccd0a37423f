"""Mistakes of conduct in operators, in pairs of functions and in modules."""

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402

X = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
LAST = {}


def sine(x: torch.Tensor) -> torch.Tensor:
    return x.sin()


def both(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x.sin(), x.cos()


def save(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def keep(ctx, inputs, output):
    LAST["x"] = inputs[0]  # state


def in_place(ctx, g):
    (x,) = ctx.saved_tensors
    g.mul_(x.cos())  # writes
    return g.clone()


def of_the_last(ctx, g):
    return g * LAST["x"].cos()


def viewed(ctx, g):
    (x,) = ctx.saved_tensors
    flat = g.view(-1)  # view
    return (flat * x.cos().reshape(-1)).reshape(x.shape)


def short(ctx, g):
    (x,) = ctx.saved_tensors
    return g * x.float().cos()  # short


def summed(ctx, g):
    (x,) = ctx.saved_tensors
    return (g * x.cos()).sum(0)  # returns


def wrong_sign(ctx, g, h):
    (x,) = ctx.saved_tensors
    return g * x.cos() + h * x.sin()  # sign


OPERATORS = {
    "in place": (sine, save, in_place, "grad-output-overwritten", "writes"),
    "a global": (sine, keep, of_the_last, "state-outside-ctx", "state"),
    "a view": (sine, save, viewed, "upstream-layout", "view"),
    "float32": (sine, save, short, "float32-result", "short"),
    "another shape": (sine, save, summed, "wrong-shape", "returns"),
    "two outputs": (both, save, wrong_sign, "wrong-sign", "sign"),
}


def comment_of(line):
    return line.around[line.number - line.first].partition("# ")[2]


@pytest.mark.parametrize("case", OPERATORS)
def test_operators(case):
    forward, setup, backward, name, comment = OPERATORS[case]
    operator = torch.library.custom_op(f"softgrad_conduct::{backward.__name__}", forward, mutates_args=())
    operator.register_autograd(backward, setup_context=setup)
    report = st.check(operator, X)
    assert report.ok is False
    assert report.mistake.name == name, report.text()
    assert comment_of(report.backward_line) == comment


def overwrites(x, y, g):
    x.cos_()  # writes
    return g * x


def multiplies(x, y, g):
    g *= x.cos()  # writes
    return g


def views(x, y, g):
    return (g.view(-1) * x.cos().reshape(-1)).view(x.shape)  # view


def rounds(x, y, g):
    return g * x.cos().float()  # short


COUNT = [0]


def counts(x, y, g):
    COUNT[0] += 1
    return g * x.cos() * COUNT[0]


PAIRS = {
    "an input": (overwrites, "input-overwritten", "writes"),
    "the upstream gradient": (multiplies, "grad-output-overwritten", "writes"),
    "a view": (views, "upstream-layout", "view"),
    "float32": (rounds, "float32-result", "short"),
    "a counter": (counts, "accumulated-gradient", None),
}


@pytest.mark.parametrize("case", PAIRS)
def test_pairs(case):
    backward, name, comment = PAIRS[case]
    report = st.check((sine, backward), X)
    assert report.ok is False
    assert report.mistake.name == name, report.text()
    if comment is not None:
        assert comment_of(report.backward_line) == comment


def test_a_parameter_that_is_cut_off():
    class Cut(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(3, 2))

        def forward(self, x):
            return x @ self.w.detach()

    report = st.check(Cut(), X)
    assert report.ok is False
    assert report.mistake.name == "no-graph"
    assert report.mistake.evidence == "the output depends on w, and no gradient flows to it"


def test_a_parameter_that_is_not_used():
    class Unused(torch.nn.Linear):
        def __init__(self):
            super().__init__(3, 2)
            self.more = torch.nn.Parameter(torch.ones(3))

    report = st.check(Unused(), X)
    assert report.ok is True
    assert report.facts == ("not checked, because no gradient was returned: more",)
