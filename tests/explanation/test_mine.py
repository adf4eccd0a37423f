"""`mine`: a right gradient is called right, and a known mistake by its name, up to the digits that the reader gives."""

import numpy as np
import pytest

import softgrad as sg
from explanation.walk import steps
from softgrad.check.catalogue import WRONG_LINES
from softgrad.explanation.arguments import read
from softgrad.explanation.mine import judge
from softgrad.formulas.language import Layout, functions, run
from softgrad.formulas.losses import FUSED

Z = np.array([[2.0, 1.0, 0.1, -0.7], [0.3, -1.2, 0.9, 1.7], [0.4, 0.8, -0.5, 0.2]])
LABELS = np.array([0, 3, 1])
SOFT = np.array([[0.55, 0.2, 0.15, 0.1], [0.05, 0.15, 0.25, 0.55], [0.3, 0.4, 0.1, 0.2]])
OPTIONS = {
    "plain": {},
    "temperature": {"temperature": 2.5},
    "smoothing": {"label_smoothing": 0.1},
    "weight": {"weight": [1.0, 2.0, 0.5, 3.0]},
    "all": {"temperature": 0.5, "label_smoothing": 0.2, "weight": [1.0, 2.0, 0.5, 3.0]},
}
TARGETS = {"labels": LABELS, "soft": SOFT}


def names(verdict):
    return [mistake.name for mistake in verdict.mistakes]


def verdict_on(mine, logits, target, *, loss="cross_entropy", layout="rows", **options):
    """What `explain` says of the gradient, without the derivation."""
    problem = read(logits, target, loss, layout, **options)
    axis = 0 if layout == "columns" else -1
    right = getattr(sg, f"{loss}_with_grad")(logits, target, axis=axis, **options).grad
    return judge(problem, right, np.asarray(mine))


def gives(line, target):
    """What a wrong line gives in the place of p - t, for a batch."""
    t = np.eye(4)[LABELS] if target is LABELS else SOFT
    known = {
        **functions(Layout(-1, 2)),
        "z": Z,
        "p": sg.softmax(Z),
        "logp": sg.log_softmax(Z),
        "t": t,
        "K": 4.0,
        "m": 3.0,
    }
    known["y"] = LABELS
    return run([f"dz = {line}"], known)["dz"] / 3


@pytest.mark.parametrize("target", TARGETS)
def test_every_mistake_of_the_catalogue_is_named(target):
    """Every wrong line that stands in the place of p - t, divided by the number of rows as the right line is."""
    missed, tried = [], 0
    right = sg.cross_entropy_with_grad(Z, TARGETS[target]).grad
    for known in WRONG_LINES:
        if known.right != FUSED:
            continue
        mine = gives(known.wrong, TARGETS[target])
        if mine.shape != Z.shape or not np.isfinite(mine).all() or np.allclose(mine, right, rtol=1e-6):
            continue
        verdict = verdict_on(mine, Z, TARGETS[target])
        tried += 1
        if verdict.ok or not {known.name, known.second} & {*names(verdict)}:
            missed.append((known.wrong, known.name, names(verdict)))
    assert tried > 25
    assert missed == []


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "kl_divergence"])
@pytest.mark.parametrize("options", OPTIONS)
def test_the_right_gradient_is_right(options, loss, target):
    given, t = {"loss": loss, **OPTIONS[options]}, TARGETS[target]
    right = getattr(sg, f"{loss}_with_grad")(Z, t, **OPTIONS[options]).grad
    assert verdict_on(right, Z, t, **given).verdict == "Your gradient is right"
    assert verdict_on(right.astype(np.float32), Z, t, **given).ok
    rounded = verdict_on(right.round(3), Z, t, **given)
    assert (rounded.ok, rounded.verdict) == (True, "Your gradient is right to the digits given")
    assert verdict_on(right.T, Z.T, t.T, layout="columns", **given).ok
    assert not verdict_on(0 * right, Z, t, **given).ok


def test_a_gradient_that_is_nearly_right_is_wrong():
    right = sg.cross_entropy_with_grad(Z, LABELS).grad
    for wrong in (0.9 * right, (1 + 1e-4) * right, right + 1e-5 * np.eye(3, 4)):
        assert not verdict_on(wrong, Z, LABELS).ok


MISTAKES = {  # the name, the options, and the wrong gradient, from the right one and the gradient of each row
    "sign": ({}, lambda right: -right),
    "mean-missing": ({}, lambda right: 3 * right),
    "divided-by-size": ({}, lambda right: right / 4),
    "factor-2": ({}, lambda right: 2 * right),
    "zero-gradient": ({}, lambda right: 0 * right),
    "temperature-missing": (OPTIONS["temperature"], lambda right: 2.5 * right),
    "temperature-twice": (OPTIONS["temperature"], lambda right: right / 2.5),
    "smoothing-ignored": (OPTIONS["smoothing"], lambda right: sg.cross_entropy_with_grad(Z, LABELS).grad),
    "class-weight-missing": (
        OPTIONS["weight"],
        lambda right: sg.cross_entropy_with_grad(Z, LABELS, denominator=6.0).grad,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_with_an_option_is_named(name):
    options, wrong = MISTAKES[name]
    right = sg.cross_entropy_with_grad(Z, LABELS, **options).grad
    verdict = verdict_on(wrong(right), Z, LABELS, **options)
    assert not verdict.ok and name in names(verdict)
    assert verdict.verdict.startswith("Your gradient is wrong")


def test_two_mistakes_at_once_are_told_together():
    right = sg.cross_entropy_with_grad(Z, LABELS).grad
    verdict = verdict_on(-3 * right, Z, LABELS)
    assert verdict.verdict == (
        "Your gradient is wrong: the sign is wrong, and the division by the number of samples is missing"
    )


@pytest.mark.parametrize("seed", range(10))
def test_random_numbers_have_no_name(seed):
    rng = np.random.default_rng(seed)
    logits, mine = rng.normal(size=3).round(1), rng.normal(size=3).round(3)
    assert verdict_on(mine, logits, 0).mistakes == ()


def test_one_subtracted_everywhere_is_named():
    assert names(verdict_on(sg.softmax(Z[0]) - 1, Z[0], 0)) == ["one-subtracted-everywhere"]


def test_rounded_numbers_are_named_too():
    verdict = sg.explain([2.0, 1.0, 0.1], 0, mine=[0.341, -0.242, -0.099]).mine
    assert names(verdict)[0] == "sign"
    assert verdict.reasons[1:] == ("`dz = t - p` gives your numbers.", "Write `dz = p - t  # t = np.eye(K)[y], y = 0`.")


def test_a_mistake_that_is_not_known_is_told_by_its_largest_entry():
    verdict = sg.explain([2.0, 1.0, 0.1], 0, mine=[-0.340999, 0.7, 0.3]).mine
    assert (verdict.ok, verdict.mistakes) == (False, ())
    assert verdict.reasons[0] == "Its entry [1] is 0.7, and 0.242433 is right."


def test_a_gradient_that_is_not_finite_is_told():
    verdict = sg.explain([[1000.0, 0.0]], [1], mine=[[1.0, np.nan]]).mine
    assert verdict.reasons == ("Its entry [0, 1] is nan. The right one is finite.",)


@pytest.mark.parametrize(
    ("mine", "opened"),
    [
        ([-0.340999, 0.242433, 0.0985659], []),
        ([0.340999, -0.242433, -0.0985659], ["sign"]),
        ([0.659001, 0.242433, 0.0985659], ["one-hot-not-subtracted"]),
        ([-1.0, 0.0, 0.0], ["inner-product-missing"]),
        ([0.1, 0.2, 0.3], []),
    ],
)
def test_the_mistake_that_gives_the_readers_numbers_is_opened(mine, opened):
    explanation = sg.explain([2.0, 1.0, 0.1], 0, mine=mine)
    assert [wrong.name for step in steps(explanation) for wrong in step.wrong if wrong.is_readers] == opened
    assert explanation.to_html().count(" open>") == explanation.to_markdown().count("<details open>") == len(opened)
    for form in (
        explanation.to_text(width=1000),
        explanation.to_html(),
        explanation.to_latex(),
        explanation.to_markdown(),
    ):
        assert explanation.mine.verdict.partition(":")[0] in form


@pytest.mark.parametrize("options", ["weight", "all"])
def test_the_mistake_is_opened_in_a_batch_with_options(options):
    right = sg.cross_entropy_with_grad(Z, LABELS, **OPTIONS[options]).grad
    explanation = sg.explain(Z, LABELS, mine=-right, **OPTIONS[options])
    assert {wrong.name for step in steps(explanation) for wrong in step.wrong if wrong.is_readers} == {"sign"}
