"""The short way to the log-probabilities of tokens: the bits of the long way, and the calls that it leaves to it."""

import inspect
import itertools

import pytest

import softgrad as sg
from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.torch import tokens as module  # noqa: E402
from tensors.odd_tensors import Subclass, strided  # noqa: E402

SHORT = inspect.getclosurevars(st.token_log_probs).nonlocals["shortly"]
SHAPES = {"rows": ((6, 5), -1), "one row": ((5,), 0), "classes first": ((5, 6), 0), "images": ((2, 5, 3, 4), 1)}
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.fixture
def products(monkeypatch):
    """What the short way of each backward pass gave."""
    given, vjp = [], module._short_vjp
    monkeypatch.setattr(module, "_short_vjp", lambda *args: given.append(vjp(*args)) or given[-1])
    return given


@pytest.mark.parametrize("shape", SHAPES)
def test_both_ways_give_the_same_bits_and_gradients(shape, products):
    shape, axis = SHAPES[shape]
    for dtype, used in itertools.product(DTYPES, ((0, 1), (0,), (1,))):
        z = (3 * torch.randn(shape)).to(dtype)
        y = torch.randint(shape[axis], shape[:axis] + shape[axis:][1:])
        options = {"axis": axis, "temperature": 0.5, "ignore_index": -1}
        results, grads = [], []
        for way in (lambda z: z, strided):
            at = z.clone().requires_grad_()
            outputs = st.token_log_probs(way(at), y, **options)
            assert type(outputs) is st.TokenLogProbs and (SHORT((way(z), y), options) is None) == (way is strided)
            upstream = [torch.full(y.shape, 0.5 + i, dtype=outputs[i].dtype) for i in used]
            grads.append(torch.autograd.grad([outputs[i] for i in used], at, upstream, retain_graph=True)[0])
            expanded = [g.flatten()[:1].view((1,) * y.ndim).expand(y.shape) for g in upstream]
            grads.append(torch.autograd.grad([outputs[i] for i in used], at, expanded)[0])
            results.append(outputs)
        with torch.no_grad():
            results.append(st.token_log_probs(z, y, **options))
        for outputs in results[1:]:
            assert all(a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(outputs, results[0], strict=True))
        assert all(torch.equal(grads[0], grad) for grad in grads[1:])
        assert [dz is None for dz in products[-4:]] == [False, False, True, True]


Z, Y = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])


LONG = {  # name: (logits, tokens, options)
    "gaps": (strided(Z), Y, {}),
    "tokens with gaps": (Z, strided(Y), {}),
    "32 bits": (Z, Y.int(), {}),
    "a token that is left out": (Z, torch.tensor([0, 2, -1, 1]), {"ignore_index": -1}),
    "a class is left out": (Z, Y, {"ignore_index": 1}),
    "integers": (torch.arange(12).view(4, 3), Y, {}),
    "a subclass": (Z.as_subclass(Subclass), Y, {}),
    "a negative view": (torch._neg_view(Z), Y, {}),
    "meta": (Z.to("meta"), Y.to("meta"), {}),
    "no rows": (Z[:0], Y[:0], {}),
    "many entries, in memory of NumPy": (torch.zeros(2**10, 2**10), torch.zeros(2**10, dtype=torch.int64), {}),
}


@pytest.mark.parametrize("case", LONG)
def test_the_other_calls_go_the_long_way(case):
    logits, tokens, options = LONG[case]
    assert SHORT((logits, tokens), options) is None
    assert st.token_log_probs(logits, tokens, **options).entropy.shape == tokens.shape
    assert SHORT((Z,), {}) is None and SHORT((Z, Y), {"out": None}) is None


def test_what_is_recorded_or_transformed_goes_the_long_way(products):
    at = Z.clone().requires_grad_()
    log_probs, entropy = st.token_log_probs(at, Y)
    (grad,) = torch.autograd.grad(log_probs.sum() + entropy.sum(), at, create_graph=True)
    assert grad.requires_grad and products == [None]
    (rows,) = torch.autograd.grad(log_probs, at, torch.eye(4), is_grads_batched=True, retain_graph=True)
    assert products == [None] * 2
    (grad,) = torch.autograd.grad(log_probs, at, torch.ones(4))
    assert torch.equal(grad, products[-1]) and torch.allclose(rows.sum(0), grad)
    with torch.autograd.forward_ad.dual_level():
        assert SHORT((Z, Y), {}) is None
    torch.func.grad(lambda z: products.append(SHORT((Z, Y), {})) or z.sum())(Z)
    assert products[-1] is None


def test_errors_are_those_of_the_long_way():
    for tokens, error in [(Y + 1, sg.LabelError), (Y[:3], sg.ShapeError), (Y.double(), sg.DtypeError)]:
        with pytest.raises(error):
            st.token_log_probs(Z, tokens)
    with pytest.raises(sg.AxisError):
        st.token_log_probs(Z, Y, axis=2)
    for options in ({"temperature": 0.0}, {"ignore_index": -1.0}):
        with pytest.raises(sg.OptionError):
            st.token_log_probs(Z, Y, **options)
    with pytest.raises(TypeError, match="token_log_probs: unexpected option 'where'"):
        st.token_log_probs(Z, Y, where=None)


def test_tokens_that_change_before_the_backward_pass_are_seen():
    tokens = Y.clone()
    at = Z.clone().requires_grad_()
    log_probs, _ = st.token_log_probs(at, tokens)
    tokens.numpy()[0] = 9  # which torch does not see
    with pytest.raises(sg.LabelError, match=r"tokens\[0\] is 9, but logits have 3 classes"):
        log_probs.sum().backward()
