"""First and second derivatives, and what a program does with a graph."""

import subprocess
import sys

import pytest

from cases import LOSSES
from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from tensors.transforms import fixed  # noqa: E402

F = torch.nn.functional
Z = fixed((3, 4), 7)
CLASSES, PROBS = torch.tensor([1, 0, 2]), torch.softmax(fixed((3, 4), 9), 1)
WEIGHT = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)


def of_logits(loss, target, **options):
    return (lambda z: getattr(st, loss)(z, target, **options)), (Z,)


CASES = {  # name: (function, arguments to differentiate at)
    **{f"{loss}, classes": of_logits(loss, CLASSES) for loss in LOSSES},
    **{f"{loss}, probabilities": of_logits(loss, PROBS, reduction="none") for loss in LOSSES},
    "smoothing and weight": of_logits("cross_entropy", CLASSES, label_smoothing=0.1, weight=WEIGHT),
    "softcap and temperature": of_logits("cross_entropy", CLASSES, softcap=2.0, temperature=0.5, z_loss=0.1),
    "small gamma": of_logits("focal_loss", CLASSES, gamma=0.5),
    "mask": of_logits("squared_error", CLASSES, where=torch.arange(12).reshape(3, 4) % 5 != 3),
    "at the target": (lambda z, t: st.cross_entropy(z, t, label_smoothing=0.1, weight=WEIGHT), (Z, PROBS)),
    "at the class weights": (lambda z, w: st.cross_entropy(z, CLASSES, weight=w), (Z, WEIGHT)),
    "kl at the target": (lambda z, t: st.kl_divergence(z, t), (Z, PROBS)),
    "softmax": (lambda z: st.softmax(z, axis=0), (Z,)),
    "log_softmax": (lambda z: st.log_softmax(z, temperature=2.0), (Z,)),
    "logsumexp of all": (lambda z: st.logsumexp(z, axis=None), (Z,)),
    "tokens": (lambda z: st.token_log_probs(z, CLASSES), (Z,)),
    "tokens, ignored and tempered": (
        lambda z: st.token_log_probs(z, CLASSES, temperature=0.5, ignore_index=0),
        (Z,),
    ),
    "entropy alone": (lambda z: st.token_log_probs(z.T, torch.tensor([0, 1, 1, 2])).entropy, (Z,)),
    "linear": (lambda x, w, b: st.linear_cross_entropy(x, w, CLASSES, b), (Z, fixed((5, 4)), fixed((5,)))),
    "linear, rows": (lambda x, w: st.linear_cross_entropy(x, w, CLASSES, reduction="none"), (Z, fixed((5, 4)))),
    "linear tokens": (
        lambda x, w, b: st.linear_token_log_probs(x, w, CLASSES, b, temperature=0.5, ignore_index=0),
        (Z, fixed((5, 4)), fixed((5,))),
    ),
    "linear entropy alone": (lambda x, w: st.linear_token_log_probs(x, w, CLASSES).entropy, (Z, fixed((5, 4)))),
}


@pytest.mark.parametrize("case", CASES)
def test_gradcheck(case):
    f, given = CASES[case]
    given = [x.clone().requires_grad_() for x in given]
    assert torch.autograd.gradcheck(f, given, check_forward_ad=True, check_batched_grad=True)


@pytest.mark.parametrize("case", CASES)
def test_gradgradcheck(case):
    f, given = CASES[case]
    given = [x.clone().requires_grad_() for x in given]
    assert torch.autograd.gradgradcheck(f, given, check_fwd_over_rev=True)


def rows_of(reduction):
    ours = lambda z: st.cross_entropy(z, CLASSES, reduction=reduction)  # noqa: E731
    return ours, lambda z: F.cross_entropy(z, CLASSES, reduction=reduction)


UPSTREAM = {  # name: (reduction, the gradient at the loss)
    "one": ("mean", torch.tensor(1.0, dtype=torch.float64)),
    "another number": ("mean", torch.tensor(-2.5, dtype=torch.float64)),
    "zero": ("sum", torch.tensor(0.0, dtype=torch.float64)),
    "different rows": ("none", torch.tensor([1.0, -3.0, 0.25], dtype=torch.float64)),
    "stride 0": ("none", torch.tensor(2.0, dtype=torch.float64).expand(3)),
}


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("case", UPSTREAM)
def test_upstream_gradients(case, retain):
    reduction, g = UPSTREAM[case]
    z = Z.clone().requires_grad_()
    ours, theirs = rows_of(reduction)
    loss = ours(z)
    (right,) = torch.autograd.grad(theirs(z), z, g)
    for _ in range(1 + retain):
        (grad,) = torch.autograd.grad(loss, z, g, retain_graph=retain)
        torch.testing.assert_close(grad, right, rtol=1e-14, atol=1e-16)
        grad.mul_(7)  # the caller's own: the next backward pass does not see it
    if not retain:
        with pytest.raises(RuntimeError, match="second time"):
            torch.autograd.grad(loss, z, g)


TOKENS_UPSTREAM = {  # name: the gradients at the log-probabilities and at the entropies; None where one is not used
    "both": (fixed((3,), 1), fixed((3,), 2)),
    "log_probs alone": (fixed((3,), 1), None),
    "entropy alone": (None, fixed((3,), 2)),
    "stride 0": (torch.tensor(2.0, dtype=torch.float64).expand(3), torch.tensor(-0.5, dtype=torch.float64).expand(3)),
    "every other": (fixed((6,), 1)[::2], fixed((6,), 2)[1::2]),
    "zero": (torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)),
}


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("case", TOKENS_UPSTREAM)
def test_upstream_gradients_of_tokens(case, retain):
    z = Z.clone().requires_grad_()
    log_p = torch.log_softmax(z / 0.7, 1)
    right = log_p.gather(1, CLASSES[:, None])[:, 0], -(log_p.exp() * log_p).sum(1)
    used = [i for i, g in enumerate(TOKENS_UPSTREAM[case]) if g is not None]
    g = [TOKENS_UPSTREAM[case][i] for i in used]
    (want,) = torch.autograd.grad([right[i] for i in used], z, g)
    outputs = st.token_log_probs(z, CLASSES.int(), temperature=0.7)
    torch.testing.assert_close(tuple(outputs), right, rtol=1e-14, atol=1e-16)
    for _ in range(1 + retain):
        (grad,) = torch.autograd.grad([outputs[i] for i in used], z, g, retain_graph=retain)
        torch.testing.assert_close(grad, want, rtol=1e-13, atol=1e-15)
        grad.mul_(7)
    if not retain:
        with pytest.raises(RuntimeError, match="second time"):
            torch.autograd.grad([outputs[i] for i in used], z, g)


# The most memory that the process uses beyond what it had used before the call, in units of the logits.
GROWTH = """
import re, sys, torch, softgrad.torch as st
from pathlib import Path

def composite(z, y):
    log_p = torch.log_softmax(z, 1)
    return log_p.gather(1, y[:, None])[:, 0], -(log_p.exp() * log_p).sum(1)

def resident(which):
    return 1024 * int(re.search(which + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def run(z):
    log_probs, entropy = f(z, torch.zeros(len(z), dtype=torch.long))
    return torch.autograd.grad(log_probs.sum() - 0.1 * entropy.sum(), z)

f = st.token_log_probs if sys.argv[1] == "ours" else composite
torch.set_num_threads(1)
run(torch.zeros(64, 60_000, requires_grad=True))  # what a first call imports and allocates for good is not counted
z = torch.ones(64, 151_936, requires_grad=True)
Path("/proc/self/clear_refs").write_text("5")  # the peak starts again: a new process starts at that of its parent
before = resident("VmRSS")
run(z)
print((resident("VmHWM") - before) / z.nbytes)
"""


@pytest.mark.parametrize("function", ["ours", "composite"])
def test_tokens_need_one_tensor_of_the_size_of_the_logits(function):
    result = subprocess.run([sys.executable, "-c", GROWTH, function], capture_output=True, text=True, check=True)
    growth = float(result.stdout)
    assert growth < 1.3 if function == "ours" else growth > 2.5


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_linear_upstream_gradients(reduction):
    x, w = Z.clone().requires_grad_(), fixed((5, 4)).requires_grad_()
    loss = st.linear_cross_entropy(x, w, CLASSES, reduction=reduction)
    right = F.cross_entropy(F.linear(x, w), CLASSES, reduction=reduction)
    g = fixed(loss.shape, 2)
    for retain in (True, True, False):
        got = torch.autograd.grad(loss, (x, w), g, retain_graph=retain)
        want = torch.autograd.grad(right, (x, w), g, retain_graph=True)
        torch.testing.assert_close(got, want, rtol=1e-13, atol=1e-15)


def test_gradients_accumulate_over_batches_and_heads():
    z = Z.clone().requires_grad_()
    (st.cross_entropy(z, CLASSES) + 2 * st.cross_entropy(z, PROBS)).backward()
    st.cross_entropy(z, CLASSES).backward()
    right = Z.clone().requires_grad_()
    (2 * F.cross_entropy(right, CLASSES) + 2 * F.cross_entropy(right, PROBS)).backward()
    torch.testing.assert_close(z.grad, right.grad, rtol=1e-14, atol=1e-16)


def test_logits_that_are_overwritten_are_an_error():
    for function in (st.cross_entropy, lambda *arrays: st.token_log_probs(*arrays).entropy.sum()):
        z = (Z * 1).requires_grad_() * 1
        loss = function(z, CLASSES)
        z.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


@pytest.mark.parametrize("function", ["cross_entropy", "linear_cross_entropy"])
def test_the_scale_of_the_loss_keeps_small_gradients_in_float16(function):
    """1e-4 / 4096 is 0 in float16, and not if the loss is scaled before the backward pass."""
    z = torch.zeros(4096, 2, dtype=torch.float16)
    z[:, 0] = 9.0
    z.requires_grad_()
    target = torch.zeros(4096, dtype=torch.long)
    if function == "cross_entropy":
        loss = st.cross_entropy(z, target)
    else:
        loss = st.linear_cross_entropy(z, torch.eye(2, dtype=torch.float16), target)
    (loss * 65536).backward()
    p = 1 / (1 + torch.exp(torch.tensor(9.0, dtype=torch.float64)))
    torch.testing.assert_close(z.grad[0, 1].double(), p * 16, rtol=2e-3, atol=0)


def test_gradients_of_rows_are_rounded_once_in_float16():
    """1e-9 is 0 in float16, and not if the losses of rows are scaled before the backward pass, or their mean."""
    z = torch.tensor([[0.0, -20.0], [0.0, -2.0]], dtype=torch.float16, requires_grad=True)
    losses = st.cross_entropy(z, torch.tensor([0, 1]), reduction="none")
    g = torch.tensor([2.0**18, 3.0])
    (grad,) = torch.autograd.grad(losses, z, g)
    p = torch.softmax(z.detach().double(), 1)
    want = torch.tensor([[-p[0, 1], p[0, 1]], [p[1, 0], -p[1, 0]]], dtype=torch.float64) * g[:, None]
    assert grad.dtype == torch.float16
    torch.testing.assert_close(grad, want.half(), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("retain_graph", [False, True])
def test_ignored_rows_stay_0_where_the_upstream_gradient_is_not_finite(dtype, retain_graph):
    """As in torch. Losses of rows that are divided by the number of those that count, which may be 0, give such a g."""
    z = Z.to(dtype).requires_grad_()
    target = CLASSES.clone()
    target[1] = -100
    for reduction, g in (("none", torch.full(CLASSES.shape, torch.nan)), ("mean", torch.tensor(torch.inf))):
        loss = st.cross_entropy(z, target, ignore_index=-100, reduction=reduction)
        (grad,) = torch.autograd.grad(loss, z, g.to(loss.dtype), retain_graph=retain_graph)
        assert (grad[1] == 0).all() and not grad[0].isfinite().any()


def test_nothing_is_kept_without_grad():
    with torch.no_grad():
        assert st.cross_entropy(Z.clone().requires_grad_(), CLASSES).grad_fn is None
        assert st.token_log_probs(Z.clone().requires_grad_(), CLASSES).entropy.grad_fn is None
        assert st.linear_token_log_probs(Z.clone().requires_grad_(), Z, CLASSES).entropy.grad_fn is None
    assert not st.cross_entropy(Z, CLASSES).requires_grad
    assert not st.token_log_probs(Z, CLASSES).log_probs.requires_grad
