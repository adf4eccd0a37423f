"""NumPy as people write it, to be traced without a loss: expressions of the arrays below, and short functions."""

import math

import numpy as np

RNG = np.random.default_rng(5)
ARRAYS = {
    "x": RNG.normal(size=(3, 4)),
    "y": RNG.normal(size=(3, 4)),
    "u": RNG.uniform(0.5, 2, (3, 4)),
    "v": RNG.normal(size=4),
    "w": RNG.normal(size=(4, 5)),
    "a": RNG.normal(size=(3, 3)) + 3 * np.eye(3),
    "c": RNG.normal(size=(2, 3, 4)),
}
INDEX = np.array([2, 0, 2, 1])
FIXED = RNG.normal(size=(3, 4))
CHOICE = [[0, 1, 0, 1]] * 3

EXPRESSIONS = """
x.mean() + np.mean(x, 0) + np.mean(x, axis=1, keepdims=True)
x.var(axis=0) * x.std(axis=0, ddof=1) + np.std(x, 0) + np.var(x)
np.sum(c, axis=(0, 2)) + c.sum(2).sum(0) + np.sum(c, keepdims=True)[0, 0, 0]
np.max(x, 1) - x.min(axis=1) + np.amax(x) + np.ptp(x, axis=1) + x.max(initial=0)
np.prod(x, axis=1) + x.prod() + np.cumprod(x, axis=1)[:, 2] + x.cumsum(1)[:, 1]
np.cumsum(x) * np.cumsum(x[::-1]) + np.maximum.accumulate(x.ravel())
np.linalg.norm(x) + np.linalg.norm(x, axis=1) + np.linalg.norm(x, 1, axis=1)
np.linalg.norm(x, "fro") ** 2 + np.linalg.norm(x[0], 3) + np.linalg.norm(x, axis=1, keepdims=True)
np.sort(x, axis=0) * FIXED + np.sort(x, axis=None)[3]
np.median(x[:, :3], axis=1) + np.median(x)
np.percentile(x, 40, axis=1) + np.quantile(x, 0.3)
x.dot(w) + np.dot(x, v)[:, None] + np.dot(v, v) + np.inner(x, v)[:, None] + np.vdot(v, v)
np.dot(c, w) + c.dot(w) + np.tensordot(c, w, axes=1) + np.tensordot(c, w, (2, 0)) + c @ w
np.tensordot(c, x, axes=([1, 2], [0, 1])) + np.tensordot(c, x).sum()
np.matmul(c, c.transpose(0, 2, 1)) + c @ c.swapaxes(1, 2) + x @ v + v @ x.T + v @ v
np.outer(v, v[::-1]) + np.multiply.outer(v, v) * 2 + np.add.outer(v, v) + v[:, None] * v
np.einsum("nij,ij->ni", c, x) + np.einsum("nij,ij", c, x)[:, None]
np.einsum("nii->n", c[:, :, :3]) + np.einsum("ii", a) + np.einsum("ij->", a)
np.einsum("...ij,jk->...ik", c, w) + np.einsum("nij,jk->nik", c, w, optimize=True)
np.einsum("i,j,k->ijk", v, v, v).sum(0) @ np.einsum("ij->ji", x)
np.where(x > 0, x * y, y**2) + np.where(x > y, x, 0.5)
np.clip(x, -0.5, 0.5) + x.clip(min=0) + np.maximum(0, x) + np.minimum(x, 0.2)
np.select([x > 0, y > 0], [x, y * 2], 0.5 * x) + np.choose(CHOICE, [x, y])
np.piecewise(x, [x < 0, x >= 0], [lambda t: t * 0.1, lambda t: t**2])
np.concatenate([x, y], axis=1)[:, 2:6] + np.vstack([x, y])[1:4] + np.hstack((x, y))[:, :4] * 2
np.stack([x, y])[1] + np.r_[x, y][2:5] + np.c_[x, y][:, 3:7] + np.append(x, y, axis=0)[:3]
np.block([[x, y], [y, x]])[1:4] + np.column_stack([x, y])[:, :1] + np.dstack([x, y])[:, :1, 0]
sum(np.split(x, 2, axis=1)) + np.hsplit(x, 2)[1] * 2 + np.array_split(x, 3)[0][:, :2]
np.pad(x, 1) * 2 + np.pad(x, ((1, 1), (1, 1)), mode="edge") + np.pad(x, 1, mode="reflect")
np.pad(x, 1, constant_values=2.0) * np.pad(x, ((1, 1), (1, 1)), "constant")
np.roll(x, 1, axis=1) + np.flip(x, 0) * 2 + x[::-1, ::-1] + np.fliplr(x) + np.rot90(x, 2)
np.repeat(x, 2, axis=0)[:3] + np.tile(x, (2, 1))[2:5] + x.repeat(2, 1)[:, :4]
np.broadcast_to(v, (3, 4)) * FIXED + v[None] + np.atleast_2d(v) + np.expand_dims(v, 0)
np.swapaxes(c, 0, 2).T + np.moveaxis(c, 0, -1).transpose(2, 0, 1) + np.transpose(c, (0, 1, 2))
np.rollaxis(c, 2).transpose(1, 2, 0) + c.swapaxes(1, 2).transpose(0, 2, 1)
x.reshape(4, 3).T + np.reshape(x, (2, -1)).ravel().reshape(x.shape) + x.flatten().reshape(3, 4)
np.squeeze(x[None]) + np.ravel(x)[:4] + x[..., None].squeeze(-1)
np.take(x, [0, 2], axis=0)[:, :3] + x.take([3, 1, 1], axis=1)[:2]
np.take_along_axis(x, np.array([[0], [1], [2]]), 1)[:2] + x[[0, 1]][:, [0, 1, 3]]
x[np.ix_([0, 2], [1, 2, 3])] * x[:2, 1:] + x[[True, False, True], 1:]
x[FIXED > 0].sum() * x[np.nonzero(FIXED > 0)].max() + x[FIXED > 0] ** 2
np.compress([True, False, True], x, 0).sum() + np.extract(FIXED > 0, x)
np.diag(a) + np.diagonal(a) + np.trace(a) + np.diag(np.diag(a)) @ a + a.trace() + a.diagonal()
np.tril(a) @ np.triu(a, 1) + a[np.tril_indices(3)].sum()
np.linalg.inv(a) + np.linalg.solve(a, a.T) + np.linalg.solve(a, a[:, 0])[:, None]
np.linalg.det(a) + np.linalg.slogdet(a)[1] + np.linalg.cholesky(a @ a.T)
np.linalg.matrix_power(a, 3) + np.linalg.multi_dot([a, a, a])
np.diff(x, axis=1) + np.gradient(x, axis=1)[:, :3] + np.ediff1d(x[0])
np.convolve(v, x[0]) + np.convolve(x[0], v, "full") + np.correlate(v, x[0], "full")
np.convolve(w[:, 0], v, "same").sum() + np.correlate(v, x[0]) + np.convolve(x.ravel(), v, mode="valid").sum()
np.average(x, axis=1, weights=np.arange(4.0)) + np.average(x) + np.nanmean(x, axis=1) + np.nansum(x)
np.cov(x) + np.corrcoef(x)
np.trapezoid(x, axis=1) + np.interp(0.3, [0.0, 1.0], [1.0, 2.0])
np.interp(x[:, 0], np.array([-3.0, -1, 0.3, 3]), v)
np.cross(a, a[::-1]) + np.kron(a[:, :1], a[:1])
np.subtract(*np.meshgrid(v, v)) ** 2 + np.subtract.outer(v, v)
np.polyval(v, 0.7) + v[0] ** 3
np.apply_along_axis(lambda r: r / r.sum(), 1, u) + np.apply_along_axis(np.sum, 0, u)
np.array([r / r.sum() for r in u]) + np.array(list(map(np.tanh, x)))
np.array([one * np.arange(4)[i] for i, one in enumerate(x[0])]) + np.array([r @ r for r in x])[:, None]
sum(x[i] * FIXED[i] for i in np.ndindex(x.shape)) + sum(one**2 for _, one in np.ndenumerate(x))
np.vectorize(lambda one: one * one if one > 0 else 0.1 * one)(x)
np.array(x, dtype=np.float64) + np.asarray(x, dtype=float) * np.array(x, copy=True) + x.astype(float)
np.fromiter((one * 2 for one in x[0]), float) + np.array(x.tolist())[0] + np.array([x[0, 0].item()] * 4)
float(2) * v[0] + np.sqrt(v[1] ** 2) + np.exp(v[2]).clip(0, 5) + v[3].reshape(1)[0] + v.item(2)
np.sum([x, y], axis=0) + np.mean([x, y], axis=0) + np.max([x, y]) + np.array([x, y])[0]
np.exp([x[0, 0], 2.0]) + np.maximum([x[0, 1], 0.0], 0.1) + np.add([x[1, 1], 1.0], [2.0, x[2, 2]])
np.maximum.reduce([x[0], x[1], x[2]]) + np.minimum.reduce(x, axis=0) + np.logaddexp.reduce([v, v * 2])
(lambda rows: np.exp(rows) / np.sum(np.exp(rows)))([row @ v for row in x])
np.logaddexp.reduce(x, axis=1) + np.logaddexp(x[:, 0], x[:, 1])
special.expit(u) + special.erf(u) + special.logit(special.expit(u)) + special.log_expit(u)
special.ndtr(u) + special.gammaln(u + 1) + special.xlogy(u, u) + special.entr(u) + special.exp10(u)
special.softmax(x, axis=1) + special.log_softmax(x, axis=-1)
special.logsumexp(x, axis=1, keepdims=True) + special.logsumexp(x)
x * stats.norm.cdf(x) + stats.norm.pdf(x) + stats.norm.logpdf(x, loc=1, scale=2)
distance.cdist(x, y) ** 2 + distance.cdist(x, y, "cityblock") * distance.cdist(x, y, "sqeuclidean")
linalg.cholesky(a @ a.T, lower=True) + linalg.cholesky(a @ a.T) + linalg.inv(a) * linalg.det(a)
np.linalg.pinv(x) + np.linalg.pinv(x.T).T + linalg.pinv(x) * linalg.eigh(a + a.T)[0]
linalg.solve(a, x) + linalg.solve_triangular(a, x, lower=True) + linalg.solve_triangular(a, x, trans=1)
linalg.cho_solve(linalg.cho_factor(a @ a.T), x) + linalg.cho_solve((np.linalg.cholesky(a @ a.T), True), x)
signal.correlate2d(w, a, "valid") + signal.convolve2d(w, a[:, :2], "valid")[:, :3] * signal.convolve2d(a, w)[2:4, 3:6]
signal.correlate2d(x, a, mode="same") + signal.convolve(x, a[:2], "same") + signal.convolve2d(x, w[:2], "same")
signal.correlate(v, x[0], "valid") + signal.convolve(c, c[:, :2], "valid") + signal.convolve(v, a[0])
np.nan_to_num(x) + np.abs(x) ** 1.5 + np.sinc(x) + np.heaviside(x, 0.5)
u**2 + u**-1 + u**0.5 + np.power(u, 3) + 2**u + np.float_power(u, 1.5) + np.reciprocal(u) + u**u
u % 0.7 + np.mod(u, 0.3) + u // 0.5 + np.fmod(u, 0.4) + np.round(u, 1) + np.floor(u)
np.sinh(x) * np.cosh(x) + np.arctan(x) + np.tan(x) + np.hypot(x, 1.0) + np.arctan2(x, 2.0)
w.ravel()[:4].reshape(2, 2) @ w.ravel()[4:8].reshape(2, 2) + w.flat[8] + v[2:]
np.delete(x, 1, axis=1) + np.insert(x, 1, 0.0, axis=1)[:, :3] + np.resize(x, (3, 3))
np.bincount(INDEX, weights=v, minlength=5) + np.histogram(np.arange(5.0), 5)[0]
x[np.unique([2, 0, 2])] * 2 + x[np.argsort(x[:, 0])][:2] + x[x.argmax(0)[0]]
x.copy() + np.copy(x) * 2 + np.array(x) + +x + x.view() + x[...] + x[()]
np.full(3, v[0]) + np.full_like(v[:3], v[1]) + np.ones(3) * v[2] + np.eye(3)[0] * v[3]
np.array([[v[0], 0.0], [0.0, v[1]]]) @ np.array([v[2], v[3]])
np.asfortranarray(x).ravel(order="K") * np.arange(12) + x.flatten("F") + np.ravel(x.T, order="A")
np.lib.stride_tricks.sliding_window_view(x, (2, 2)).max(axis=(2, 3))
np.lib.stride_tricks.as_strided(x, (2, 3, 2, 2), (*x.strides, *x.strides)).sum(axis=(1, 3))
-np.log(np.exp(x) / np.exp(x).sum(1, keepdims=True))[np.arange(3), [1, 3, 0]].mean()
(lambda p: p / p.sum(-1, keepdims=True))(np.exp(x - np.max(x, axis=-1, keepdims=True)))
""".strip().splitlines()


def loop_over_time(x, w):
    h = np.zeros((len(x) + 1, 4))
    for t in range(len(x)):
        h[t + 1] = np.tanh(x[t] + h[t] @ w[:, :4])
    return h[1:]


def lists_of_numbers(x):
    return np.array([[math.fsum([1.0]) * value * value for value in row] for row in x])


def in_place(x, y):
    z = x * y
    z += x
    z *= 2
    z[1] -= y[0]
    z[:, 1] /= 3
    z[z > 0] *= 0.5
    return z


def into_given_arrays(x):
    z = np.zeros(4)
    x.mean(axis=0, out=z)
    y = np.zeros((3, 4))
    np.cumsum(x, axis=1, out=y)
    np.sum(x, axis=0, out=y[0])
    y.put([5, 6], z[:2])
    np.put(y, [7], 3.0)
    return z * y


def through_a_view(x):
    z = np.zeros((4, 3))
    z.T[...] = x
    row = z[2]
    row *= 5
    z.reshape(-1)[3:5] = x[0, :2] ** 2
    z.flat[1] = x[0, 3]
    return z


def with_out(x, y):
    z = np.empty_like(x)
    np.multiply(x, y, out=z)
    np.exp(z, out=z)
    np.add(z, x, out=z, where=x > 0)
    np.clip(z, -1, 1, out=z)
    np.dot(z, x.T @ y, out=z)
    return z


def counted_twice(x, v):
    z = np.zeros(3)
    np.add.at(z, INDEX, v)
    np.subtract.at(z, [0, 0], x[0, :2])
    return z * x[:, 0]


def one_number_at_a_time(x, w):
    out = np.zeros((x.shape[0], w.shape[1]))
    for i in range(x.shape[0]):
        for j in range(w.shape[1]):
            total = 0.0
            for k in range(x.shape[1]):
                total += x[i, k] * w[k, j]
            out[i][j] = total if total > 0 else 0.01 * total
    return out


def held_by_an_object(x, w):
    class Layer:
        def __init__(self, w):
            self.w, self.cache = w, {}

        def __call__(self, x):
            self.cache["x"] = x
            return self.cache["x"] @ self.w

    return Layer(w)(x)


def scalars(v):
    a, b, c, d = v
    return max(a, b) * abs(c) + pow(abs(d), 1.5) - min(c, 0.1) + (-a) ** 2 + 2**b + round(1.2) * a + sum([a, b, c])


def functions_of_math(v):
    a, b, c, d = (float(one) for one in v)
    first = math.exp(a) + math.tanh(b) * math.sqrt(c * c + 1) + math.log(d * d + 1) + math.pow(a * a, 1.5)
    second = math.sin(b) + math.hypot(a, b) + math.atan2(a, 2.0) + math.erf(c) + math.log(a * a + 2, 2)
    return float(first + second + math.fsum([a, b]) + math.cos(d) * math.prod([a, b, c]))


def float_is_still_a_type(v):
    total = 0.0
    for one in v:
        assert isinstance(one, float)
        assert isinstance(float("2.5"), float)
        total += float(one) ** 2
    return np.zeros(2, dtype=float) + total


def sorted_in_place(x):
    y = x * 2
    y.sort(axis=1)
    return y * np.arange(4)


def swapped(x):
    y = x.copy()
    y[0], y[1] = y[1].copy(), y[0].copy()
    return y**2


def copied_back(x):
    y = np.zeros(x.shape)
    np.copyto(y, x)
    np.copyto(y, 2 * x, where=x > 0)
    np.putmask(y, x < -1, x * x)
    np.fill_diagonal(y, 3.0)
    np.place(y, y > 2, [1.5])
    return y


def in_fortran_order(x):
    z = np.zeros((3, 4), order="F")
    z[...] = x * 2
    z[1] += x[0]
    return z.flatten("F") * np.arange(12) + z.ravel(order="K")


def in_place_products(a):
    b = a.copy()
    b @= a
    q, r = divmod(b, 2.0)
    b = b.reshape(9)
    b[:3] += r[0]
    return b.reshape(3, 3).real + q + b.imag[0]


def shown_on_the_way(x):
    text = f"{x[0, 0]:.3f} {x} {x.mean():6.2e} {x[0]!r}" + "%.3f" % x[1, 1]  # noqa: UP031
    assert "Traced" not in text
    assert np.isscalar(x[0, 0])
    np.testing.assert_allclose(x, x)
    return x * 2


def like_pythons_numbers(v):
    from collections import defaultdict

    totals, words = defaultdict(float), []
    for i, one in enumerate(v):
        totals[i % 2] += float(one)
        words.append("%d %f %s" % (one, one, round(one, 2)))  # noqa: UP031
    assert not v[0].is_integer()
    assert math.isfinite(v[1]) and math.floor(v[1]) <= v[1] <= math.ceil(v[1])
    assert {v[0]: 1}[v[0]] == 1
    assert float == type(float(words[0].split()[1]))  # noqa: E721
    return np.array([totals[0] * totals[1], divmod(v[0], 1.0)[1], -v[1] // 1, v[2].T, v[3].conjugate()])


def by_a_decorator(x):
    @np.vectorize
    def leaky(value, slope):
        return value if value > 0 else slope * value

    return leaky(x, 0.1) * leaky(x[0], x[1])


CACHE = np.zeros((2, 3, 4))


def into_memory_of_the_module(x):
    CACHE[0] = x
    CACHE[1] = CACHE[0] ** 2
    return CACHE.sum(0)


FUNCTIONS = [
    loop_over_time, lists_of_numbers, in_place, through_a_view, into_given_arrays, with_out, counted_twice,
    one_number_at_a_time, held_by_an_object, scalars, functions_of_math, float_is_still_a_type, sorted_in_place,
    swapped, copied_back, in_fortran_order, in_place_products, shown_on_the_way, like_pythons_numbers,
    by_a_decorator, into_memory_of_the_module,
]  # fmt: skip
