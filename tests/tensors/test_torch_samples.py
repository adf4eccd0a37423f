"""Every sample and every error input of torch's own tests of these operations, in float64.

softgrad differs on purpose in rows that are masked whole: their probabilities and gradients are 0, not NaN. The
gradient of an infinite logsumexp is NaN, as softmax is there; torch's is 0 in some entries.
"""

import pytest

from conftest import load
from sampled import sampled

torch = load("torch")
load("expecttest")  # which torch's own tests need

from tensors.torch_calls import OURS, Outside, of_torch  # noqa: E402

STAY = {"log_softmax", "masked.softmax", "nn.functional.cross_entropy", "nn.functional.kl_div"}


@pytest.fixture(scope="module")
def operations():
    from torch.testing._internal.common_methods_invocations import op_db

    return [op for op in op_db if op.name in OURS]


def leaf(value, *, differentiable=True):
    if torch.is_tensor(value) and value.is_floating_point():
        return value.detach().clone().requires_grad_(differentiable)
    return value


def arguments(sample):
    names = [name for name in sample.kwargs if name != "options"]
    count = 1 + len(sample.args)
    values = [sample.input, *sample.args, *(sample.kwargs[name] for name in names)]
    return values, lambda f, values: f(*values[:count], **dict(zip(names, values[count:], strict=True)))


def compare(op, sample):
    """How many gradients agree; None for a call that softgrad does not offer."""
    values, applied = arguments(sample)
    ours = [leaf(value) for value in values]
    theirs = [leaf(value) for value in values]
    try:
        got = applied(OURS[op.name], ours)
    except Outside:
        return None
    try:
        right = applied(lambda *a, **k: of_torch(op, *a, **k), theirs)
    except RuntimeError:  # torch has no derivative at the class weights of class indices
        theirs = [theirs[0], *(leaf(value, differentiable=False) for value in values[1:])]
        right = applied(lambda *a, **k: of_torch(op, *a, **k), theirs)
    kept = ~right.isnan() if op.name.startswith("masked.") else torch.ones_like(right, dtype=torch.bool)
    if not right.numel() or op.name == "nn.functional.cross_entropy":
        kept = torch.ones_like(kept)
    zero = torch.zeros_like(right)
    torch.testing.assert_close(
        torch.where(kept, got, zero), torch.where(kept, right, zero), rtol=1e-13, atol=1e-13, equal_nan=True
    )
    if op.name.startswith("masked.") and not (kept.all() and right.isfinite().all()):
        return 0
    g, agree = torch.randn_like(right), 0
    for mine, its in zip(ours, theirs, strict=True):
        if not (torch.is_tensor(its) and its.requires_grad):
            continue
        (want,) = torch.autograd.grad(right, its, g, retain_graph=True, allow_unused=True)
        if want is None:
            continue
        (grad,) = torch.autograd.grad(got, mine, g, retain_graph=True)
        torch.testing.assert_close(grad, want, rtol=1e-12, atol=1e-13, equal_nan=True)
        agree += 1
    return agree


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sampled(OURS, STAY.__contains__))
def test_samples_and_error_inputs(name, operations):
    gradients = 0
    for op in operations:
        if op.name != name:
            continue
        for sample in op.sample_inputs("cpu", torch.float64, requires_grad=False):
            gradients += compare(op, sample) or 0
        for error in op.error_inputs("cpu") if op.error_inputs_func else ():
            sample = error.sample_input
            with pytest.raises((Exception, Outside)):
                OURS[name](sample.input, *sample.args, **sample.kwargs)
    assert gradients > 5
