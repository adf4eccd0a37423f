"""Through the trace, a mistake in a backward pass of torch is named with its line, and the line is mended."""

import inspect

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402

F = torch.nn.functional


def tensor(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Gate(torch.autograd.Function):
    """In place, with views, and an attribute of ctx."""

    @staticmethod
    def forward(ctx, x, w, scale):
        a, b = x.chunk(2, dim=1)
        h = torch.tanh(a @ w.t())
        y = h * torch.sigmoid(b)
        ctx.save_for_backward(a, b, w, h)
        ctx.scale = scale
        return y * scale

    @staticmethod
    def backward(ctx, grad):
        a, b, w, h = ctx.saved_tensors
        s = torch.sigmoid(b)
        g = grad * ctx.scale
        dh = g * s
        db = g * h * s * (1 - s)
        dz = dh * (1 - h)  # the square is missing
        dx = torch.empty(len(grad), 2 * a.shape[1], dtype=grad.dtype)
        dx[:, : a.shape[1]] = dz.mm(w)
        dx[:, a.shape[1] :].copy_(db)
        return dx, dz.t() @ a, None


class Recurrent(torch.autograd.Function):
    """A loop over time, with gradients that are added in place."""

    @staticmethod
    def forward(ctx, xs, wx, wh):
        hs = [torch.zeros(xs.shape[1], wh.shape[0], dtype=xs.dtype)]
        for x in xs.unbind(0):
            hs.append(torch.tanh(x @ wx + hs[-1] @ wh))
        ctx.save_for_backward(xs, wx, wh, torch.stack(hs))
        return torch.stack(hs[1:])

    @staticmethod
    def backward(ctx, grad):
        xs, wx, wh, hs = ctx.saved_tensors
        dxs, dwx, dwh = torch.zeros_like(xs), torch.zeros_like(wx), torch.zeros_like(wh)
        dh = torch.zeros_like(hs[0])
        for t in reversed(range(len(xs))):
            dz = (grad[t] + dh) * (1 - hs[t + 1].square())
            dwx.addmm_(xs[t].t(), dz)
            dwh += hs[t].t() @ dz
            dxs[t] = dz @ wx.t()
            dh = dz @ wh  # wh.t()
        return dxs, dwx, dwh


class Pool(torch.autograd.Function):
    """Gather and scatter."""

    @staticmethod
    def forward(ctx, table, index):
        ctx.save_for_backward(index)
        ctx.rows = table.shape[0]
        return table.index_select(0, index).sum(dim=0) / len(index)

    @staticmethod
    def backward(ctx, grad):
        (index,) = ctx.saved_tensors
        dtable = grad.new_zeros(ctx.rows, grad.shape[-1])
        rows = grad.unsqueeze(0).expand(len(index), -1)  # the mean is missing
        dtable.index_add_(0, index, rows)
        return dtable, None


def through_numpy_forward(x, w):
    return torch.from_numpy(x.numpy() ** 2) @ w


def through_numpy_backward(x, w, output, grad):
    dx = torch.from_numpy((grad @ w.t()).numpy() * x.numpy())  # the 2 is missing
    dw = (x * x).t() @ grad
    return dx, dw


class Inner(torch.autograd.Function):
    """A part of a larger function that torch differentiates."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y / (1 + y)

    @staticmethod
    def backward(ctx, grad):
        _, y = ctx.saved_tensors
        return grad * y / (1 + y)  # the square is missing


def around(x, w):
    return (F.layer_norm(Inner.apply(x @ w), (3,)) * torch.arange(3.0)).sum(-1)


CASES = {  # what is checked, its inputs, the text of the wrong line, the mended line, and the name
    "gate": (
        Gate,
        (tensor(4, 6), tensor(3, 3, seed=1), 0.5),
        "# the square is missing",
        "dz = dh * (1 - h ** 2)",
        "closed-form",
    ),
    "recurrent": (
        Recurrent,
        (tensor(4, 2, 3), tensor(3, 3, seed=1), tensor(3, 3, seed=2)),
        "# wh.t()",
        "dh = dz @ wh.T",
        "transposed-product",
    ),
    "pool": (
        Pool,
        (tensor(5, 3), torch.tensor([1, 4, 1, 0])),
        "# the mean is missing",
        "rows = grad.unsqueeze(0).expand(len(index), -1) / len(index)",
        "lookup-mean-missing",
    ),
    "through NumPy": (
        (through_numpy_forward, through_numpy_backward),
        (tensor(4, 3), tensor(3, 2, seed=1)),
        "# the 2 is missing",
        "dx = torch.from_numpy(2 * (grad @ w.t()).numpy() * x.numpy())",
        "wrong-factor",
    ),
    "inner": (
        around,
        (tensor(4, 2), tensor(2, 3, seed=1)),
        "# the square is missing",
        "return grad * y / ((1 + y) ** 2)",
        "left-out",
    ),
}


def line_of(text, fn):
    """The number of the line that has a text, in the code of what is checked."""
    of = {around: Inner}.get(fn, fn[1] if isinstance(fn, tuple) else fn)
    lines, begin = inspect.getsourcelines(of)
    return next(begin + i for i, line in enumerate(lines) if text in line)


@pytest.mark.parametrize("name", CASES)
def test_the_line_is_exact(name):
    fn, inputs, text, mended, named = CASES[name]
    report = st.check(fn, *inputs)
    assert not report.ok
    assert report.backward_line is not None
    assert report.backward_line.number == line_of(text, fn)
    assert report.backward_line.mended == mended
    assert [one.name for one in report.mistakes] == [named]
