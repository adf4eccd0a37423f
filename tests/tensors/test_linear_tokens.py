"""linear_token_log_probs on the CPU: chunks of rows, dtypes, a policy gradient."""

import numpy as np
import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402

F = torch.nn.functional
N, D, V = 70, 12, 37
MEMORY = {"all rows": 2**20, "chunks": 20 * V * 8, "one row": V * 8}
OPTIONS = {
    "none": {},
    "bias": {"bias": True},
    "a masked class": {"bias": True, "masked": True},
    "ignored rows": {"ignore_index": 5, "bias": True},
    "temperature": {"temperature": 0.3},
}


def inputs(case, dtype=torch.float64, classes=V):
    options = dict(OPTIONS[case])
    x, w = ((torch.randn(n, D, dtype=torch.float64)).to(dtype).requires_grad_() for n in (N, classes))
    bias = torch.randn(classes, dtype=torch.float64).to(dtype) if options.pop("bias", False) else None
    if options.pop("masked", False):
        bias[0] = -torch.inf
    y = torch.randint(1, classes, (N,))
    if "ignore_index" in options:
        y[::7] = options["ignore_index"]
    return x, w, None if bias is None else bias.requires_grad_(), y, options


def plain(x, w, bias, y, temperature=1.0, ignore_index=None):
    """The formulas, of logits that are stored."""
    log_p = torch.log_softmax(F.linear(x, w, bias) / temperature, 1)
    log_probs = log_p.gather(1, y[:, None])[:, 0]
    entropy = -(log_p.exp() * log_p.masked_fill(log_p == -torch.inf, 0.0)).sum(1)
    kept = torch.ones_like(y, dtype=torch.bool) if ignore_index is None else y != ignore_index
    return torch.where(kept, log_probs, 0.0), torch.where(kept, entropy, 0.0)


def compare(got, want, given, rtol):
    """Both outputs, and the gradients for both, for one alone, and for upstream gradients of stride 0."""
    torch.testing.assert_close(tuple(got), want, rtol=rtol, atol=rtol)
    g, h, there = torch.linspace(-1, 2, N), torch.linspace(1, -0.5, 2 * N)[::2], [t for t in given if t is not None]
    for upstream in ((g, h), (g, None), (None, h), (torch.tensor(0.5).expand(N), torch.tensor(-2.0).expand(N))):
        grads = []
        for outputs in (got, want):
            used = [(out, up.to(out.dtype)) for out, up in zip(outputs, upstream, strict=True) if up is not None]
            some, gradients = zip(*used, strict=True)
            grads.append(torch.autograd.grad(some, there, gradients, retain_graph=True))
        size = max(grad.abs().max().item() for grad in grads[1])
        torch.testing.assert_close(*grads, rtol=10 * rtol, atol=10 * rtol * size)


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("case", OPTIONS)
def test_agrees_with_the_formulas(case, memory):
    x, w, bias, y, options = inputs(case)
    got = st.linear_token_log_probs(x, w, y, bias, max_memory=MEMORY[memory], **options)
    compare(got, plain(x, w, bias, y, **options), (x, w, bias), 1e-13)


@pytest.mark.parametrize("slip", ["sign of the entropy", "rows of the chunk before", "tokens off by one"])
def test_a_planted_slip_is_caught(slip):
    x, w, bias, y, options = inputs("none")
    got = st.linear_token_log_probs(x, w, (y + (slip == "tokens off by one")) % V, bias, max_memory=MEMORY["chunks"])
    if slip == "sign of the entropy":
        got = got._replace(entropy=-got.entropy)
    elif slip == "rows of the chunk before":
        got = got._replace(log_probs=got.log_probs.roll(20))
    with pytest.raises(AssertionError):
        compare(got, plain(x, w, bias, y, **options), (x, w, bias), 1e-13)


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_dtypes(dtype, memory):
    """Against the same numbers in float64: bfloat16 logits are rounded to 8 bits, sums over chunks are not."""
    x, w, bias, y, _ = inputs("bias", dtype)
    got = st.linear_token_log_probs(x, w, y, bias, max_memory=MEMORY[memory])
    wide = [tensor.detach().double().requires_grad_() for tensor in (x, w, bias)]
    right = plain(*wide, y)
    eps = torch.finfo(dtype).eps
    sums = [log_probs.sum() - 0.3 * entropy.sum() for log_probs, entropy in (got, right)]
    for part, exact in zip(got, right, strict=True):
        assert part.dtype == torch.float32
        torch.testing.assert_close(part.double(), exact, rtol=4 * eps, atol=8 * eps)
    grads, exact_grads = (torch.autograd.grad(s, t) for s, t in zip(sums, ((x, w, bias), wide), strict=True))
    for grad, exact in zip(grads, exact_grads, strict=True):
        assert grad.dtype == dtype
        torch.testing.assert_close(grad.double(), exact, rtol=8 * eps, atol=8 * eps * exact.abs().max().item())


def test_a_large_vocabulary():
    x, w, _, y, _ = inputs("none", torch.float32, classes=151_936)
    x, y = x[:5].detach().requires_grad_(), y[:5]
    y[0] = 151_935
    got = st.linear_token_log_probs(x, w, y, max_memory=2 * 4 * 151_936)
    wide = [tensor.detach().double().requires_grad_() for tensor in (x, w)]
    right = plain(*wide, None, y)
    for part, exact in zip(got, right, strict=True):
        torch.testing.assert_close(part.double(), exact, rtol=1e-5, atol=1e-5)
    grads, exact_grads = (torch.autograd.grad((a + b).sum(), t) for (a, b), t in ((got, (x, w)), (right, wide)))
    for grad, exact in zip(grads, exact_grads, strict=True):
        torch.testing.assert_close(grad.double(), exact, rtol=1e-4, atol=1e-5 * exact.abs().max().item())


def test_the_buffer_holds_no_more_than_max_memory(buffer_sizes):
    x, w, _, y, _ = inputs("none")
    for memory in MEMORY.values():
        buffer_sizes.clear()
        st.linear_token_log_probs(x, w, y, max_memory=memory).entropy.sum().backward()
        assert len(buffer_sizes) == 2
        assert max(buffer_sizes) <= memory


def test_ignored_rows_are_not_read():
    x, w, _, y, _ = inputs("none")
    y[1] = -100
    x.data[1] = torch.nan
    log_probs, entropy = st.linear_token_log_probs(x, w, y, ignore_index=-100)
    (log_probs.sum() + entropy.sum()).backward()
    assert log_probs[1] == entropy[1] == 0
    assert x.grad.isfinite().all()
    assert w.grad.isfinite().all()
    assert not x.grad[1].any()


def test_a_masked_class_gives_no_nan():
    """0 log 0 is 0; the log-probability of a masked token is -inf."""
    x, w, bias, y, _ = inputs("a masked class")
    y[3] = 0
    log_probs, entropy = st.linear_token_log_probs(x, w, y, bias)
    assert log_probs[3] == -np.inf
    (log_probs[torch.arange(N) != 3].sum() + entropy.sum()).backward()
    assert all(tensor.grad.isfinite().all() for tensor in (x, w, bias))
    assert not w.grad[0].any()
    assert bias.grad[0] == 0


def test_batches_and_heads():
    """Rows of several axes, and gradients of each input alone."""
    x, w, bias, y, _ = inputs("bias")
    rows = st.linear_token_log_probs(x, w, y, bias)
    axes = st.linear_token_log_probs(x.reshape(7, 10, D), w, y.reshape(7, 10), bias)
    for flat, shaped in zip(rows, axes, strict=True):
        assert shaped.shape == (7, 10)
        assert torch.equal(shaped.flatten(), flat)
    for needed in (x, w, bias):
        given = [t if t is needed else t.detach() for t in (x, w, bias)]
        alone = st.linear_token_log_probs(given[0], given[1], y, given[2])
        grads = [torch.autograd.grad(out.entropy.sum(), needed, retain_graph=True)[0] for out in (alone, rows)]
        assert torch.equal(*grads)


def rewards_of(function):
    """The rewards of REINFORCE with an entropy bonus, on a bandit: in each of 4 states, one of 50 arms pays."""
    draw = torch.Generator().manual_seed(0)
    states = torch.eye(4, dtype=torch.float64)
    layer = torch.zeros(50, 4, dtype=torch.float64, requires_grad=True)
    optimizer, rewards = torch.optim.Adam([layer], lr=0.2), []
    for _ in range(60):
        p = torch.softmax(states @ layer.detach().T, 1)
        state = torch.arange(4).repeat_interleave(64)
        arm = torch.multinomial(p, 64, replacement=True, generator=draw).flatten()
        reward = (arm == 11 * state + 3).double()
        log_probs, entropy = function(states[state], layer, arm)
        loss = -((reward - reward.mean()) * log_probs).mean() - 0.001 * entropy.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rewards.append(reward.mean().item())
    return rewards


def test_a_policy_gradient_reaches_the_reward_of_the_plain_formulas():
    ours = rewards_of(lambda x, w, y: st.linear_token_log_probs(x, w, y, max_memory=16 * 50 * 8))
    plain_formulas = rewards_of(lambda x, w, y: plain(x, w, None, y))
    assert ours[0] < 0.1
    assert ours[-1] > 0.9
    np.testing.assert_allclose(ours, plain_formulas, atol=0.02)
