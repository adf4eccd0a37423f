"""temperature, label_smoothing and weight mean what they mean in the losses, and all steps agree with mpmath."""

import itertools

import numpy as np
import pytest

import softgrad as sg
from explanation.exact import EXACT, assert_shown_right
from explanation.walk import numbers, sides, step, steps

Z = [[2.0, 1.0, 0.1], [0.3, -1.2, 0.9]]
TARGETS = {"labels": [0, 2], "soft": [[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]]}
WEIGHT = [2.0, 1.0, 0.5]
OPTIONS = {
    "temperature": {"temperature": 2.0},
    "smoothing": {"label_smoothing": 0.1},
    "weight": {"weight": WEIGHT},
    "all": {"temperature": 0.5, "label_smoothing": 0.2, "weight": WEIGHT},
}
mpf = EXACT.context.mpf


def exact(z, target, temperature=1.0, label_smoothing=0.0, weight=None, loss="cross_entropy"):
    """By the definitions: u, p and dL/dp of one row, without a weight that is a factor of the row, in 320 digits."""
    exp = EXACT.context.exp
    y = [mpf(int(i == target)) for i in range(3)] if np.ndim(target) == 0 else [mpf(v) for v in target]
    u = [mpf(v) / mpf(temperature) for v in z]
    e = [exp(v) for v in u]
    p = [v / sum(e) for v in e]
    t = [(1 - mpf(label_smoothing)) * v + mpf(label_smoothing) / 3 for v in y]
    of_classes = weight is not None and loss != "squared_error" and (np.ndim(target) == 1 or label_smoothing)
    t = [mpf(w) * v for w, v in zip(weight, t, strict=True)] if of_classes else t
    dp = (
        [a - b for a, b in zip(p, t, strict=True)]
        if loss == "squared_error"
        else [-b / a for a, b in zip(p, t, strict=True)]
    )
    inner = sum(a * b for a, b in zip(p, dp, strict=True))
    du = [a * (b - inner) for a, b in zip(p, dp, strict=True)]
    return {"u": u, "z": [mpf(v) for v in z], "p": p, "t": t, "∂L/∂p": dp, "∂L/∂u": du, "Jᵀ ∂L/∂p": du,
            "∂L/∂z": [v / mpf(temperature) for v in du]}  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "kl_divergence"])
@pytest.mark.parametrize("options", OPTIONS)
def test_every_vector_is_right(options, loss, target):
    explanation = sg.explain(Z, TARGETS[target], loss=loss, **OPTIONS[options])
    wanted = getattr(sg, f"{loss}_with_grad")(Z, TARGETS[target], **OPTIONS[options])
    np.testing.assert_allclose([explanation.loss, *explanation.grad.ravel()], [wanted.loss, *wanted.grad.ravel()])
    shown = 0
    for r in (0, 1):
        values = exact(Z[r], TARGETS[target][r], loss=loss, **OPTIONS[options])
        for one in explanation.parts[r].steps:
            for formula in one.numbers:
                name, others = sides(formula)
                if name in values:
                    for number, value in zip(numbers(others[-1]), values[name], strict=True):
                        assert_shown_right(number, value, name)
                        shown += 1
    assert shown >= 30
    assert max(one.largest.value for each in steps(explanation) for one in each.compared) < 1e-9


@pytest.mark.parametrize(
    ("options", "titles"),
    [
        ({"temperature": 2.0}, ["Divide by the temperature", "Back through the temperature"]),
        ({"label_smoothing": 0.1}, ["The smoothed target"]),
        ({"label_smoothing": 0.1, "weight": WEIGHT}, ["The smoothed and weighted target", "The weighted mean"]),
        ({"weight": WEIGHT}, ["The weighted mean"]),
    ],
)
def test_each_option_has_its_steps(options, titles):
    plain = [one.title for one in steps(sg.explain(Z, TARGETS["labels"]))]
    explanation = sg.explain(Z, TARGETS["labels"], **options)
    for title in titles:
        assert step(explanation, title) and not any(one.startswith(title) for one in plain)
    assert ", with " in explanation.intro[0]


def test_the_mistakes_of_the_options_are_shown():
    explanation = sg.explain(Z, TARGETS["labels"], temperature=2.0, weight=WEIGHT)
    names = {wrong.name for one in steps(explanation) for wrong in one.wrong}
    assert {"temperature-missing", "temperature-twice", "class-weight-missing", "class-weight-normalisation"} <= names
    assert all("dz" not in wrong.line for wrong in step(explanation, "The product with the J").wrong)  # but du


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "kl_divergence"])
@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("logits", [[1000.0, 0.0], [1e100, 0.0]])
def test_a_probability_far_below_is_0_with_its_logarithm(logits, target, loss):
    explanation = sg.explain(logits, target, loss=loss)
    text = str(explanation)
    assert f"log p_1 = s_1 - log Σ_j e_j = {-logits[0]:g} - log 1 = {-logits[0]:g}" in text
    assert not {"nan", "inf", "e+130", "e-130"} & {*text.replace(",", " ").replace("(", " ").replace(")", " ").split()}
    wanted = getattr(sg, f"{loss}_with_grad")(logits, target)
    assert explanation.loss == wanted.loss
    assert np.array_equal(explanation.grad, wanted.grad)
    assert f"∂L/∂z = ({', '.join(f'{v:g}' for v in wanted.grad)})".replace("-0", "0") in text
    for form in (explanation.to_html(), explanation.to_markdown(), explanation.to_latex()):
        assert "nan" not in form.replace("nano", "")


def test_no_equation_says_a_number_twice():
    for logits, target in (([2, 1, 0.1], 0), ([0.5], 0), ([1.0, 1.0], 1), (Z, TARGETS["labels"])):
        text = str(sg.explain(logits, target))
        assert "0.000000" not in text
        for line in text.splitlines():
            parts = [part.strip() for part in line.split(" = ")]
            is_formula = not parts[0].startswith(("dz", "dp", "dW", "db", "dx"))  # but no line of code
            assert not is_formula or all(a != b for a, b in itertools.pairwise(parts)), line
