"""Power iterations and fixed points: their gradients are right where they have converged."""

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from tensors.checking.written import normal  # noqa: E402


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * torch.cos(x)


class Slip(torch.nn.Module):
    def forward(self, x):
        return Doubled.apply(x)


NORMS = {
    "as a parametrization": torch.nn.utils.parametrizations.spectral_norm,
    "as a hook": torch.nn.utils.spectral_norm,
}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.filterwarnings("ignore:.*spectral_norm.*:FutureWarning")
def test_spectral_norm_is_right(norm):
    torch.manual_seed(0)
    layer = NORMS[norm](torch.nn.Linear(3, 2, dtype=torch.float64))
    buffers = {name: one.clone() for name, one in layer.named_buffers()}
    report = st.check(layer, normal(4, 3))
    assert report.ok is True, report.text()
    assert any(fact.startswith("the vectors u and v of spectral_norm were held") for fact in report.facts)
    assert all(torch.equal(one, buffers[name]) for name, one in layer.named_buffers())
    wrong = st.check(torch.nn.Sequential(layer, Slip()), normal(4, 3))
    assert wrong.ok is False
    layer(normal(4, 3))
    assert any(not torch.equal(one, buffers[name]) for name, one in layer.named_buffers())  # it goes on afterwards


class FixedPoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        z = torch.zeros_like(x)
        for _ in range(100):
            z, before = torch.tanh(z @ w + x), z
            if (z - before).norm() < 1e-12:
                break
        ctx.save_for_backward(z, w)
        return z

    @staticmethod
    def backward(ctx, g):
        z, w = ctx.saved_tensors
        slope, u = 1 - z**2, g
        for _ in range(100):
            u, before = g + (u * slope) @ w.T, u
            if (u - before).norm() < 1e-12:
                break
        return u * slope, z.T @ (u * slope)


@pytest.mark.thorough
def test_a_fixed_point_is_right():
    report = st.check(FixedPoint, normal(2, 3), 0.2 * normal(3, 3, seed=1))
    assert report.ok is True, report.text()
