"""A case of each operator of torch: a function of tensors, and arrays to call it with.

The name of a case is that of the operator, with a word behind it for another form of it.
"""

import numpy as np

from conftest import load

torch = load("torch")
F, aten = torch.nn.functional, torch.ops.aten


def words(text):
    return text.split()


LINEAR = {"silu_backward", "mish_backward"}  # in their tensor, entry by entry; torch has no derivative of them
ROUNDED = {  # relative: torch computes these, or their derivatives, in fewer digits
    "hardsigmoid": 1e-7,
    "_to_copy": 1e-6,
    "digamma": 1e-8,
}
RNG = np.random.default_rng(5)
X, Y, G = (RNG.normal(size=(3, 4)) for _ in range(3))
P, Q = RNG.uniform(0.2, 0.8, (3, 4)), RNG.uniform(0.2, 0.8, (3, 4))
A, B, C = (RNG.normal(size=(3, 3)) + 3 * np.eye(3) for _ in range(3))
STACK, OTHERS = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 4, 5))
V, W = RNG.normal(size=4), RNG.normal(size=3)
IMAGES, KERNEL = RNG.normal(size=(2, 2, 4, 5)), RNG.normal(size=(3, 2, 3, 2))
COLUMNS = torch.tensor([[2, 0, 2, 1], [1, 3, 0, 3], [3, 0, 0, 0]])
ROWS = torch.tensor([2, 0, 2])
MASK = torch.tensor(X > 0.2)
MATRIX = 0.3 * A + np.tril(B)

FLAT = {"sign", "floor", "ceil", "trunc", "round", "sgn"}  # their derivative is 0
ONE = words(
    """
    exp exp2 expm1 sin cos tan sinh cosh tanh asinh atan erf erfc abs neg relu silu mish softplus hardswish hardsigmoid
    hardtanh leaky_relu elu gelu sigmoid deg2rad rad2deg positive clone special_ndtr special_log_ndtr special_erfcx
    special_i0e i0 special_i1 frac square sign floor ceil trunc round sgn
    """
)
POSITIVE = words("log log2 log10 log1p sqrt rsqrt reciprocal lgamma digamma asin acos atanh erfinv special_entr logit")
TWO = words("mul maximum minimum fmax fmin hypot atan2 logaddexp logaddexp2 true_divide copysign")


def called(name):
    for owner in (torch, F, torch.special):
        if hasattr(owner, name.removeprefix("special_")):
            return getattr(owner, name.removeprefix("special_"))
    return getattr(aten, name)


def written(x, write):
    """A copy of a tensor after something was written into it."""
    z = x * 1.5
    write(z)
    return z * z


CASES = {
    **{name: (called(name), X) for name in ONE},
    **{name: (called(name), P) for name in POSITIVE},
    **{name: (called(name), X, Y) for name in TWO},
    "log_sigmoid_forward": (F.logsigmoid, X),
    "acosh": (torch.acosh, P + 1),
    "special_ndtri": (torch.special.ndtri, P),
    "xlogy": (torch.xlogy, X, P),
    "special_xlog1py": (torch.special.xlog1py, X, P),
    "add": (lambda x, y: x + y, X, Y[0]),
    "add alpha": (lambda x, y: torch.add(x, y, alpha=2.5), X, Y),
    "add in place": (lambda x, y: x.clone().add_(y, alpha=-1.5), X, Y),
    "sub": (lambda x, y: torch.sub(x, y, alpha=0.5) - 1, X, Y),
    "rsub": (lambda x: 1 - x, X),
    "div": (lambda x, y: x / y, X, P),
    "div floor": (lambda x, y: torch.div(x, y, rounding_mode="floor") * y, X, P),
    "div trunc": (lambda x, y: torch.div(x, y, rounding_mode="trunc") * y, X, P),
    "floor_divide": (lambda x, y: x.detach() // y.detach() * y, X, P),
    "remainder": (lambda x, y: torch.remainder(x, y), 5 * X, P),
    "fmod": (torch.fmod, 5 * X, P),
    "pow": (lambda x: x**3, X),
    "pow square": (lambda x: x**2, X),
    "pow root": (lambda x: x**0.5, P),
    "pow tensor": (lambda x, y: x**y, P, 3 * Q),
    "pow scalar": (lambda x: 2.0**x, X),
    "clamp": (lambda x: x.clamp(-0.5, 0.7), X),
    "clamp low": (lambda x: torch.clamp(x, min=0.1), X),
    "clamp tensors": (lambda x, y: torch.clamp(x, y, y + 1), X, Y),
    "clamp_min": (lambda x: x.clamp_min(0.1), X),
    "clamp_max": (lambda x: x.clamp_max(0.1), X),
    "where": (lambda x, y: torch.where(MASK, x, y), X, Y),
    "where number": (lambda x: torch.where(x > 0, x, 0.0), X),
    "threshold": (lambda x: F.threshold(x, 0.2, -1.0), X),
    "heaviside": (lambda x, y: torch.heaviside(x.detach(), y.detach()) * y, X, Y),
    "gelu tanh": (lambda x: F.gelu(x, approximate="tanh"), X),
    "softplus beta": (lambda x: F.softplus(x, beta=2.0, threshold=3.0), 3 * X),
    "celu": (lambda x: F.celu(x, 1.5), X),
    "selu": (torch.selu, X),
    "lerp": (lambda x, y, w: torch.lerp(x, y, w), X, Y, P),
    "lerp number": (lambda x, y: torch.lerp(x, y, 0.3), X, Y),
    "addcmul": (lambda x, y, z: torch.addcmul(x, y, z, value=0.5), X, Y, P),
    "addcdiv": (lambda x, y, z: torch.addcdiv(x, y, z, value=0.5), X, Y, P),
    "nan_to_num": (lambda x: torch.nan_to_num(x + torch.tensor([1.0, np.inf, -np.inf, np.nan]), 1.0, 2.0, 3.0), X),
    "_to_copy": (lambda x: x.to(torch.float32).double() * 2, X),
    "gt": (lambda x: x * (x > 0.1), X),
    "ge": (lambda x: x * (x >= 0.1), X),
    "lt": (lambda x, y: x * (x < y), X, Y),
    "le": (lambda x: x * (x <= 0.1), X),
    "eq": (lambda x: x * (x == x.abs()), X),
    "ne": (lambda x: x * (x != x.abs()), X),
    "logical_and": (lambda x: x * torch.logical_and(x > -1, x < 1), X),
    "logical_or": (lambda x: x * torch.logical_or(x > 1, x < 0), X),
    "logical_xor": (lambda x: x * torch.logical_xor(x > 1, x < 0), X),
    "logical_not": (lambda x: x * torch.logical_not(x > 0), X),
    "bitwise_and": (lambda x: x * ((x > -1) & (x < 1)), X),
    "bitwise_or": (lambda x: x * ((x > 1) | (x < 0)), X),
    "bitwise_xor": (lambda x: x * ((x > 1) ^ (x < 0)), X),
    "bitwise_not": (lambda x: x * ~(x > 0), X),
    "isnan": (lambda x: x.masked_fill(torch.isnan(x), 0.0), X),
    "isinf": (lambda x: x.masked_fill(torch.isinf(1 / x), 0.0), X),
    "isfinite": (lambda x: x * torch.isfinite(x), X),
    "signbit": (lambda x: x * torch.signbit(x), X),
    "copy": (lambda x, y: written(x, lambda z: z[1:].copy_(y)), X, Y[0]),
    "fill": (lambda x: written(x, lambda z: z[:, 1].fill_(2.0)), X),
    "zero": (lambda x: written(x, lambda z: z[0].zero_()), X),
    "mse_loss": (F.mse_loss, X, Y),
    "mse_loss sum": (lambda x, y: F.mse_loss(x, y, reduction="sum"), X, Y),
    "smooth_l1_loss": (F.smooth_l1_loss, X, Y),
    "huber_loss": (lambda x, y: F.huber_loss(x, y, delta=0.5), X, Y),
    "binary_cross_entropy": (lambda x: F.binary_cross_entropy(x, torch.tensor(Q)), P),
    "binary_cross_entropy_with_logits": (lambda x, y: F.binary_cross_entropy_with_logits(x, y), X, Q),
    "binary_cross_entropy_with_logits weights": (
        lambda x: F.binary_cross_entropy_with_logits(
            x, torch.tensor(Q), weight=torch.tensor(P), pos_weight=torch.tensor([1.0, 2.0, 3.0, 4.0])
        ),
        X,
    ),
    # backward passes
    "tanh_backward": (lambda g, y: aten.tanh_backward(g, y), G, P),
    "sigmoid_backward": (lambda g, y: aten.sigmoid_backward(g, y), G, P),
    "threshold_backward": (lambda g: aten.threshold_backward(g, torch.tensor(X), 0), G),
    "leaky_relu_backward": (lambda g: aten.leaky_relu_backward(g, torch.tensor(X), 0.1, False), G),
    "elu_backward": (lambda g, x: aten.elu_backward(g, 1.5, 2.0, 0.5, False, x), G, X),
    "gelu_backward": (lambda g, x: aten.gelu_backward(g, x), G, X),
    "gelu_backward tanh": (lambda g, x: aten.gelu_backward(g, x, approximate="tanh"), G, X),
    "silu_backward": (lambda g: aten.silu_backward(g, torch.tensor(X)), G),
    "mish_backward": (lambda g: aten.mish_backward(g, torch.tensor(X)), G),
    "softplus_backward": (lambda g, x: aten.softplus_backward(g, x, 2.0, 3.0), G, X),
    "hardtanh_backward": (lambda g: aten.hardtanh_backward(g, torch.tensor(X), -0.5, 0.5), G),
    "log_sigmoid_backward": (lambda g, x: torch.autograd.grad(F.logsigmoid(x), x, g, create_graph=True)[0], G, X),
    "_softmax_backward_data": (lambda g, y: aten._softmax_backward_data(g, y, -1, torch.float64), G, P),
    "_log_softmax_backward_data": (lambda g, y: aten._log_softmax_backward_data(g, y, 1, torch.float64), G, X),
    # reductions
    "sum": (lambda x: x.sum(), X),
    "sum dim": (lambda x: x.sum(dim=(0, 2), keepdim=True), STACK),
    "sum last": (lambda x: x.sum(-1), STACK),
    "mean": (lambda x: x.mean(), X),
    "mean dim": (lambda x: x.mean(dim=-1, keepdim=True), X),
    "var": (lambda x: x.var(), X),
    "var dim": (lambda x: x.var(dim=-1, unbiased=False, keepdim=True), X),
    "var correction": (lambda x: torch.var(x, dim=0, correction=0), X),
    "std": (lambda x: x.std(0), X),
    "var_mean": (lambda x: torch.cat(torch.var_mean(x, dim=1)), X),
    "std_mean": (lambda x: torch.cat(torch.std_mean(x, 1, unbiased=False)), X),
    "max": (lambda x: x.max(), X),
    "max dim": (lambda x: x.max(dim=1, keepdim=True).values, X),
    "max other": (lambda x, y: torch.max(x, y), X, Y),
    "min": (lambda x: x.min(), X),
    "min dim": (lambda x: x.min(0)[0], X),
    "amax": (lambda x: x.amax(-1), X),
    "amin": (lambda x: torch.amin(x, (0, 1)), X),
    "prod": (lambda x: x.prod(), X),
    "prod dim": (lambda x: x.prod(1), X),
    "linalg_vector_norm": (lambda x: x.norm(), X),
    "linalg_vector_norm dim": (lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True), X),
    "linalg_vector_norm 1": (lambda x: torch.linalg.vector_norm(x, 1, dim=-1), X),
    "linalg_vector_norm 3": (lambda x: torch.linalg.vector_norm(x, 3.0), X),
    "linalg_vector_norm dims": (lambda x: torch.linalg.vector_norm(x, dim=(0, 2)), STACK),
    "norm": (lambda x: aten.norm(x, 2, [1], True), X),
    "normalize": (lambda x: F.normalize(x, dim=-1), X),
    "logsumexp": (lambda x: x.logsumexp(-1), X),
    "logsumexp keepdim": (lambda x: torch.logsumexp(x, (0, 1), keepdim=True), X),
    "_softmax": (lambda x: x.softmax(0), X),
    "_log_softmax": (lambda x: F.log_softmax(x, -1), STACK),
    "cumsum": (lambda x: x.cumsum(1), X),
    "cumprod": (lambda x: x.cumprod(0), X),
    "cummax": (lambda x: x.cummax(1).values, X),
    "cummin": (lambda x: x.cummin(0).values, X),
    "logcumsumexp": (lambda x: x.logcumsumexp(1), X),
    "sort": (lambda x: x.sort(descending=True).values, X),
    "topk": (lambda x: x.topk(2, dim=1).values, X),
    "kthvalue": (lambda x: x.kthvalue(2, dim=1).values, X),
    "mode": (lambda x: x.mode(1).values, X),
    "median": (lambda x: x.median(dim=1).values, X),
    "median all": (lambda x: x.median(), X),
    "nanmedian": (lambda x: x.nanmedian(dim=0).values, X),
    # products
    "mm": (torch.mm, A, B),
    "mm transposed": (lambda x, y: x.mm(y.t()), X, Y),
    "bmm": (torch.bmm, STACK, OTHERS),
    "matmul": (lambda a, b: a @ b, STACK, OTHERS[0]),
    "mv": (torch.mv, X, V),
    "matmul vectors": (lambda a, b: a @ b, V, Y[0]),
    "matmul transposed": (lambda a, b: torch.matmul(a, b.mT), STACK, STACK),
    "dot": (torch.dot, V, Y[0]),
    "vdot": (torch.vdot, V, Y[0]),
    "outer": (lambda a, b: torch.outer(a, b), V, W),
    "einsum": (lambda a, b: torch.einsum("bik,bkj->bij", a, b), STACK, OTHERS),
    "einsum sum": (lambda a, b: torch.einsum("bik,bkj->j", a, b), STACK, OTHERS),
    "einsum three": (lambda a, b, c: torch.einsum("bik,bkj,i->bj", [a, b, c]), STACK, OTHERS, W),
    "linear": (lambda x, w, b: F.linear(x, w, b), X, Y, W),
    "linear stack": (lambda x, w: F.linear(x, w), STACK, Y),
    "addmm": (lambda c, a, b: torch.addmm(c, a, b, beta=0.5, alpha=2.0), C, A, B),
    "addmv": (lambda c, a, b: torch.addmv(c, a, b), W, X, V),
    "addr": (lambda c, a, b: torch.addr(c, a, b), X, W, V),
    "baddbmm": (lambda c, a, b: torch.baddbmm(c, a, b), RNG.normal(size=(2, 3, 5)), STACK, OTHERS),
    "linalg_inv_ex": (torch.linalg.inv, A),
    "_linalg_solve_ex": (torch.linalg.solve, A, B),
    "_linalg_solve_ex right": (lambda a, b: torch.linalg.solve(a, b, left=False), A, B),
    "linalg_solve_triangular": (lambda a, b: torch.linalg.solve_triangular(a, b, upper=False), np.tril(A), B),
    "linalg_cholesky_ex": (lambda a: torch.linalg.cholesky(a @ a.mT), A),
    "_linalg_det": (torch.linalg.det, A),
    "_linalg_slogdet": (lambda a: torch.linalg.slogdet(a).logabsdet, A),
    "_linalg_eigh": (lambda a: torch.linalg.eigvalsh(a @ a.mT), A),
    "_linalg_svd": (lambda a: sum(torch.linalg.svd(a)[::2]), A),
    "linalg_matrix_exp": (torch.linalg.matrix_exp, 0.3 * A),
    "linalg_cross": (torch.linalg.cross, A, B),
    # layers
    "convolution": (lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=1), IMAGES, KERNEL, W),
    "convolution 1": (lambda x, w: F.conv1d(x, w, padding=2, dilation=2), STACK, RNG.normal(size=(2, 3, 2))),
    "convolution groups": (lambda x, w: F.conv2d(x, w, groups=2), IMAGES, KERNEL[:2, :1]),
    "convolution transposed": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1),
        IMAGES,
        KERNEL[:2],
        V[:2],
    ),
    "convolution transposed groups": (
        lambda x, w: F.conv_transpose1d(x, w, groups=3),
        STACK,
        RNG.normal(size=(3, 2, 2)),
    ),
    "convolution_backward": (
        lambda x, w, b, g: torch.cat(
            [
                one.flatten()
                for one in aten.convolution_backward(
                    g, x, w, [3], [2, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, True, True]
                )
            ]
        ),
        IMAGES,
        KERNEL,
        W,
        RNG.normal(size=(2, 3, 2, 6)),
    ),
    "im2col": (lambda x: F.unfold(x, (2, 3), padding=1, stride=2), IMAGES),
    "col2im": (lambda x: F.fold(x, (4, 5), (2, 3), padding=1, stride=2), RNG.normal(size=(2, 12, 9))),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2, padding=1), IMAGES),
    "max_pool2d_with_indices": (lambda x: F.max_pool2d(x, 2, stride=1), IMAGES),
    "_adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, (2, 5)), IMAGES),
    "adaptive mean": (lambda x: F.adaptive_avg_pool2d(x, 1), IMAGES),
    "native_layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), X, V, V + 1),
    "native_layer_norm two": (lambda x: F.layer_norm(x, (3, 4)), STACK),
    "native_group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), IMAGES.repeat(2, 1), V, V + 1),
    "native_batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), IMAGES, V[:2], V[2:]),
    "native_batch_norm evaluating": (lambda x, w: F.batch_norm(x, torch.tensor(V), torch.tensor(V**2), w), X, V),
    "native_batch_norm with stats": (
        lambda x: F.batch_norm(x, torch.zeros(4).double(), torch.ones(4).double(), training=True),
        X,
    ),
    "_native_batch_norm_legit": (
        lambda x, w: aten._native_batch_norm_legit.no_stats(x, w, None, True, 0.1, 1e-5)[0],
        X,
        V,
    ),
    "native_layer_norm_backward": (
        lambda x, w, g: torch.autograd.grad(F.layer_norm(x, (4,), w), x, g, create_graph=True)[0],
        X,
        V,
        G,
    ),
    "native_group_norm_backward": (
        lambda x, g: torch.autograd.grad(F.group_norm(x, 1), x, g, create_graph=True)[0],
        IMAGES,
        IMAGES[::-1].copy(),
    ),
    "native_batch_norm_backward": (
        lambda x, g: torch.autograd.grad(F.batch_norm(x, None, None, training=True), x, g, create_graph=True)[0],
        X,
        G,
    ),
    "nll_loss_forward": (lambda x: F.nll_loss(x, ROWS), X),
    "nll_loss_forward weights": (
        lambda x: F.cross_entropy(x, torch.tensor([2, -100, 0]), weight=torch.tensor(P[0])),
        X,
    ),
    "nll_loss_forward none": (lambda x: F.nll_loss(x, ROWS, reduction="none"), X),
    "nll_loss_forward one": (lambda x: F.nll_loss(x, torch.tensor(2)), V),
    "nll_loss2d_forward": (
        lambda x: F.nll_loss(x, torch.tensor([[0, 1, 2, 1], [2, 2, 0, -100]]), reduction="sum"),
        STACK,
    ),
    "nll_loss_backward": (
        lambda g: aten.nll_loss_backward(g, torch.tensor(X), ROWS, None, 1, -100, torch.tensor(3.0).double()),
        P[0, 0],
    ),
    "nll_loss2d_backward": (
        lambda g: aten.nll_loss2d_backward(
            g, torch.tensor(IMAGES), torch.ones(2, 4, 5).long(), None, 0, -100, torch.tensor(40.0).double()
        ),
        IMAGES[:, 0],
    ),
    "cross_entropy": (lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1), X, P),
    "cross_entropy smoothed": (lambda x: F.cross_entropy(x, ROWS, label_smoothing=0.1), X),
    "native_dropout": (lambda x: [torch.manual_seed(1), aten.native_dropout(x, 0.4, True)[0]][1], X),
    "dropout": (lambda x: [torch.manual_seed(1), F.dropout(x, 0.4)][1], X),
    "attention": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v), STACK, STACK + 1, STACK[:, ::-1].copy()),
    "kl_div": (lambda x: F.kl_div(x.log_softmax(-1), torch.tensor(P), reduction="batchmean"), X),
    "cosine_similarity": (lambda x, y: F.cosine_similarity(x, y), X, Y),
    "pairwise_distance": (lambda x, y: F.pairwise_distance(x, y), X, Y),
    "_cdist_forward": (lambda x, y: torch.cdist(x, y), X, Y),
    "rms_norm": (lambda x, w: F.rms_norm(x, (4,), w), X, V),
    "glu": (lambda x: F.glu(x), X),
    "prelu": (lambda x, w: F.prelu(x, w), X, V),
    # entries moved
    "view": (lambda x: x.view(2, 6) * 2, X),
    "views": (lambda x: x.t()[1:].unsqueeze(0).permute(2, 0, 1).squeeze(1).flatten() * 3, X),
    "expand": (lambda w: w[:, None].expand(3, 4) * torch.tensor(X), W),
    "as_strided": (lambda x: x.as_strided((2, 3), (1, 2), 1) * 2, X),
    "unbind": (lambda x: torch.stack([one * i for i, one in enumerate(x.unbind(1))]), X),
    "split": (lambda x: x.split(2, dim=1)[1] * x.chunk(2, 1)[0], X),
    "diagonal": (lambda a: a.diagonal() * 2, A),
    "unfold": (lambda x: x.unfold(1, 2, 1).sum(-1), X),
    "contiguous": (lambda x: x.t().contiguous() * 2, X),
    "reshape": (lambda x: x.t().reshape(2, 6) * 2, X),
    "cat": (lambda x, y: torch.cat([x, y[:2]], dim=0), X, Y),
    "stack": (lambda x, y: torch.stack([x, y], dim=-1), X, Y),
    "index": (lambda x: x[ROWS] * 2, X),
    "index two": (lambda x: x[ROWS, COLUMNS[0, :3]], X),
    "index second": (lambda x: x[:, ROWS], X),
    "index mask": (lambda x: x[MASK], X),
    "index_select": (lambda x: x.index_select(1, ROWS), X),
    "take": (lambda x: x.take(COLUMNS), X),
    "gather": (lambda x: x.gather(1, COLUMNS[:, :2]), X),
    "scatter": (lambda x, y: x.scatter(1, COLUMNS[:, :2], y), X, Y[:, 2:]),
    "scatter number": (lambda x: x.scatter(0, COLUMNS[:1] % 3, 1.5), X),
    "scatter_add": (lambda x, y: x.scatter_add(1, COLUMNS, y), X, Y),
    "scatter_reduce": (lambda x, y: x.scatter_reduce(1, COLUMNS, y, "amax"), X, Y),
    "scatter_reduce amin": (lambda x, y: x.scatter_reduce(1, COLUMNS, y, "amin", include_self=False), X, Y),
    "scatter_reduce sum": (lambda x, y: x.scatter_reduce(1, COLUMNS, y, "sum", include_self=False), X, Y),
    "scatter_reduce mean": (lambda x, y: x.scatter_reduce(1, COLUMNS, y, "mean"), X, Y),
    "scatter_reduce mean alone": (lambda x, y: x.scatter_reduce(1, COLUMNS, y, "mean", include_self=False), X, Y),
    "index_put": (lambda x, y: x.index_put((torch.tensor([0, 2]),), y), X, Y[:2]),
    "index_put accumulate": (lambda x, y: x.index_put((ROWS,), y, accumulate=True), X, Y),
    "index_add": (lambda x, y: x.index_add(0, ROWS, y, alpha=2), X, Y),
    "index_copy": (lambda x, y: x.index_copy(0, torch.tensor([2, 0]), y), X, Y[:2]),
    "index_fill": (lambda x: x.index_fill(1, torch.tensor([2, 0]), 1.0), X),
    "masked_fill": (lambda x: x.masked_fill(MASK, -1.0), X),
    "masked_scatter": (lambda x, y: x.masked_scatter(MASK, y), X, Y),
    "masked_select": (lambda x: x.masked_select(MASK), X),
    "select_scatter": (lambda x, y: x.select_scatter(y, 1, 2), X, W),
    "slice_scatter": (lambda x, y: x.slice_scatter(y, 1, 0, 4, 2), X, Y[:, :2]),
    "select_backward": (lambda g: aten.select_backward(g, [3, 4], 1, 2), W),
    "slice_backward": (lambda g: aten.slice_backward(g, [3, 4], 1, 0, 4, 2), G[:, :2]),
    "diagonal_backward": (lambda g: aten.diagonal_backward(g, [3, 4], 0, 0, 1), W),
    "unfold_backward": (lambda g: aten.unfold_backward(g, [3, 4], 1, 2, 1), RNG.normal(size=(3, 3, 2))),
    "embedding": (lambda w: F.embedding(COLUMNS, w), OTHERS[0]),
    "embedding_dense_backward": (
        lambda g: aten.embedding_dense_backward(g, ROWS, 5, 1, False),
        RNG.normal(size=(3, 4)),
    ),
    "flip": (lambda x: x.flip(0, 1), X),
    "roll": (lambda x: x.roll((1, 2), (0, 1)), X),
    "roll flat": (lambda x: x.roll(1), X),
    "repeat": (lambda x: x.repeat(2, 1, 2), X),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, dim=0), X),
    "tril": (lambda x: x.tril(-1), X),
    "triu": (lambda x: x.triu(1), X),
    "diag": (lambda w: torch.diag(w), W),
    "diag_embed": (torch.diag_embed, X),
    "constant_pad_nd": (lambda x: F.pad(x, (1, 2, 0, 1), value=0.5), X),
    "reflection_pad1d": (lambda x: F.pad(x, (1, 2), mode="reflect"), X),
    "reflection_pad2d": (lambda x: F.pad(x, (1, 2, 1, 1), mode="reflect"), STACK),
    "replication_pad1d": (lambda x: F.pad(x, (1, 2), mode="replicate"), X),
    "replication_pad2d": (lambda x: F.pad(x, (1, 2, 1, 1), mode="replicate"), STACK),
}
