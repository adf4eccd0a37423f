"""Functions that the checker claims to know, written as users write them, with inputs and what each is called."""

from typing import Any, NamedTuple

import numpy as np

from check.corpus.common import log_softmax, one_hot, relu, sigmoid, softmax

N, K, D, H = 5, 3, 4, 6


class Known(NamedTuple):
    title: str  # a part of the recipe's
    function: Any
    inputs: Any  # rng -> the arrays
    context: Any = None
    parameters: tuple[int, ...] = ()
    layout: str = "rows"


def reals(*shapes):
    return lambda rng: tuple(rng.normal(size=shape) for shape in shapes)


def with_classes(*shapes):
    return lambda rng: (*reals(*shapes)(rng), rng.integers(0, K, N))


def with_ignored(rng):
    y = rng.integers(0, K, N)
    y[rng.integers(0, N)] = -1
    return rng.normal(size=(N, K)), y


def with_probabilities(rng):
    return rng.normal(size=(N, K)), softmax(rng.normal(size=(N, K)))


def with_own(*more):
    """Logits and classes, and what else the loss takes."""
    return lambda rng: (*with_classes((N, K))(rng), *(make(rng) for make in more))


def rows_mask(rng):
    return rng.permutation([1.0, 1.0, 0.0, 1.0, 0.0])


def weights(count):
    return lambda rng: rng.uniform(0.5, 2.0, count)


def nll(z, y):
    return -log_softmax(z)[np.arange(len(z)), y]


def smoothed(eps):
    return lambda z, y: -(((1 - eps) * one_hot(y, K) + eps / K) * log_softmax(z)).sum() / len(z)


def ignoring(z, y):
    kept = y >= 0
    return nll(z[kept], y[kept]).mean()


def leaky(z):
    return np.where(z > 0, z, 0.1 * z)


def softplus(z):
    return np.log1p(np.exp(z))


def probabilities(rng):
    return (*(softmax(a) for a in reals((N, K))(rng)), one_hot(rng.integers(0, K, N), K))


def log_of_columns(z):
    return log_softmax(z, axis=0)


def masked_softmax(z, mask):
    e = np.exp(z) * mask
    return e / e.sum(axis=1, keepdims=True)


def with_mask(rng):
    mask = np.ones((N, K))
    mask[np.arange(N), rng.integers(0, K, N)] = 0
    return rng.normal(size=(N, K)), mask


def lse(z):
    return np.log(np.exp(z).sum(axis=-1))


def penalised(x, W, y):
    return nll(x @ W, y).mean() + 0.05 * (W**2).sum()


def two_layers(middle):
    return lambda x, W1, b1, W2, b2, y: nll(middle(x @ W1 + b1) @ W2 + b2, y).mean()


TWO = ((N, D), (D, H), (H,), (H, K), (K,))

OF_LOGITS = {
    "softmax": Known("softmax", softmax, reals((N, K))),
    "softmax of columns": Known("softmax", lambda z: softmax(z, axis=0), reals((K, N)), None, (), "columns"),
    "softmax of a vector": Known("softmax", softmax, reals((K,)), None, (), "a vector"),
    "softmax of a sequence": Known("softmax", softmax, reals((2, N, K)), None, (), "axis -1 of 3"),
    "softmax of images": Known("softmax", lambda z: softmax(z, axis=1), reals((2, K, 4, 3)), None, (), "axis 1 of 4"),
    "softmax at a temperature": Known("softmax at temperature 2.5", lambda z: softmax(z / 2.5), reals((N, K))),
    "softmax of energies": Known("softmax of -z", lambda z: softmax(-z), reals((N, K))),
    "log-softmax": Known("log-softmax", log_softmax, reals((N, K))),
    "log-softmax of columns": Known("log-softmax", log_of_columns, reals((K, N)), None, (), "columns"),
    "log-softmax at a temperature": Known(
        "log-softmax at temperature 0.5", lambda z: log_softmax(z / 0.5), reals((N, K))
    ),
    "logsumexp": Known("logsumexp", lse, reals((N, K))),
    "logsumexp of a vector": Known("logsumexp", lse, reals((K,)), None, (), "a vector"),
    "sigmoid": Known("sigmoid", sigmoid, reals((N, K))),
    "tanh": Known("tanh", np.tanh, reals((N, K))),
    "ReLU": Known("ReLU", relu, reals((N, K))),
    "leaky ReLU": Known("leaky ReLU of slope 0.1", leaky, reals((N, K))),
    "ELU": Known("ELU of alpha 0.3", lambda z: np.where(z > 0, z, 0.3 * np.expm1(z)), reals((N, K))),
    "swish": Known("swish", lambda z: z * sigmoid(z), reals((N, K))),
    "softplus": Known("softplus", softplus, reals((N, K))),
    "exp": Known("exp", np.exp, reals((N, K))),
    "masked softmax": Known("masked softmax", masked_softmax, with_mask),
    "softmax, then a mask": Known("softmax, masked behind", lambda z, mask: softmax(z) * mask, with_mask),
    "dropout": Known("dropout", lambda x, mask: x * mask / 0.8, with_mask),
}
LOSSES = {
    "mean": Known("mean over the samples of the cross-entropy", lambda z, y: nll(z, y).mean(), with_classes((N, K))),
    "sum": Known("sum over the samples of the cross-entropy", lambda z, y: nll(z, y).sum(), with_classes((N, K))),
    "rows": Known("cross-entropy of softmax, for each row", nll, with_classes((N, K))),
    "mean over all entries": Known(
        "mean over all entries", lambda z, y: -(one_hot(y, K) * log_softmax(z)).mean(), with_classes((N, K))
    ),
    "probabilities as target": Known(
        "mean over the samples of the cross-entropy",
        lambda z, t: -(t * log_softmax(z)).sum() / len(z),
        with_probabilities,
    ),
    "target that does not sum to 1": Known(
        "sum over the samples of the cross-entropy",
        lambda z, t: -(t * log_softmax(z)).sum(),
        lambda rng: reals((N, K), (N, K))(rng),
    ),
    "target in the context": Known(
        "sum over the samples of the cross-entropy",
        lambda z: nll(z, np.array([0, 2, 1, 1, 0])).sum(),
        reals((N, K)),
        {"target": np.array([0, 2, 1, 1, 0])},
    ),
    "of columns": Known(
        "mean over the samples of the cross-entropy",
        lambda z, t: -(t * log_softmax(z, axis=0)).sum() / z.shape[1],
        lambda rng: (rng.normal(size=(K, N)), one_hot(rng.integers(0, K, N), K).T.copy()),
        None,
        (),
        "columns",
    ),
    "of a vector": Known(
        "cross-entropy",
        lambda z, t: -(t * log_softmax(z)).sum(),
        lambda rng: (rng.normal(size=K), one_hot(rng.integers(0, K), K)),
        None,
        (),
        "a vector",
    ),
    "smoothed, as usual": Known("smoothing 0.1", smoothed(0.1), with_classes((N, K))),
    "smoothed, as told": Known("smoothing 0.17", smoothed(0.17), with_classes((N, K)), {"label_smoothing": 0.17}),
    "temperature, as usual": Known("temperature 3", lambda z, y: nll(z / 3, y).mean(), with_classes((N, K))),
    "temperature, as told": Known(
        "temperature 1.7", lambda z, y: nll(z / 1.7, y).mean(), with_classes((N, K)), {"temperature": 1.7}
    ),
    "temperature, as an input": Known(
        "temperature 1.3", lambda z, y, T: nll(z / T, y).mean(), with_own(lambda rng: np.array(1.3))
    ),
    "bits": Known("base 2", lambda z, y: nll(z, y).mean() / np.log(2), with_classes((N, K))),
    "class weights": Known(
        "class weights", lambda z, y, w: (w[y] * nll(z, y)).sum() / w[y].sum(), with_own(weights(K))
    ),
    "class weights, over m": Known("class weights", lambda z, y, w: (w[y] * nll(z, y)).mean(), with_own(weights(K))),
    "class weights, as told": Known(
        "class weights",
        lambda z, y: (np.array([1.0, 2.0, 0.5])[y] * nll(z, y)).mean(),
        with_classes((N, K)),
        {"class_weight": [1.0, 2.0, 0.5]},
    ),
    "sample weights": Known("sample weights", lambda z, y, s: (s * nll(z, y)).mean(), with_own(weights(N))),
    "ignored rows": Known("ignored rows", ignoring, with_ignored),
    "masked rows": Known("masked rows", lambda z, y, mask: (mask * nll(z, y)).sum() / mask.sum(), with_own(rows_mask)),
    "z-loss": Known(
        "cross-entropy",
        lambda z, y: (nll(z, y) + 0.01 * lse(z) ** 2).mean(),
        with_classes((N, K)),
        {"z_loss": 0.01},
    ),
    "epsilon": Known(
        "with 0.001 added",
        lambda z, y: -np.log(softmax(z)[np.arange(len(z)), y] + 1e-3).mean(),
        with_classes((N, K)),
    ),
    "squared error of softmax": Known(
        "squared error of softmax", lambda z, t: ((softmax(z) - t) ** 2).sum(), with_probabilities
    ),
    "half squared error": Known("half squared error", lambda z, t: ((z - t) ** 2).sum() / 2, reals((N, K), (N, K))),
    "squared error": Known(
        "mean over the samples of the squared error", lambda z, t: ((z - t) ** 2).sum() / N, reals((N, K), (N, K))
    ),
    "reverse Kullback-Leibler": Known(
        "divergence of softmax from the target",
        lambda z, t: (softmax(z) * (log_softmax(z) - np.log(t))).sum() / N,
        with_probabilities,
    ),
    "Kullback-Leibler": Known(
        "Kullback-Leibler", lambda z, t: (t * (np.log(t) - log_softmax(z))).sum() / N, with_probabilities
    ),
    "binary": Known(
        "binary cross-entropy of sigmoid",
        lambda z, t: -(t * np.log(sigmoid(z)) + (1 - t) * np.log(1 - sigmoid(z))).sum() / N,
        lambda rng: (rng.normal(size=(N, K)), rng.integers(0, 2, (N, K)).astype(float)),
    ),
    "squared error of sigmoid": Known(
        "squared error of sigmoid", lambda z, t: ((sigmoid(z) - t) ** 2).sum(), with_probabilities
    ),
    "of probabilities": Known("cross-entropy of probabilities", lambda p, t: -(t * np.log(p)).sum() / N, probabilities),
    "of probabilities with epsilon": Known(
        "cross-entropy of probabilities with 0.01 added", lambda p, t: -(t * np.log(p + 0.01)).sum(), probabilities
    ),
    "of log-probabilities": Known(
        "negative log-likelihood", lambda z, y: -z[np.arange(N), y].mean(), with_classes((N, K))
    ),
}
CHAINS = {
    "dense, rows": Known("dense layer", lambda x, W, b: x @ W + b, reals((N, D), (D, K), (K,))),
    "dense without bias": Known("dense layer", lambda x, W: x @ W, reals((N, D), (D, K))),
    "dense, W by units": Known("dense layer", lambda x, W, b: x @ W.T + b, reals((N, D), (K, D), (K,))),
    "dense, columns": Known(
        "dense layer", lambda x, W, b: W @ x + b, reals((D, N), (K, D), (K, 1)), None, (), "columns"
    ),
    "dense, columns, W by features": Known(
        "dense layer", lambda x, W, b: W.T @ x + b, reals((D, N), (D, K), (K, 1)), None, (), "columns"
    ),
    "dense, a vector": Known("dense layer", lambda x, W, b: x @ W + b, reals((D,), (D, K), (K,)), None, (), "vector"),
    "dense, W x": Known("dense layer", lambda x, W, b: W @ x + b, reals((D,), (K, D), (K,)), None, (), "vector"),
    "a bias that is a row": Known("dense layer", lambda x, W, b: x @ W + b, reals((N, D), (D, K), (1, K))),
    "W before x": Known("dense layer", lambda W, x, b: x @ W + b, reals((D, K), (N, D), (K,)), None, (0, 2)),
    "ReLU behind": Known("ReLU behind a dense", lambda x, W, b: relu(x @ W + b), reals((N, D), (D, K), (K,))),
    "softmax behind": Known("softmax behind a dense", lambda x, W, b: softmax(x @ W + b), reals((N, D), (D, K), (K,))),
    "a loss behind": Known(
        "cross-entropy of softmax behind a dense",
        lambda x, W, b, y: nll(x @ W + b, y).mean(),
        with_classes((N, D), (D, K), (K,)),
        None,
        (1, 2),
    ),
    "a penalty": Known("with a penalty 0.1 ||W||²/2", penalised, with_classes((N, D), (D, K)), None, (1,)),
    **{
        f"two layers, {name}": Known(
            f"2 dense layers with {name}", two_layers(middle), with_classes(*TWO), None, (1, 2, 3, 4)
        )
        for name, middle in {
            "ReLU": relu, "tanh": np.tanh, "sigmoid": sigmoid, "leaky ReLU": leaky, "softplus": softplus
        }.items()
    },
    "two layers, W by units": Known(
        "2 dense layers with tanh",
        lambda x, W1, W2, y: nll(np.tanh(x @ W1.T) @ W2.T, y).sum(),
        with_classes((N, D), (H, D), (K, H)),
        None,
        (1, 2),
    ),
    "two layers without an activation": Known(
        "2 dense layers", lambda x, V, W: x @ V @ W, reals((N, D), (D, H), (H, K))
    ),
    "three layers": Known(
        "3 dense layers with tanh",
        lambda x, U, V, W, t: ((np.tanh(np.tanh(x @ U) @ V) @ W - t) ** 2).sum() / 2,
        reals((N, D), (D, H), (H, 7), (7, K), (N, K)),
        None,
        (1, 2, 3),
    ),
    "dropout between": Known(
        "2 dense layers with ReLU",
        lambda x, V, W, mask: (relu(x @ V) * mask / 0.8) @ W,
        lambda rng: (*reals((N, D), (D, H), (H, K))(rng), rng.permutation([1.0, 0.0] * 15).reshape(N, H)),
        None,
        (1, 2),
    ),
    "dropout of a told rate": Known(
        "2 dense layers with ReLU",
        lambda x, V, W, mask: (relu(x @ V) * mask / 0.65) @ W,
        lambda rng: (*reals((N, D), (D, H), (H, K))(rng), rng.permutation([1.0, 0.0] * 15).reshape(N, H)),
        {"keep": 0.65},
        (1, 2),
    ),
}  # fmt: skip


def standardised(x, axis, eps=1e-5):
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def attend(q, k, v):
    return softmax(q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])) @ v


def causal(q, k, v):
    s = q @ k.T
    return softmax(np.where(np.tri(*s.shape) > 0, s, -np.inf)) @ v


def kept(rng):
    keep = rng.random((N, K)) < 0.5
    keep[:, 0] = True
    return (*reals((N, D), (K, D), (K, H))(rng), keep)


def hidden(rng):
    q, k, v, keep = kept(rng)
    return q, k, v, ~keep


def table_and_rows(*shape):
    return lambda rng: (rng.normal(size=(6, D)), rng.integers(0, 6, shape))


def statistics(rng):
    return (*reals((N, D), (D,))(rng), rng.uniform(0.5, 2.0, D))


WHOLE = {
    "batch norm": Known("batch norm", lambda x, g, b: g * standardised(x, 0) + b, reals((N, D), (D,), (D,))),
    "batch norm of images": Known(
        "batch norm",
        lambda x, g, b: g[:, None, None] * standardised(x, (0, 2, 3)) + b[:, None, None],
        reals((2, D, 3, 4), (D,), (D,)),
        None,
        (),
        "axis 1 of 4",
    ),
    "batch norm of columns": Known(
        "batch norm", lambda x, g: g * standardised(x, 1), reals((D, N), (D, 1)), None, (), "columns"
    ),
    "batch norm with n - 1": Known(
        "batch norm with the unbiased variance",
        lambda x: (x - x.mean(0)) / np.sqrt(x.var(0, ddof=1) + 1e-3),
        reals((N, D)),
    ),
    "batch norm with given statistics": Known(
        "batch norm with a given mean", lambda x, mean, var: (x - mean) / np.sqrt(var + 1e-5), statistics
    ),
    "layer norm": Known("layer norm", lambda x, g, b: g * standardised(x, 1) + b, reals((N, D), (D,), (D,))),
    "layer norm of sequences": Known(
        "layer norm", lambda x, b: standardised(x, -1) + b, reals((2, 3, D), (D,)), None, (), "axis -1 of 3"
    ),
    "layer norm, epsilon outside the root": Known(
        "layer norm",
        lambda x: (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-3),
        reals((N, D)),
    ),
    "RMS norm": Known(
        "RMS norm", lambda x, g: g * x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6), reals((N, D), (D,))
    ),
    "unit rows": Known("division of each row by its length", unit, reals((N, D))),
    "attention": Known("attention", attend, reals((N, D), (K, D), (K, H))),
    "attention of heads": Known(
        "attention", attend, reals((2, 3, N, D), (2, 3, K, D), (2, 3, K, H)), None, (), "axis -1 of 4"
    ),
    "causal attention, no scale": Known("attention without a scale, causal", causal, reals((N, D), (N, D), (N, H))),
    "attention with a mask": Known(
        "attention, with a mask", lambda q, k, v, m: softmax(np.where(m, q @ k.T / 2, -np.inf)) @ v, kept
    ),
    "attention with a mask of what is left out": Known(
        "left out", lambda q, k, v, m: softmax(np.where(m, -1e9, q @ k.T / 2)) @ v, hidden
    ),
    "attention with a bias": Known(
        "a mask that is added", lambda q, k, v, m: softmax(q @ k.T / 2 + m) @ v, reals((N, D), (K, D), (K, H), (N, K))
    ),
    "self-attention": Known("self-attention", lambda x: attend(x, x, x), reals((N, D))),
    "rows of a table": Known("rows of a table", lambda W, ids: W[ids], table_and_rows(3, 4), None, (), "axis -1 of 3"),
    "sums of rows": Known("the sum of rows of a table", lambda W, ids: W[ids].sum(1), table_and_rows(3, 4)),
    "means of rows": Known("the mean of rows of a table", lambda W, ids: W[ids].mean(1), table_and_rows(3, 4)),
    "squares": Known("0.3 times the sum of squares", lambda W: 0.3 * (W**2).sum(), reals((N, D))),
    "absolute values": Known("0.3 times the sum of absolute", lambda W: 0.3 * abs(W).sum(), reals((N, D))),
    "a length": Known("2 times the length", lambda w: 2 * np.linalg.norm(w), reals((N,)), None, (), "a vector"),
    "lengths of rows": Known("lengths of rows", lambda W: np.linalg.norm(W, axis=1).sum(), reals((N, D))),
    "lengths of columns": Known(
        "lengths of columns", lambda W: np.linalg.norm(W, axis=0).sum(), reals((N, D)), None, (), "columns"
    ),
}
KNOWN = {**OF_LOGITS, **LOSSES, **CHAINS, **WHOLE}
