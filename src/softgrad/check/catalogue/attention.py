"""Mistakes in the backward pass of scaled dot-product attention, and of looking up rows of a table.

With z = q kᵀ scale, p = softmax(z), y = p v, and dy arriving:

    dv = pᵀ dy     dp = dy vᵀ     dz = p (dp - Σ p dp)     ds = dz scale     dq = ds k     dk = dsᵀ q

Row i of the gradient of a table is the sum of dy over all places where row i was looked up.
"""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry, WrongLine

SCALE = "ds = dz * scale"
NO_SCALE = "ds = dz"
# The same lines twice: of matrices, and of stacks of them, whose last two axes are turned.
VALUES = ("dv = p.T @ dy", "dv = turned(p) @ dy")
WEIGHTS = ("dp = dy @ v.T", "dp = dy @ turned(v)")
QUERIES = "dq = ds @ k"
KEYS = ("dk = ds.T @ q", "dk = turned(ds) @ q")
ITSELF = "dx = dq + dk + dv"
LOOKED_UP = "dW = summed_by_row(dy, ids, W)"
LOOKED_UP_MEAN = "dW = summed_by_row(each(dy, ids) / L, ids, W)"
LOOKED_UP_SUM = "dW = summed_by_row(each(dy, ids), ids, W)"

ENTRIES = (
    Entry(
        "attention-scale-missing",
        "The scale of the scores is missing",
        "The scores are q kᵀ times a scale such as 1/√d. The gradients of q and k pass through it, so they are "
        "multiplied by it too.",
    ),
    Entry(
        "attention-scale-twice",
        "The scale of the scores is applied twice",
        "The gradients of q and k are multiplied by the scale once: either the gradient of the scores carries it, or "
        "both products do.",
    ),
    Entry(
        "attention-scale-inverted",
        "The scale of the scores is inverted",
        "The forward pass multiplies by the scale, and so does the backward pass. Here it is divided by it.",
    ),
    Entry(
        "attention-not-transposed",
        "A matrix of the attention is the wrong way round",
        "dv = pᵀ dy, dp = dy vᵀ and dk = dsᵀ q each need one transpose. With as many queries as keys, or as many "
        "features as keys, the shapes do not show it.",
    ),
    Entry(
        "attention-scores-for-weights",
        "The scores stand where the attention weights belong",
        "The output is the weights p = softmax(z) times v. The gradient of v uses p, not z.",
    ),
    Entry(
        "attention-path-missing",
        "One of the three ways into self-attention is missing",
        "The same array is query, key and value. Its gradient is the sum of the three gradients.",
    ),
    Entry(
        "repeated-rows-lost",
        "A row that is looked up several times counts once",
        "Its gradient is the sum over all the places where it is looked up. dW[ids] = dy and dW[ids] += dy keep one of "
        "them, since NumPy adds only once for each index: use np.add.at(dW, ids, dy).",
    ),
    Entry(
        "repeated-rows-averaged",
        "A row that is looked up several times gets the mean of its gradients",
        "Its gradient is the sum over all the places where it is looked up.",
    ),
    Entry(
        "lookup-mean-missing",
        "The division by the number of rows looked up is missing",
        "The output is a mean of rows, so each of them gets the gradient divided by their number.",
    ),
)


def _transposed() -> tuple[WrongLine, ...]:
    name = "attention-not-transposed"
    return (
        WrongLine(VALUES[0], "p @ dy", name),
        WrongLine(VALUES[1], "p @ dy", name),
        WrongLine(WEIGHTS[0], "dy @ v", name),
        WrongLine(WEIGHTS[1], "dy @ v", name),
        WrongLine(WEIGHTS[0], "(dy @ v.T).T", name),
        WrongLine(WEIGHTS[1], "turned(dy @ turned(v))", name),
        WrongLine(KEYS[0], "ds @ q", name),
        WrongLine(KEYS[1], "ds @ q", name),
        WrongLine(QUERIES, "ds.T @ k", name),
        WrongLine(QUERIES, "turned(ds) @ k", name),
    )


WRONG_LINES = (
    WrongLine(SCALE, "dz", "attention-scale-missing"),
    WrongLine(SCALE, "dz * scale * scale", "attention-scale-twice"),
    WrongLine(SCALE, "dz / scale", "attention-scale-inverted"),
    WrongLine(QUERIES, "ds @ k / scale", "attention-scale-missing"),
    WrongLine(QUERIES, "ds @ k * scale", "attention-scale-twice"),
    WrongLine(KEYS[0], "ds.T @ q / scale", "attention-scale-missing"),
    WrongLine(KEYS[1], "turned(ds) @ q / scale", "attention-scale-missing"),
    WrongLine(KEYS[0], "ds.T @ q * scale", "attention-scale-twice"),
    WrongLine(KEYS[1], "turned(ds) @ q * scale", "attention-scale-twice"),
    WrongLine(VALUES[0], "z.T @ dy", "attention-scores-for-weights"),
    WrongLine(VALUES[1], "turned(z) @ dy", "attention-scores-for-weights"),
    *_transposed(),
    *(
        WrongLine(ITSELF, wrong, "attention-path-missing")
        for wrong in ("dq + dk", "dq + dv", "dk + dv", "dq", "dk", "dv")
    ),
    WrongLine(LOOKED_UP, "last_by_row(dy, ids, W)", "repeated-rows-lost"),
    WrongLine(LOOKED_UP, "summed_by_row(dy, ids, W) / occurrences(ids, W)", "repeated-rows-averaged"),
    WrongLine(LOOKED_UP_MEAN, "last_by_row(each(dy, ids) / L, ids, W)", "repeated-rows-lost"),
    WrongLine(LOOKED_UP_MEAN, "summed_by_row(each(dy, ids), ids, W)", "lookup-mean-missing"),
    WrongLine(LOOKED_UP_MEAN, "last_by_row(each(dy, ids), ids, W)", "repeated-rows-lost", "lookup-mean-missing"),
    WrongLine(LOOKED_UP_SUM, "last_by_row(each(dy, ids), ids, W)", "repeated-rows-lost"),
)  # fmt: skip
