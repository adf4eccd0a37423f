"""Every sample of torch's own tests of these functions (its op_db), in every dtype that softgrad serves.

The reference is torch in float64. Inputs of nll_loss and kl_div are taken as logits: torch gets their log_softmax.
"""

import collections

import numpy as np
import pytest

pytest.importorskip("expecttest", reason="torch's samples need it: python -m pip install expecttest")
torch = pytest.importorskip("torch")

from peers.torch_shim import OURS, Outside, array  # noqa: E402

pytestmark = pytest.mark.peers
F = torch.nn.functional
DTYPES = ["float64", "float32", "float16", "bfloat16", "int8", "int64", "uint8"]
# Where softgrad differs on purpose:
#     a row that is masked whole    probabilities 0, gradient 0; NaN in torch
#     an infinite logsumexp         gradient NaN, as softmax is there; 0 in torch
#     masked.log_softmax            the upstream gradient of a masked class does not count; in torch it does


def reference(op, sample):
    """The value of torch's function in float64, as a tensor to be differentiated."""
    x, args, options = (
        sample.input,
        sample.args,
        {k: v for k, v in sample.kwargs.items() if k not in ("dtype", "options")},
    )
    if op.name in ("nn.functional.nll_loss", "nn.functional.kl_div"):
        x = F.log_softmax(x, dim=0 if x.ndim == 1 else 1 if "nll" in op.name else -1)
    return op.op(x, *args, **options)


def in_float64(sample):
    """The sample with its input and every floating-point tensor in float64."""

    def widened(t):
        return t.double() if torch.is_tensor(t) and t.is_floating_point() else t

    wide = sample.transform(widened)
    wide.input = sample.input if sample.input.is_complex() else sample.input.double()
    return wide


def pytest_generate_tests(metafunc):
    from torch.testing._internal.common_methods_invocations import op_db

    ops = [op for op in op_db if op.name in OURS]
    metafunc.parametrize("op", ops, ids=[f"{op.name} {op.variant_test_name}".strip() for op in ops])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_samples(op, dtype):
    if getattr(torch, dtype) not in op.dtypes:
        pytest.skip(f"torch has no samples in {dtype}")
    tally = collections.Counter()
    for number, sample in enumerate(op.sample_inputs("cpu", getattr(torch, dtype), requires_grad=False)):
        wide = in_float64(sample)
        x = wide.input.clone().requires_grad_(dtype == "float64")
        wide.input = x
        try:
            right = reference(op, wide)
            g = torch.randn_like(right) if dtype == "float64" else None
            mask = sample.kwargs.get("mask")
            if g is not None and mask is not None and op.name != "masked.logsumexp":
                g = torch.where(mask, g, 0)
            value, grad = OURS[op.name](sample.input, *sample.args, **sample.kwargs, g=None if g is None else array(g))
        except Outside as reason:
            tally[f"outside: {str(reason).split(', ')[-1]}"] += 1
            continue
        where = f"sample {number}: {sample.summary()}"
        assert_close(op.name, array(right), value, wide, where)
        tally["values"] += 1
        if grad is not None and not ("logsumexp" in op.name and torch.isinf(right).any()):
            wanted = torch.autograd.grad(right, x, g)[0]
            assert_close(op.name, array(wanted), grad, wide, where)
            tally["gradients"] += 1
    print(f"{op.name} {op.variant_test_name} {dtype}: {dict(tally)}")


def assert_close(name, right, got, sample, where):
    got, right = np.asarray(got), np.asarray(right)
    assert got.shape == right.shape, where
    kind = got.dtype if got.dtype.kind in "fV" else np.dtype("float64")
    eps = float(np.finfo(kind).eps) if kind.kind == "f" else 2.0**-7
    got = got.astype(np.float64)
    mask = sample.kwargs.get("mask")
    if name.startswith("masked."):
        kept = np.ones(right.shape, bool) if mask is None or right.shape != tuple(mask.shape) else array(mask)
        kept = kept & ~np.isnan(right)  # torch's results of a row that is masked whole
        got, right = np.where(kept, got, 0), np.where(kept, right, 0)
    parts = [part[np.isfinite(part)].astype(float) for part in (array(sample.input), right)]
    size = max(1.0, *(float(abs(part).max(initial=0)) for part in parts))
    np.testing.assert_allclose(got, right, rtol=16 * eps, atol=16 * eps * size, err_msg=where)
