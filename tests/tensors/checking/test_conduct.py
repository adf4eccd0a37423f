"""Mistakes that do not show in the numbers of one forward and one backward pass: each is named, with its line."""

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.torch.checking import conduct  # noqa: E402
from tensors.checking.conduct_cases import (  # noqa: E402
    KEPT,
    WRONG,
    InADict,
    InPlaceForward,
    InPlaceInput,
    Linear,
    NothingForTheWeight,
    OnTheClass,
    Square,
    W,
    X,
)

OF_PROBE = {
    "overwritten": ["grad_output *=", "x *= in backward", "x.mul_ in forward", "a saved tensor", "the output"],
    "second_backward": ["consumed state", "changed state", "another mask"],
    "two_forwards": ["on the class", "in a dict of the module"],
    "inputs_alone": ["needs_input_grad of another input", "a gradient that needs another"],
    "outputs_alone": ["an output that is not used"],
    "upstream_layouts": ["memory read at the strides of x", "view of the upstream gradient"],
    "input_layouts": ["view of the input", "memory of the input"],
    "in_a_short_type": ["upstream in float32"],
    "in_float32": ["a constant too small for float32", "a constant of float64"],
}


@pytest.mark.parametrize("case", WRONG)
def test_it_is_named_with_its_line(case):
    fn, inputs, name, comment = WRONG[case]
    report = st.check(fn, *inputs)
    assert report.ok is False, report.text()
    assert report.mistake.name == name, report.text()
    if comment is not None:
        line = report.backward_line
        assert line is not None
        assert line.around[line.number - line.first].endswith(f"# {comment}")


@pytest.mark.parametrize("fn", [Square, Linear])
def test_the_right_ones_pass(fn):
    report = st.check(fn, *(X, W)[: 1 + (fn is Linear)])
    assert report.ok is True, report.text()
    assert report.facts == ()


@pytest.mark.parametrize("probe", conduct.PROBES)
def test_each_probe_is_needed(monkeypatch, probe):
    """Without it, some mistake has no name."""
    monkeypatch.setattr(conduct, "PROBES", {one: said for one, said in conduct.PROBES.items() if one is not probe})
    checked = {
        case: st.check(fn, *inputs) for case, (fn, inputs, _, _) in WRONG.items() if case in OF_PROBE[probe.__name__]
    }
    assert checked
    assert all(one.mistake is None or one.mistake.name != WRONG[case][2] for case, one in checked.items())


def test_what_torch_marks_is_a_fact():
    once = torch.autograd.function.once_differentiable
    fn = type("Once", (Square,), {"backward": staticmethod(once(Square.backward))})
    report = st.check(fn, X)
    assert report.ok is True
    assert report.facts == ("backward can be differentiated once only: it is marked once_differentiable",)


def test_what_torch_cannot_watch_is_a_fact():
    class Attribute(Square):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.x

    report = st.check(Attribute, X)
    assert report.ok is True
    assert report.facts[0].startswith("backward uses an input that is not kept by ctx.save_for_backward")


def test_an_input_without_a_gradient_is_a_fact():
    report = st.check(NothingForTheWeight, X, W)
    assert report.ok is True
    assert report.facts == ("not checked, because no gradient was returned: w",)


def test_in_place_on_purpose():
    """mark_dirty tells torch of it."""

    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    report = st.check(Doubled, X)
    assert report.ok is True, report.text()


def test_a_class_is_left_as_it_was():
    before, kept = X.clone(), dict(KEPT)
    for fn in (OnTheClass, InADict, InPlaceForward, InPlaceInput):
        st.check(fn, X)
    assert torch.equal(X, before)
    assert OnTheClass.last is None
    assert kept == KEPT
