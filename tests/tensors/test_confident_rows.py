"""On confident rows torch loses the loss and the gradient at the target; ours keep their digits, by kernels or not.

The row (x, 0, 0) with target 0 has the loss log1p(2 exp(-x)). torch computes it as a difference of numbers near x, so
that its error is about eps x, and its gradient at the target is p - 1.
"""

import math

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402

F = torch.nn.functional
X = [4.0, 8.0, 12.0, 17.0, 30.0, 60.0]
EPS = {"float32": 2.0**-23, "bfloat16": 2.0**-7, "float64": 2.0**-52}
TARGET = torch.tensor([0])
# The largest relative errors in units of eps of the dtype, over X: ours at most, torch at least.
OURS = 4.0
TORCH = {"float32": 2.0**22, "bfloat16": 2.0**6, "float64": 2.0**51}  # an error of 100 %: torch gives 0 for some X


def truth(x):
    loss = math.log1p(2 * math.exp(-x))
    return loss, -2 * math.exp(-x) / (1 + 2 * math.exp(-x))


def errors(function, dtype, route):
    """The largest relative errors of the loss and of the gradient at the target, in eps of their dtypes."""
    worst = [0.0, 0.0]
    for x in X:
        z = torch.tensor([[x, 0.0, 0.0]], dtype=getattr(torch, dtype))
        if route == "closed form":
            grad, loss = torch.func.grad_and_value(lambda z: function(z, TARGET))(z)
        else:
            loss = function(z.requires_grad_(), TARGET)
            (grad,) = torch.autograd.grad(loss, z)
        kind = {"torch.bfloat16": "bfloat16", "torch.float32": "float32", "torch.float64": "float64"}
        for i, (got, right) in enumerate(zip((loss, grad[0, 0]), truth(x), strict=True)):
            worst[i] = max(worst[i], abs(got.item() / right - 1) / EPS[kind[str(got.dtype)]])
    return worst


@pytest.mark.parametrize("dtype", EPS)
@pytest.mark.parametrize("route", ["kernels", "closed form"])
def test_ours_are_exact_to_some_ulp(route, dtype):
    assert max(errors(st.cross_entropy, dtype, route)) <= OURS


@pytest.mark.parametrize("dtype", EPS)
def test_torch_loses_all_digits(dtype):
    assert max(errors(F.cross_entropy, dtype, "torch")) >= TORCH[dtype]


def of_tokens(z, tokens):
    """The loss of a policy gradient is minus the log-probability."""
    return -st.token_log_probs(z, tokens).log_probs


@pytest.mark.parametrize("dtype", EPS)
@pytest.mark.parametrize("route", ["kernels", "closed form"])
def test_log_probabilities_are_exact_to_some_ulp(route, dtype):
    def loss(z, tokens):
        return of_tokens(z, tokens).sum()

    assert max(errors(loss, dtype, route)) <= OURS


@pytest.mark.parametrize("route", ["kernels", "closed form"])
@pytest.mark.parametrize("x", X)
def test_the_entropy_and_its_gradient_are_exact_to_some_ulp(route, x):
    """H = log1p(2 e) + 2 x e / (1 + 2 e) with e = exp(-x), and dH/dz_0 = -2 x e / (1 + 2 e)^2."""
    z = torch.tensor([[x, 0.0, 0.0]])
    if route == "closed form":
        grad, H = torch.func.grad_and_value(lambda z: st.token_log_probs(z, TARGET).entropy.sum())(z)
    else:
        H = st.token_log_probs(z.requires_grad_(), TARGET).entropy.sum()
        (grad,) = torch.autograd.grad(H, z)
    e = math.exp(-x)
    assert abs(H.item() / (math.log1p(2 * e) + 2 * x * e / (1 + 2 * e)) - 1) <= 4 * EPS["float32"]
    assert abs(grad[0, 0].item() / (-2 * x * e / (1 + 2 * e) ** 2) - 1) <= 4 * EPS["float32"]


@pytest.mark.parametrize("route", ["kernels", "closed form"])
def test_rows_of_the_gradient_sum_to_0(route):
    z = torch.tensor([[17.0, 0.0, 0.0]])
    if route == "kernels":
        z.requires_grad_()
        (grad,) = torch.autograd.grad(st.cross_entropy(z, TARGET), z)
    else:
        grad = torch.func.grad(lambda z: st.cross_entropy(z, TARGET))(z)
    assert abs(grad.sum()) <= 2.0**-23 * grad.abs().max()
    assert grad[0, 0] < -8e-8


@pytest.mark.parametrize("route", ["kernels", "transformed", "recorded"])
@pytest.mark.parametrize("function", [st.softmax, st.log_softmax])
def test_products_with_jacobians(function, route):
    """dz of an upstream gradient at the confident class: p (1 - p) or 1 - p."""
    z = torch.tensor([[30.0, 0.0]], requires_grad=True)
    right = math.exp(-30)
    if route == "transformed":
        grad = torch.func.grad(lambda z: function(z)[0, 0])(z.detach())
    else:
        (grad,) = torch.autograd.grad(function(z)[0, 0], z, create_graph=route == "recorded")
    assert abs(grad[0, 0].item() / right - 1) < 1e-5


def test_hessians():
    z = torch.tensor([30.0, 0.0])
    H = torch.func.hessian(lambda z: st.cross_entropy(z, torch.tensor(0)))(z)
    right = math.exp(-30)
    torch.testing.assert_close(H / right, torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), rtol=1e-5, atol=0)
