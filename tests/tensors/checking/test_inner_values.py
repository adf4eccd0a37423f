"""Functions of torch that compute others on their way: the words tell the inner ones from the whole."""

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402

F = torch.nn.functional
X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


class SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return F.silu(x) * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        s = torch.sigmoid(x)
        return g * y * s * (1 + x * s), g * x * s  # the derivative of the sigmoid is s * (1 - s)


class Mish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return F.mish(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        t = torch.tanh(F.softplus(x))
        return g * (t + x * (1 - t * t))  # without the derivative of softplus


def test_the_sigmoid_of_silu():
    mistake = st.check(SwiGLU, X, X.flip(0)).mistake
    assert mistake.name == "closed-form"
    assert "The derivative of y = `sigmoid(x)` by x = `x` is written as y ** 2" in mistake.explanation
    assert mistake.formula == "d(x) = d(sigmoid(x)) * sigmoid(x) * (1 - sigmoid(x)) + d(F.silu(x)) * sigmoid(x)"


def test_the_softplus_of_mish():
    mistake = st.check(Mish, X).mistake
    assert mistake.name == "skipped"
    assert "the gradient of `torch.logaddexp(x, 0)` is passed on to `x` without the derivative" in mistake.explanation
    assert mistake.formula == "d(x) = d(torch.logaddexp(x, 0)) * torch.exp(x - torch.logaddexp(x, 0))"


class RootOfMeanSquares(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        r = x.pow(2).mean(-1, keepdim=True).add(1e-6).rsqrt()
        ctx.save_for_backward(x, r)
        return x * r

    @staticmethod
    def backward(ctx, g):
        x, r = ctx.saved_tensors
        return r * g - x * r * (g * x).mean(-1, keepdim=True)  # r ** 3


def test_the_root_inside_of_rsqrt_is_not_called_by_its_variable():
    notes = " ".join(st.check(RootOfMeanSquares, X).backward_line.notes)
    assert "the gradient of r" not in notes
    assert "the gradient of the sqrt in line" in notes
