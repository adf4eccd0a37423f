"""On the CPU the results are those of the functions on arrays, to the last bit; the closed forms agree to rounding."""

import itertools

import numpy as np
import pytest

import softgrad as sg
from cases import LOSSES
from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from softgrad.torch.loss import in_closed_form  # noqa: E402
from softgrad.torch.memory import to_array, to_tensor  # noqa: E402
from softgrad.torch.options import Options  # noqa: E402

K = 7
MASK = np.arange(5 * K).reshape(5, K) % 3 != 1
OPTIONS = {
    "none": {},
    "weight": {"weight": np.linspace(0.0, 2.0, K)},
    "smoothing": {"label_smoothing": 0.1},
    "weight and smoothing": {"label_smoothing": 0.3, "weight": np.linspace(0.5, 2.0, K)},
    "ignored rows": {"ignore_index": 2},
    "mask": {"where": MASK},
    "mask and smoothing": {"where": MASK, "label_smoothing": 0.2},
    "z-loss": {"z_loss": 0.01},
    "softcap and temperature": {"softcap": 3.0, "temperature": 0.7},
    "denominator": {"denominator": 11.0},
    "sum": {"reduction": "sum"},
    "rows": {"reduction": "none"},
    "gamma": {"gamma": 0.5},
}
DTYPES = ["float64", "float32", "float16", "bfloat16"]


def problem(target, options, dtype="float64"):
    rng = np.random.default_rng(3)
    z = rng.normal(size=(5, K)) * 3
    z[0] = 40.0 * (np.arange(K) == 3)  # a confident row
    if target == "classes":
        t = np.array([3, 0, 2, 5, 6])
        if "where" in options:
            t = MASK.argmax(axis=1)
    else:
        t = rng.dirichlet(np.ones(K), size=5)
        if "where" in options:
            t = np.where(MASK, t, 0)
    return torch.tensor(z).to(getattr(torch, dtype)), torch.tensor(t)


def tensors(options):
    return {name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in options.items()}


def applicable():
    for loss, option, target in itertools.product(LOSSES, OPTIONS, ["classes", "probabilities"]):
        names = set(OPTIONS[option])
        if names <= set(sg.formulas.losses.LOSSES[loss].options) and (target == "classes" or option != "ignored rows"):
            yield loss, option, target


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "option", "target"), list(applicable()))
def test_the_kernels(loss, option, target, dtype):
    z, t = problem(target, OPTIONS[option], dtype)
    right, right_grad = getattr(sg, f"{loss}_with_grad")(to_array(z), t.numpy(), **OPTIONS[option])
    z.requires_grad_()
    value = getattr(st, loss)(z, t, **tensors(OPTIONS[option]))
    assert value.dtype == (torch.float64 if dtype == "float64" else torch.float32)
    np.testing.assert_array_equal(value.detach().numpy(), right)
    np.testing.assert_array_equal(getattr(st, loss)(z.detach(), t, **tensors(OPTIONS[option])).numpy(), right)
    (grad,) = torch.autograd.grad(value, z, torch.ones_like(value))
    assert grad.dtype == z.dtype
    torch.testing.assert_close(grad, to_tensor(right_grad), rtol=0, atol=0)


@pytest.mark.parametrize(("loss", "option", "target"), list(applicable()))
def test_the_closed_forms(loss, option, target):
    z, t = problem(target, OPTIONS[option])
    right, right_grad = getattr(sg, f"{loss}_with_grad")(z.numpy(), t.numpy(), **OPTIONS[option])

    def total(z):
        value = getattr(st, loss)(z, t, **tensors(OPTIONS[option]))
        return value.sum(), value

    grad, value = torch.func.grad(total, has_aux=True)(z)
    rtol = 1e-11 if option.startswith("softcap") else 1e-14  # the difference of two capped logits loses digits
    np.testing.assert_allclose(value.numpy(), right, rtol=rtol)
    np.testing.assert_allclose(
        grad.numpy(), right_grad, rtol=20 * rtol, atol=1e-16 if option.startswith("softcap") else 1e-17
    )


LAYOUTS = {
    "C order": lambda z: z.contiguous(),
    "Fortran order": lambda z: z.permute(2, 1, 0).contiguous().permute(2, 1, 0),
    "a slice of classes": lambda z: torch.cat([z, z], dim=1)[:, : z.shape[1]],
    "every other row": lambda z: z.repeat_interleave(2, dim=0)[::2],
    "expanded rows": lambda z: z[:1].expand(z.shape),
    "channels last": lambda z: z[..., None].contiguous(memory_format=torch.channels_last)[..., 0],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_layout(layout, dtype, axis):
    z = LAYOUTS[layout]((torch.randn(4, 5, 6) * 3).to(getattr(torch, dtype)))
    t = torch.randint(z.shape[axis], [n for i, n in enumerate(z.shape) if i != axis])
    right, right_grad = sg.cross_entropy_with_grad(to_array(z), t.numpy(), axis=axis)
    z = z.detach().requires_grad_()
    value = st.cross_entropy(z, t, axis=axis)
    value.backward()
    assert value.detach().item() == right
    torch.testing.assert_close(z.grad, to_tensor(right_grad), rtol=0, atol=0)


@pytest.mark.parametrize("memory", ["shared", "shared, bfloat16"])
def test_arrays_share_the_memory_of_tensors(memory):
    z = torch.zeros(3, 4, dtype=torch.bfloat16 if "bfloat16" in memory else torch.float32)
    to_array(z)[1, 2] = 5
    assert z[1, 2] == 5
    assert to_tensor(to_array(z)).data_ptr() == z.data_ptr()


SOFTMAX = {
    "last axis": {},
    "first axis": {"axis": 0},
    "two axes": {"axis": (0, 1)},
    "all axes": {"axis": None},
    "temperature": {"temperature": 3.0},
    "mask": {"where": MASK},
    "a row masked whole": {"where": MASK & (np.arange(5)[:, None] != 2)},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", SOFTMAX)
@pytest.mark.parametrize("function", ["softmax", "log_softmax", "logsumexp"])
def test_softmax(function, case, dtype):
    options, z = SOFTMAX[case], problem("classes", {}, dtype)[0]
    right = getattr(sg, function)(to_array(z), **options)
    z.requires_grad_()
    value = getattr(st, function)(z, **tensors(options))
    torch.testing.assert_close(value.detach(), to_tensor(right), rtol=0, atol=0)
    g = torch.randn(value.shape).to(z.dtype)
    (grad,) = torch.autograd.grad(value, z, g)
    given = to_array(z) if function == "logsumexp" else right
    right_grad = getattr(sg, f"{function}_vjp")(given, to_array(g), **options)
    torch.testing.assert_close(grad, to_tensor(right_grad), rtol=0, atol=0)
    if dtype == "float64":
        closed, vjp = torch.func.vjp(lambda z: getattr(st, function)(z, **tensors(options)), z.detach())
        np.testing.assert_allclose(closed.numpy(), right, rtol=1e-14)
        np.testing.assert_allclose(vjp(g)[0].numpy(), right_grad, rtol=1e-13, atol=1e-16)


TOKENS = {
    "last axis": {},
    "first axis": {"axis": 0},
    "temperature": {"temperature": 0.3},
    "ignored rows": {"ignore_index": 2},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", TOKENS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_token_log_probs(layout, case, dtype):
    """Of an upstream gradient in another dtype and with strides, too."""
    options = TOKENS[case]
    z = LAYOUTS[layout]((torch.randn(4, 5, 6) * 3).to(getattr(torch, dtype)))
    axis = options.get("axis", -1) % 3
    of_rows = [n for i, n in enumerate(z.shape) if i != axis]
    t = torch.randint(3, of_rows[::-1], dtype=torch.int32).T  # not contiguous
    right = sg.token_log_probs(to_array(z), t.numpy(), **options)
    z = z.detach().requires_grad_()
    outputs = st.token_log_probs(z, t, **options)
    for got, without, wanted in zip(outputs, st.token_log_probs(z.detach(), t, **options), right, strict=True):
        torch.testing.assert_close(got.detach(), to_tensor(wanted), rtol=0, atol=0)
        torch.testing.assert_close(without, to_tensor(wanted), rtol=0, atol=0)
    g, h = torch.randn(of_rows), torch.randn(of_rows[::-1]).T
    (grad,) = torch.autograd.grad(outputs, z, [part.to(outputs.entropy.dtype) for part in (g, h)])
    right_grad = sg.token_log_probs_vjp(to_array(z), t.numpy(), g.numpy(), h.numpy(), **options)
    torch.testing.assert_close(grad, to_tensor(right_grad), rtol=0, atol=0)
    if dtype == "float64":
        closed, vjp = torch.func.vjp(lambda z: tuple(st.token_log_probs(z, t, **options)), z.detach())
        for got, wanted in zip(closed, right, strict=True):
            np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-14)
        (grad,) = vjp((g.double(), h.double()))
        np.testing.assert_allclose(grad.numpy(), right_grad, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_token_log_probs_of_a_large_vocabulary(dtype):
    z = (3 * torch.randn(3, 151_936)).to(getattr(torch, dtype))
    z[1, 7], z[2, 100_000:] = 60, -np.inf
    t = torch.tensor([151_935, 7, 99_999])
    z.requires_grad_()
    outputs = st.token_log_probs(z, t)
    (grad,) = torch.autograd.grad([out.sum() for out in outputs], z)
    wide = z.detach().double().requires_grad_()
    log_p = torch.log_softmax(wide, 1)
    right = log_p.gather(1, t[:, None])[:, 0], torch.special.entr(log_p.exp()).sum(1)
    (right_grad,) = torch.autograd.grad([out.sum() for out in (right[0], torch_entropy(log_p))], wide)
    rounding = 2.0**-8 if dtype == "bfloat16" else 2.0**-21
    for got, wanted in zip(outputs, right, strict=True):
        torch.testing.assert_close(got.double(), wanted, rtol=2.0**-21, atol=1e-12)
    assert grad.dtype == z.dtype
    torch.testing.assert_close(grad.double(), right_grad, rtol=rounding, atol=1e-8)
    assert not grad[2, 100_000:].any()


def torch_entropy(log_p):
    """Where log p is -inf, torch's product p log p has a gradient of NaN."""
    masked = log_p == -np.inf
    return -(log_p.exp() * log_p.masked_fill(masked, 0.0)).sum(1)


NOT_FINITE = {
    "a NaN": [0.0, np.nan, 1.0],
    "-inf alone": [-np.inf, -np.inf, -np.inf],
    "a masking -inf": [0.0, -np.inf, 1.0],
    "+inf": [0.0, np.inf, 1.0],
}


@pytest.mark.parametrize("case", NOT_FINITE)
def test_the_closed_forms_of_rows_that_are_not_finite(case):
    z = torch.tensor([NOT_FINITE[case], [0.5, 1.0, 2.0]], dtype=torch.float64)
    for function in ("softmax", "log_softmax", "logsumexp"):
        right = getattr(sg, function)(z.numpy())
        np.testing.assert_allclose(torch.func.vmap(getattr(st, function))(z).numpy(), right, rtol=1e-14)
    target = torch.tensor([0, 2])
    right, right_grad = sg.cross_entropy_with_grad(z.numpy(), target.numpy(), reduction="none")
    grad, value = torch.func.grad(
        lambda z: ((v := st.cross_entropy(z, target, reduction="none")).sum(), v), has_aux=True
    )(z)
    np.testing.assert_allclose(value.numpy(), right, rtol=1e-14)
    np.testing.assert_allclose(grad.numpy(), right_grad, rtol=1e-13)
    one = np.ones(2)
    for tokens in (np.array([0, 2]), np.array([1, 2])):  # of the second, one is masked
        t = torch.tensor(tokens)
        outputs, vjp = torch.func.vjp(lambda z, t=t: tuple(st.token_log_probs(z, t)), z)
        for got, right in zip(outputs, sg.token_log_probs(z.numpy(), tokens), strict=True):
            np.testing.assert_allclose(got.numpy(), right, rtol=1e-14)
        (grad,) = vjp((torch.tensor(one), torch.tensor(one)))
        np.testing.assert_allclose(
            grad.numpy(), sg.token_log_probs_vjp(z.numpy(), tokens, one, one), rtol=1e-13, atol=1e-16
        )


def test_ignored_rows_are_not_read():
    z = torch.tensor([[np.nan, np.inf], [1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    for loss in LOSSES:
        for route in (torch.autograd.grad, None):
            f = lambda z, loss=loss: getattr(st, loss)(z, torch.tensor([-100, 0]), ignore_index=-100)  # noqa: E731
            grad = torch.func.grad(f)(z.detach()) if route is None else route(f(z), z)[0]
            assert grad[0].tolist() == [0, 0]
            assert grad.isfinite().all()


SLIPS = {
    "sign": lambda g: -g,
    "zeros": torch.zeros_like,
    "divided by K": lambda g: g / K,
    "transposed classes": lambda g: g.flip(1),
}


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_planted_slip_is_caught(loss, slip):
    z, t = problem("classes", {})
    options = Options(loss, 1, None, 0.0, 0.0, None, 1.0, "mean", None, "zero", 2.0)
    grad = torch.func.grad(lambda z: in_closed_form(options, z, t, None, None))(z)
    right = getattr(sg, f"{loss}_with_grad")(z.numpy(), t.numpy()).grad
    np.testing.assert_allclose(grad.numpy(), right, rtol=1e-12, atol=1e-17)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(SLIPS[slip](grad).numpy(), right, rtol=1e-12, atol=1e-17)
