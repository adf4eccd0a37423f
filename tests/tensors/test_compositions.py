"""Every composition of two of torch's transforms gives what torch's own composite gives, in float64.

Where torch's composite raises, or returns a tensor without numbers, nothing is compared: ours may raise too.
"""

import itertools

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from tensors.transforms import TRANSFORMS, fixed  # noqa: E402

F = torch.nn.functional
Z, W = fixed((3, 4), 7), fixed((5, 4))
CLASSES = torch.tensor([1, 0, 2])


def composite(z, tokens):
    """The log-probabilities of tokens and the entropies, as programs write them."""
    log_p = torch.log_softmax(z, -1)
    return log_p.gather(-1, tokens.unsqueeze(-1)).squeeze(-1), -(log_p.exp() * log_p).sum(-1)


def both(f, z):
    log_probs, entropy = f(z, CLASSES)
    return log_probs - 0.3 * entropy


PAIRS = {  # name: (ours, torch's)
    "mean": (lambda z: st.cross_entropy(z, CLASSES), lambda z: F.cross_entropy(z, CLASSES)),
    "smoothed rows": (
        lambda z: st.cross_entropy(z, CLASSES, reduction="none", label_smoothing=0.1),
        lambda z: F.cross_entropy(z, CLASSES, reduction="none", label_smoothing=0.1),
    ),
    "at the target": (
        lambda t: st.cross_entropy(Z, t, reduction="none"),
        lambda t: F.cross_entropy(Z, t, reduction="none"),
    ),
    "focal loss": (
        lambda z: st.focal_loss(z, CLASSES),
        lambda z: ((1 - torch.exp(-(v := F.cross_entropy(z, CLASSES, reduction="none")))) ** 2 * v).mean(),
    ),
    "squared error": (
        lambda z: st.squared_error(z, CLASSES),
        lambda z: ((torch.softmax(z, 1) - F.one_hot(CLASSES, 4)) ** 2).sum(1).mean() / 2,
    ),
    "softmax": (st.softmax, lambda z: torch.softmax(z, -1)),
    "log_softmax": (lambda z: st.log_softmax(z, axis=0), lambda z: torch.log_softmax(z, 0)),
    "logsumexp": (st.logsumexp, lambda z: torch.logsumexp(z, -1)),
    "tokens": (lambda z: both(st.token_log_probs, z), lambda z: both(composite, z)),
    "log_probs of tokens": (
        lambda z: st.token_log_probs(z, CLASSES, temperature=0.5).log_probs,
        lambda z: composite(z / 0.5, CLASSES)[0],
    ),
    "entropy": (lambda z: st.token_log_probs(z, CLASSES).entropy, lambda z: composite(z, CLASSES)[1]),
    "linear": (lambda x: st.linear_cross_entropy(x, W, CLASSES), lambda x: F.cross_entropy(x @ W.T, CLASSES)),
    "linear tokens": (
        lambda x: both(lambda x, y: st.linear_token_log_probs(x, W, y), x),
        lambda x: both(lambda x, y: composite(x @ W.T, y), x),
    ),
    "linear tokens, at w": (
        lambda w: both(lambda w, y: st.linear_token_log_probs(Z, torch.cat([w, w]), y, temperature=0.5), w),
        lambda w: both(lambda w, y: composite(2 * Z @ torch.cat([w, w]).T, y), w),
    ),
    "linear, at w": (
        lambda w: st.linear_cross_entropy(Z, torch.cat([w, w]), CLASSES, reduction="none"),
        lambda w: F.cross_entropy(Z @ torch.cat([w, w]).T, CLASSES, reduction="none"),
    ),
}
ALL = list(itertools.product(PAIRS, TRANSFORMS, TRANSFORMS))
FEW = {"mean", "softmax", "linear", "tokens", "linear tokens"}  # in CI; the rest is the same code with other numbers


def numbers(f):
    """The values of f(Z) as lists; None if torch gives none."""
    result = f(Z)
    try:
        return None if result is None else torch.tensor((result + 0.0).tolist(), dtype=torch.float64)
    except (NotImplementedError, RuntimeError):  # a tensor that stands for several, or without storage
        return None


def compare(name, outer, inner):
    ours, theirs = PAIRS[name]
    try:
        want = numbers(TRANSFORMS[outer](TRANSFORMS[inner](theirs)))
    except Exception:  # torch cannot do it
        return False
    if want is None:
        return False
    got = numbers(TRANSFORMS[outer](TRANSFORMS[inner](ours)))
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-14)
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("outer", TRANSFORMS)
@pytest.mark.parametrize("name", sorted(FEW))
def test_compositions(name, outer):
    assert sum(compare(name, outer, inner) for inner in TRANSFORMS) >= 3


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("outer", TRANSFORMS)
@pytest.mark.parametrize("name", sorted(PAIRS.keys() - FEW))
def test_all_compositions(name, outer):
    for inner in TRANSFORMS:
        compare(name, outer, inner)


@pytest.mark.filterwarnings("ignore")
def test_nested_jacfwd_is_not_zero():
    """A torch.autograd.Function with a jvp gives zeros here (pytorch#197867)."""
    second = torch.func.jacfwd(torch.func.jacfwd(PAIRS["mean"][0]))(Z)
    assert second.abs().max() > 0.01


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("transform", ["hessian", "jacfwd"])
def test_three_levels(transform):
    of = TRANSFORMS[transform]
    ours, theirs = (TRANSFORMS["grad"](of(TRANSFORMS["grad"](f))) for f in PAIRS["mean"])
    torch.testing.assert_close(ours(Z), theirs(Z), rtol=1e-11, atol=1e-14)
