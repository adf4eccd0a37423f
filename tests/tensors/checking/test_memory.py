"""Views, writes and saved tensors: whatever reads the memory of a tensor finds what was computed there."""

import numpy as np
import pytest

from conftest import load

torch = load("torch")

from tensors.checking.tracing import graph_of, torchs  # noqa: E402

RNG = np.random.default_rng(2)
X, W = RNG.normal(size=(3, 4)), RNG.normal(size=4)


def through_views(x):
    y = x * 2
    y.t()[1].mul_(3)
    y[0, 1:] += x[1, 1:]
    y.view(-1)[-1] = x[0, 0] * x[0, 1]
    return y.sin()


def into_an_empty_one(x):
    y = torch.empty_like(x)
    for i in range(len(x)):
        y[i] = x[i].cumsum(0) * (i + 1)
    return y


def detached_and_data(x):
    y = x.exp()
    z = y.detach()
    return z * y.data + x


def recursion(x):
    h = x.new_zeros(3)
    for t in range(4):
        h = torch.tanh(x[:, t] + 0.5 * h)
    return h


def twice(x):
    y = x.exp()
    return y * y.t().t() + y


def in_place_with_out(x):
    y = torch.empty(3, 4, dtype=x.dtype)
    torch.mul(x.detach(), 3.0, out=y)
    y.add_(x.detach() ** 2, alpha=2).clamp_(min=-0.5)
    return y


def through_numpy(x):
    array = np.tanh(x.detach().numpy())
    array[0] *= 2
    return torch.from_numpy(array) * torch.tensor(np.exp(array)) + torch.as_tensor(array.T).t()


def into_numpys_memory(x):
    y = x.detach() * 2
    y.numpy()[1:] += np.square(x.detach().numpy()[1:])
    return y * y


def freed_memory(x):
    total = x * 0
    for i in range(20):
        total = total + (x * i).sin()  # torch gives the memory of what is freed to what comes next
    return total


CASES = {
    "through views": through_views,
    "into an empty one": into_an_empty_one,
    "detached, and .data": detached_and_data,
    "recursion": recursion,
    "twice": twice,
    "out=": in_place_with_out,
    "freed memory": freed_memory,
    "through NumPy": through_numpy,
    "into NumPy's memory": into_numpys_memory,
}
UNSEEN_BY_TORCH = {
    "detached, and .data",
    "out=",
    "through NumPy",
    "into NumPy's memory",
}  # torch's own gradient stops at detach


@pytest.mark.parametrize("name", CASES)
def test_what_was_written_is_read(name):
    function = CASES[name]
    graph = graph_of(function, X)
    assert graph.untraced == ()
    output, upstream, grads = torchs(function, X) if name not in UNSEEN_BY_TORCH else numerical(function)
    np.testing.assert_allclose(graph.output.value, output, rtol=1e-14)
    np.testing.assert_allclose(graph.gradients(upstream)[(0,)], grads[0], rtol=1e-8, atol=1e-9)


def numerical(function, h=1e-5):
    def at(array):
        return function(torch.tensor(array)).numpy()

    output = at(X)
    upstream = RNG.normal(size=output.shape)
    grad = np.zeros_like(X)
    for i in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[i] = h
        grad[i] = (upstream * (at(X + step) - at(X - step))).sum() / (2 * h)
    return output, upstream, [grad]


def test_a_view_that_is_read_twice_is_one_node():
    graph = graph_of(lambda x: x.t() @ torch.ones(3, dtype=x.dtype) + W[0] * x.sum(0), X)
    taken = [one for one in graph.nodes if one.op == "gather"]
    assert len(taken) == 1


def test_an_operator_that_is_not_known_is_named():
    graph = graph_of(lambda x: torch.fft.rfft(x).abs() + x.sum(), X)
    assert any(one.startswith("torch.fft, line") for one in graph.untraced)


def test_a_number_taken_out_of_a_tensor_is_named():
    graph = graph_of(lambda x: x / x.detach().max().item(), X)
    assert any("item" in one for one in graph.untraced)


def test_what_is_replaced_is_put_back():
    originals = torch.from_numpy, torch.tensor, torch.as_tensor
    seen = []
    graph_of(lambda x: seen.append(torch.tensor is originals[1]) or x * 2, X)
    assert seen == [False]
    assert (torch.from_numpy, torch.tensor, torch.as_tensor) == originals
    assert "numpy" not in vars(torch.Tensor)


def sums_and_products(x):
    n, ctx = x.shape[1], type("ctx", (), {"scale": 0.5, "saved": x})
    return [
        2 * x,
        x * 2,
        n * x,
        x * n,
        len(x) * x,
        (1 + n) * x,
        ctx.scale * x,
        n * ctx.saved,
        1 + x,
        x + 1,
        x.size(0) + x,
    ]


FIRST = [True, False, True, False, True, True, True, True, True, False, True]  # the number


def test_operands_stand_as_they_are_written():
    graph = graph_of(lambda x: torch.stack(sums_and_products(x)), X)
    found = [one for one in graph.nodes if one.op in ("add", "multiply")]
    assert [one.parents[0].op == "constant" for one in found] == FIRST


def test_operators_of_one_call_have_sites_of_their_own():
    graph = graph_of(lambda x: x.repeat_interleave(2, dim=0) * 1.0, X)
    sites = [one.site for one in graph.nodes if one.op == "gather"]
    assert len(sites) == len(set(sites)) > 1

    def loop(x):
        for _ in range(3):
            x = x.repeat_interleave(2, dim=0) * 1.0
        return x

    graph = graph_of(loop, X)
    groups = [nodes for site, nodes in graph.groups.items() if site.op == "gather"]
    assert len(groups) == len(sites)
    assert all(len(nodes) == 3 for nodes in groups)
