"""The right lines that the checker knows, gathered from its recipes, and random quantities to run each of them on."""

import numpy as np

from check import whole_functions
from softgrad.check.catalogue.dense import BIAS, INPUT, WEIGHT
from softgrad.check.catalogue.softmax import SOFTMAX
from softgrad.check.catalogue.weights import LASSO, RIDGE
from softgrad.check.recognise import activations, losses
from softgrad.check.recognise.dense_layers import FORMS, HIDDEN_ACTIVATIONS, VECTOR_FORMS
from softgrad.check.recognise.interpretation import LossOptions, Target, UserArray
from softgrad.formulas.language import Layout, functions, split
from softgrad.formulas.losses import PARAMETERS

LAYOUTS = {
    "rows": Layout(-1, 2),
    "columns": Layout(0, 2),
    "vector": Layout(-1, 1),
    "images": Layout(1, 3),
    "sequences": Layout(-1, 3),
}
M, K, D, PIXELS = 4, 3, 5, 2
SHARED = (SOFTMAX,)  # lines that stand in other functions too
PRODUCT_LINES = {*WEIGHT, *INPUT, *(product.input for product in VECTOR_FORMS)}


def right_lines():
    """Every line of the backward pass of some recipe, with the catalogue's names."""
    rng = np.random.default_rng(0)
    z, mask = rng.normal(size=(M, K)), 1.0 * (rng.random((M, K)) < 0.5)
    own = Target("t = one_hot(y)", {"y": 1}, True)
    loose = Target("t = 1.0 * t_", {"t_": 1}, False)
    weights = LossOptions(integer_target=True, weight=2, ignore=-1, smoothings=(0.1,), temperatures=(2.0,))
    rows = [
        *losses.cross_entropies(own, weights),
        *losses.cross_entropies(own, weights._replace(weight=None, sample_weight=2)),
        *losses.cross_entropies(own, LossOptions(mask=2)),
        *losses.cross_entropies(own, LossOptions(z_loss=0.1)),
        *losses.cross_entropies(loose, LossOptions(smoothings=(0.1,))),
        *losses.of_shifted_labels(own, LossOptions(integer_target=True)),
        *losses.smoothed_otherwise(own, LossOptions(smoothings=(0.1,))),
        *losses.other_losses(own),
        *losses.with_parameter(own, LossOptions(parameters={one.name: (2.0,) for one in PARAMETERS})),
        *losses.away_from_0(own, (1e-3,)),
        *losses.of_probabilities(own, (1e-3,)),
        *losses.of_probabilities_otherwise(own, LossOptions(integer_target=True, smoothings=(0.1,))),
    ]
    heads = [
        head
        for row in rows
        for scalar in (True, False)
        for head in row.output_functions(scalar=scalar, bases=(None, "2"))
    ]
    leaves = [UserArray("z", z), UserArray("mask", mask)]
    leaky, elu = np.where(z > 0, z, 0.1 * z), np.where(z > 0, z, 0.3 * np.expm1(z))
    for y in (_softmax(z / 2), _softmax(-z), leaky, elu):
        heads += activations.of_its_shape(z, y, -1)
    heads += [activations.logsumexp(), *activations.masked(z, leaves, None), *activations.dropped(z, z / 2, leaves)]
    lines = [line for head in heads for line in head.backward]
    for product in (*FORMS, *VECTOR_FORMS):
        lines += [product.weight, product.input]
    lines += whole_functions.LINES
    lines += [BIAS, RIDGE, LASSO, *(back for _, back in HIDDEN_ACTIVATIONS.values())]
    return tuple(dict.fromkeys(lines))


def _softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def layouts_of(line):
    """The layouts in which a line can stand: each way to write a product has its own."""
    own = {
        "rows": (WEIGHT[0], WEIGHT[1], INPUT[0], INPUT[1]),
        "columns": (WEIGHT[2], WEIGHT[3], INPUT[2], INPUT[3]),
        "vector": (*WEIGHT[4:], *(product.input for product in VECTOR_FORMS)),
    }
    if "m_0" in line:
        return ["images"]
    if line in whole_functions.LINES and line not in SHARED:
        return [name for name in LAYOUTS if LAYOUTS[name] == whole_functions.layout_of(line)]
    return [name for name, lines in own.items() if line in lines] if line in PRODUCT_LINES else list(LAYOUTS)


def quantities(line, layout, *, square=False, rows=M):
    """Random numbers for every name that a line may use, of the shapes that they have in this layout."""
    if line in whole_functions.LINES and line not in SHARED:
        return whole_functions.quantities(line)
    rng = np.random.default_rng(1)
    features = K if square else D

    def shaped(n):
        return {
            1: (n,),
            2: (n, rows) if layout.class_axis == 0 else (rows, n),
            3: (rows, n, PIXELS) if layout.class_axis == 1 else (rows, PIXELS, n),
        }[layout.ndim]

    def positive(*shape):
        return rng.uniform(0.2, 0.8, shape)

    per_row = positive(*shaped(1)) if layout.ndim > 1 else np.ones(())
    of_rows = {1: (), 2: (rows,), 3: (rows, PIXELS)}[layout.ndim]
    samples = float(np.prod(of_rows))
    weight_first = line in {p.weight for p in (*FORMS, *VECTOR_FORMS) if p.weight_in == 0} | {
        p.input for p in (*FORMS, *VECTOR_FORMS) if p.weight_in == 0
    }
    same = {name: positive(*shaped(K)) for name in ("p", "t", "q", "a", "logp", "y", "mask", "dy")}
    signed = {name: rng.normal(size=shaped(K)) for name in ("z", "dz", "dp", "da")}
    labels = {"y": rng.integers(0, K, of_rows)} if "sum_k(t) * (" in line else {}
    language = functions(layout)
    language["K"] = float(K)  # its one_hot counts the classes
    names = {
        **language,
        **same,
        **signed,
        "x": rng.normal(size=shaped(features)),
        "dx": rng.normal(size=shaped(features)),
        "W": rng.normal(size=(features, K) if weight_first else (K, features)),
        "dW": rng.normal(size=(features, K) if weight_first else (K, features)),
        **{name: positive(K) for name in ("b", "w")},
        **dict.fromkeys(("c", "v", "s", "lse"), per_row),
        "g": positive(*of_rows) if "rows(g)" in line else 0.7,
        **labels,
        "m": samples,
        **({"m_0": float(rows), "m_1": float(PIXELS)} if layout.ndim == 3 else {}),
        "n": 3.0,
        "sum_w": 2.5,
        "T": 2.0,
        "eps": 0.1,
        "keep": 0.8,
        "slope": 0.1,
        "alpha": 0.3,
        "reg": 0.3,
        "z_loss": 0.2,
        **{one.name: one.tried[-1] for one in PARAMETERS},
    }
    assert split(line)[0] in {"dz", "dp", "da", "dW", "db", "dx"}
    return names
