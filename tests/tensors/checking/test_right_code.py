"""Code of torch and of softgrad that is right: none of it is called wrong, however it is called."""

import numpy as np
import pytest

from conftest import load
from sampled import every

torch = load("torch")

import softgrad.torch as st  # noqa: E402
from tensors.checking.written import normal  # noqa: E402

F = torch.nn.functional
nn = torch.nn


X, W, LABELS = normal(4, 3), normal(3, 5, seed=1), torch.tensor([0, 2, 1, 1])
IMAGES, FILTERS = normal(2, 3, 6, 5), normal(4, 3, 3, 2, seed=2)
IDS = torch.tensor([[1, 0, 3], [3, 3, 2]])
POSITIVE = normal(4, 3).abs() + 0.1

OPERATIONS = {
    "softmax": (lambda z: torch.softmax(z, dim=-1), X),
    "log_softmax": (F.log_softmax, X, 1),
    "logsumexp": (torch.logsumexp, X, 1),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (3,), w, b), X, W[:, 0].clone(), W[:, 1].clone()),
    "gelu": (F.gelu, X),
    "silu": (F.silu, X),
    "relu, at its kink": (F.relu, torch.tensor([[0.0, 1.0, -1.0], [2.0, 0.0, -0.5]], dtype=torch.float64)),
    "conv2d": (F.conv2d, IMAGES, FILTERS),
    "conv2d, strides": (lambda x, w: F.conv2d(x, w, stride=2, padding=1), IMAGES, FILTERS),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2), IMAGES),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2), IMAGES),
    "embedding": (F.embedding, IDS, normal(5, 3)),
    "matmul": (torch.matmul, X, W),
    "bmm": (torch.bmm, normal(2, 4, 3), normal(2, 3, 5)),
    "einsum": (lambda a, b: torch.einsum("ij,kj->ik", a, b), X, normal(2, 3)),
    "cross_entropy": (F.cross_entropy, X, LABELS),
    "cross_entropy, probabilities": (F.cross_entropy, X, torch.softmax(normal(4, 3, seed=3), 1)),
    "cross_entropy, ignored": (F.cross_entropy, X, torch.tensor([0, -100, 1, -100])),
    "mse_loss": (F.mse_loss, X, normal(4, 3, seed=4)),
    "huber_loss": (F.huber_loss, X, normal(4, 3, seed=4)),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, X, (X > 0.3).double()),
    "kl_div": (
        lambda q, p: F.kl_div(q, p, reduction="batchmean"),
        F.log_softmax(X, 1),
        torch.softmax(normal(4, 3, seed=3), 1),
    ),
    "max": (lambda x: x.max(dim=1).values, X),
    "max, ties": (lambda x: x.amax(dim=1), torch.tensor([[1.0, 1.0, 0.0], [2.0, 0.0, 2.0]], dtype=torch.float64)),
    "sort": (lambda x: x.sort(dim=1), X),
    "topk": (lambda x: x.topk(2, dim=1), X),
    "clamp": (lambda x: x.clamp(-0.5, 0.5), X),
    "abs, at its kink": (torch.abs, torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64)),
    "norm": (lambda x: x.norm(dim=1), X),
    "cosine_similarity": (F.cosine_similarity, X, normal(4, 3, seed=5)),
    "cumsum": (torch.cumsum, X, 1),
    "cumprod": (torch.cumprod, X, 1),
    "var": (lambda x: x.var(dim=0), X),
    "std": (lambda x: x.std(), X),
    "sqrt": (torch.sqrt, POSITIVE),
    "log": (torch.log, POSITIVE),
    "pow": (torch.pow, POSITIVE, normal(4, 3, seed=6)),
    "x ** 3 at 0": (lambda x: x**3, torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64)),
    "solve": (torch.linalg.solve, normal(3, 3) + 3 * torch.eye(3, dtype=torch.float64), normal(3, 2)),
    "inv": (torch.linalg.inv, normal(3, 3) + 3 * torch.eye(3, dtype=torch.float64)),
    "gather": (lambda x, i: x.gather(1, i[:, None]), X, LABELS),
    "index_add": (lambda x, s: x.index_add(0, torch.tensor([0, 0, 1]), s), X, normal(3, 3, seed=7)),
    "index, repeated": (lambda x: x[torch.tensor([0, 0, 2])], X),
    "where": (lambda x, y: torch.where(x > y, x * y, y), X, normal(4, 3, seed=8)),
    "in place": (lambda x: x.clone().mul_(2).exp_(), X),
    "in place on its input": (lambda x: x.mul_(2).sin(), X),
    "a view": (lambda x: x.t(), X),
    "itself": (lambda x: x, X),
    "scaled_dot_product_attention": (F.scaled_dot_product_attention, *(normal(1, 2, 4, 3, seed=i) for i in range(3))),
    "checkpoint": (lambda x: torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=False), X),
    "float32": (F.gelu, X.float()),
    "constant in part": (lambda x: (x.sin(), x.detach().cos()), X),
    "a gradient of 0": (lambda x: torch.softmax(x, 1).sum(), X),
}

SOFTGRAD = {
    "softmax": (lambda z: st.softmax(z), X),
    "cross_entropy": (lambda z, y: st.cross_entropy(z, y, label_smoothing=0.1), X, LABELS),
    "focal_loss": (lambda z, y: st.focal_loss(z, y, reduction="none"), X, LABELS),
    "kl_divergence": (lambda z, t: st.kl_divergence(z, t), X, torch.softmax(normal(4, 3, seed=3), 1)),
    "linear_cross_entropy": (lambda x, w, y: st.linear_cross_entropy(x, w, y), X, normal(6, 3), LABELS),
    "CrossEntropyLoss": (st.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)), X, LABELS),
}

MODULES = {
    "Linear": (nn.Linear(3, 2), X),
    "BatchNorm2d, training": (nn.BatchNorm2d(3), IMAGES),
    "BatchNorm2d, evaluation": (nn.BatchNorm2d(3).eval(), IMAGES),
    "BatchNorm1d in the middle": (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)), X[:3]),
    "GroupNorm": (nn.GroupNorm(3, 3), IMAGES),
    "a convolutional network": (nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 3)), IMAGES),
    "Embedding": (nn.Embedding(5, 3), IDS),
    "LSTM": (nn.LSTM(3, 2, batch_first=True), normal(2, 4, 3)),
    "GRUCell": (nn.GRUCell(3, 2), X, normal(4, 2)),
    "MultiheadAttention": (nn.MultiheadAttention(4, 2, batch_first=True), *(normal(2, 3, 4, seed=i) for i in range(3))),
    "TransformerEncoderLayer, with dropout": (nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), normal(2, 3, 4)),
    "Dropout": (nn.Dropout(0.4), X),
    "PReLU": (nn.PReLU(), X),
}


class Sine(torch.autograd.Function):
    """Right; the classes below it are written in other ways."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].cos()


class InFloat32Alone(Sine):
    @staticmethod
    def forward(ctx, x):
        if x.dtype != torch.float32:
            raise TypeError("wanted float32")
        return Sine.forward(ctx, x)


class ContiguousAlone(Sine):
    @staticmethod
    def forward(ctx, x):
        assert x.is_contiguous()
        return Sine.forward(ctx, x)


class OfNumpysGenerator(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mask = torch.from_numpy(RNG.random(x.shape) < 0.5)
        return x * ctx.mask

    @staticmethod
    def backward(ctx, g):
        return g * ctx.mask


class OfAGenerator(OfNumpysGenerator):
    @staticmethod
    def forward(ctx, x):
        ctx.mask = torch.rand(x.shape, generator=GENERATOR) < 0.5
        return x * ctx.mask


class WithAutocast(torch.autograd.Function):
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu")
    def forward(ctx, x):
        return Sine.forward(ctx, x)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, g):
        return Sine.backward(ctx, g)


class ByVjp(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def vjp(ctx, g):
        return g * ctx.saved_tensors[0].cos()


class WithIndices(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        values, indices = x.max(dim=1)
        ctx.mark_non_differentiable(indices)
        ctx.save_for_backward(indices)
        ctx.shape = x.shape
        return values, indices

    @staticmethod
    def backward(ctx, g, _):
        return g.new_zeros(ctx.shape).scatter_(1, ctx.saved_tensors[0][:, None], g[:, None])


class WithDefaults(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight=None, eps=1e-5):
        return Sine.forward(ctx, x)

    @staticmethod
    def backward(ctx, g):
        return Sine.backward(ctx, g), None, None


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(self.a(x).tanh())


class RMSNormInFloat32(nn.Module):
    """As language models have it: the rows are float32 inside, and the gradient of the weight comes from them."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x):
        rows = x.to(torch.float32)
        return self.weight * (rows * torch.rsqrt(rows.square().mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, x):
        inner = lambda x: self.norm(self.first(x)).tanh()  # noqa: E731
        return self.last(torch.utils.checkpoint.checkpoint(inner, x, use_reentrant=False))


def hessian_times(x, v):
    """In forward mode torch makes tensors of zeros that have no memory."""
    return torch.func.jvp(torch.func.grad(lambda y: (y**3).sum() + y.prod()), (x,), (v,))[1]


class SeededDropout(torch.autograd.Function):
    """The mask comes from a generator made in forward, which draws other numbers in float32 than in float64."""

    @staticmethod
    def forward(ctx, x):
        drawn = torch.rand(x.shape, generator=torch.Generator().manual_seed(3), dtype=x.dtype)
        mask = (drawn > 0.3) / 0.7
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


class FrequencyOfTheDtype(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.frequency = 4.0 if x.dtype == torch.float64 else 2.0
        ctx.save_for_backward(x)
        return torch.sin(ctx.frequency * x)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.frequency * torch.cos(ctx.frequency * ctx.saved_tensors[0])


class WrongFrequencyOfTheDtype(FrequencyOfTheDtype):
    @staticmethod
    def backward(ctx, g):
        return g * 4.0 * torch.cos(ctx.frequency * ctx.saved_tensors[0])


def test_another_function_in_float32_hides_no_mistake():
    assert st.check(WrongFrequencyOfTheDtype, X).mistake.name == "wrong-in-float32"


RNG, GENERATOR = np.random.default_rng(0), torch.Generator().manual_seed(3)
WAYS = {
    "float32 alone": (InFloat32Alone, X.float()),
    "contiguous inputs alone": (ContiguousAlone, X),
    "NumPy's generator": (OfNumpysGenerator, X),
    "a generator of its own": (OfAGenerator, X),
    "custom_fwd and custom_bwd": (WithAutocast, X),
    "vjp": (ByVjp, X),
    "indices": (WithIndices, X),
    "defaults": (WithDefaults, X),
    "defaults, given": (WithDefaults, X, None, 1e-3),
    "tied weights": (Tied(), X),
    "torch.func.grad": (lambda x: torch.func.grad(lambda y: (y**3).sum())(x), X),
    "vmap": (lambda x: torch.vmap(lambda row: row.softmax(0))(x), X),
    "torch.func.jvp of torch.func.grad": (hessian_times, POSITIVE[0], X[0]),
    "float32 inside": (RMSNormInFloat32(), X),
    "another function in float32": (FrequencyOfTheDtype, X),
    "other random numbers in float32": (SeededDropout, normal(8, 9)),
    "a checkpoint of a module": (Checkpointed(), X),
    "several outputs of a layer": (nn.RNN(3, 2), normal(4, 2, 3)),
}


@pytest.mark.parametrize("case", every(2, WAYS))
def test_ways_to_write_it(case):
    fn, *inputs = WAYS[case]
    report = st.check(fn, *inputs)
    assert report.ok is True, report.text()
    assert not any("could not be tried" in fact for fact in report.facts)


class WrongRMSNormInFloat32(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        rows = x.float()
        rstd = torch.rsqrt(rows.square().mean(-1, keepdim=True) + 1e-6)
        ctx.save_for_backward(rows, weight, rstd)
        return (rows * rstd).to(x.dtype) * weight

    @staticmethod
    def backward(ctx, g):
        rows, weight, rstd = ctx.saved_tensors
        through, xhat = g * weight, rows * rstd
        dx = (through - xhat * (through * xhat).sum(-1, keepdim=True)) * rstd  # a mean belongs here
        return dx, (g * xhat).sum(0)


def test_float32_inside_hides_no_mistake():
    report = st.check(WrongRMSNormInFloat32, X, W[:, 0].clone())
    assert report.ok is False
    assert report.backward_line.text.startswith("dx = ")


@pytest.mark.parametrize("case", every(2, OPERATIONS))
def test_operations_of_torch(case):
    fn, *inputs = OPERATIONS[case]
    report = st.check(fn, *inputs)
    assert report.ok is True, report.text()


@pytest.mark.parametrize("case", SOFTGRAD)
def test_functions_of_softgrad(case):
    fn, *inputs = SOFTGRAD[case]
    report = st.check(fn, *inputs)
    assert report.ok is True, report.text()


@pytest.mark.parametrize("case", every(2, MODULES))
def test_modules(case):
    module, *inputs = MODULES[case]
    report = st.check(module, *inputs)
    assert report.ok is True, report.text()


class Pinball(torch.autograd.Function):
    """The loss of a quantile: torch.where of two numbers is float32, which is what the inputs usually are."""

    @staticmethod
    def forward(ctx, q, y, tau):
        ctx.save_for_backward(y - q)
        ctx.tau = tau
        return torch.maximum(tau * (y - q), (tau - 1) * (y - q)).sum()

    @staticmethod
    def backward(ctx, g):
        (e,) = ctx.saved_tensors
        d = torch.where(e > 0, -ctx.tau, 1 - ctx.tau) * g
        return d, -d, None


def test_a_gradient_in_float32_is_right_for_inputs_in_float32():
    q, y = normal(9), normal(9, seed=1)
    report = st.check(Pinball, q.float(), y.float(), 0.2)
    assert report.ok
    assert "the gradient of q stays float32, as the inputs given are, where these are float64" in report.facts
    assert st.check(Pinball, q, y, 0.2).mistake.name == "float32-result"
