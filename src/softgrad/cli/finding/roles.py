"""What an argument may be, by its name: candidates for the values that it is tried with.

The lengths are letters: N samples, D features, H hidden units, C classes, T flat parameters. A candidate is a kind and
letters, such as Value("real", "ND") for a matrix of samples by features.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from softgrad.cli.finding.word_sets import word_set

# S: the side of an image, L: the length of a sequence, Q and R: four and three times H. Most differ, so that a factor
# says which length it is.
LENGTHS = {"N": 5, "D": 7, "H": 4, "C": 3, "L": 6, "S": 4, "Q": 16, "R": 12, "1": 1, "2": 2, "3": 3}

SQUARE = dict.fromkeys(LENGTHS, 4) | {"1": 1, "2": 2, "3": 3}  # where no other lengths fit each other

Lengths = Mapping[str, int]


class Value(NamedTuple):
    """One candidate: how an argument is drawn."""

    kind: str  # a key of DRAWN, or "constant"
    axes: str = ""  # letters of LENGTHS
    constant: Any = None  # of the kind "constant"; of the kind "dict", its entries, which are values too
    note: str = ""  # which part of an array of the file it is

    def shape(self, lengths: Lengths) -> tuple[int, ...]:
        """The shape with these lengths."""
        return tuple(lengths[letter] for letter in self.axes)

    def draw(self, rng: np.random.Generator, lengths: Lengths) -> Any:
        """A random value of this kind."""
        if self.kind == "constant":
            return self.constant.copy() if hasattr(self.constant, "copy") else self.constant
        if self.kind == "length":
            return lengths[self.axes]
        if self.kind == "like":
            return _like(self.constant, rng)
        if self.kind == "near":
            return _near(self.constant, rng)
        if self.kind == "dict":
            return {key: value.draw(rng, lengths) for key, value in self.constant.items()}
        return DRAWN[self.kind](rng, self.shape(lengths), lengths["C"])

    @property
    def is_real(self) -> bool:
        """Whether a gradient for it makes sense."""
        if self.kind in ("like", "near"):
            return True
        if isinstance(self.constant, np.ndarray):
            return self.constant.dtype.kind == "f" and len(np.unique(self.constant)) > 2
        return self.kind in ("real", "positive", "unit", "probabilities", "columns of probabilities") or (
            self.kind == "dict" and any(value.is_real for value in self.constant.values())
        )

    def described(self, name: str, lengths: Lengths) -> str:
        """In words: "y as class indices 0..2"."""
        if self.kind == "like":
            whole = isinstance(self.constant, np.ndarray)
            return (
                f"{name} drawn as {_sizes(self.constant)}" if whole else f"{name} drawn like those that the file makes"
            )
        if self.kind == "near":
            return f"{name} drawn near the one in the file, {_sizes(self.constant)}"
        if isinstance(self.constant, np.ndarray):
            return f"{name} from the file, {self.note or _sizes(self.constant)}"
        if isinstance(self.constant, list) and len(self.constant) > 4:
            return f"{name} from the file, {len(self.constant)} entries"
        if self.kind in ("constant", "length"):
            return f"{name} = {self.draw(np.random.default_rng(0), lengths)!r}"
        if self.kind == "dict":
            return f"{name} with {', '.join(v.described(k, lengths) for k, v in self.constant.items())}"
        shape = "x".join(map(str, self.shape(lengths)))
        return WORDS[self.kind].format(name=name, shape=shape or "one number", last=lengths["C"] - 1)


def _like(value: Any, rng: np.random.Generator) -> Any:
    """Random arrays in the places of arrays."""
    if isinstance(value, np.ndarray):
        return 0.5 * rng.standard_normal(value.shape)
    if isinstance(value, dict):
        return {key: _like(entry, rng) for key, entry in value.items()}
    return type(value)(_like(entry, rng) for entry in value)


def _near(array: Any, rng: np.random.Generator) -> Any:
    """Other numbers of the same signs; those between 0 and 1 stay there."""
    noise = np.exp(0.3 * rng.standard_normal(array.shape))
    if array.ndim == 1 and array.size > 2 and (np.diff(array) > 0).all():  # steps of other lengths
        return array[0] + np.cumsum(np.concatenate([[0.1 * np.log(noise[0])], np.diff(array) * noise[1:]]))
    if ((array > 0) & (array < 1)).all():
        odds = array / (1 - array) * noise
        return odds / (1 + odds)
    return np.where(array == 0, noise - 1, array * noise)


def _sizes(array: Any) -> str:
    return "x".join(map(str, array.shape)) or "one number"


def _one_hot(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> Any:
    rows = np.eye(shape[axis])[rng.integers(0, shape[axis], size=tuple(np.delete(shape, axis)))]
    return np.moveaxis(rows, -1, axis)


def _probabilities(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> Any:
    drawn = np.exp(rng.standard_normal(shape))
    return drawn / drawn.sum(axis=axis, keepdims=True)


DRAWN: Mapping[str, Any] = {
    "real": lambda rng, shape, classes: rng.standard_normal(shape) if shape else float(rng.standard_normal()),
    "positive": lambda rng, shape, classes: np.exp(rng.standard_normal(shape) / 2),
    "weights": lambda rng, shape, classes: np.exp(rng.standard_normal(shape) / 2),
    "unit": lambda rng, shape, classes: rng.uniform(0.1, 0.9, shape),
    "probabilities": lambda rng, shape, classes: _probabilities(rng, shape, -1),
    "columns of probabilities": lambda rng, shape, classes: _probabilities(rng, shape, 0),
    "classes": lambda rng, shape, classes: (
        rng.integers(0, classes, size=shape) if shape else int(rng.integers(0, classes))
    ),
    "one-hot": lambda rng, shape, classes: _one_hot(rng, shape, -1),
    "one-hot columns": lambda rng, shape, classes: _one_hot(rng, shape, 0),
    "binary": lambda rng, shape, classes: rng.permutation(np.arange(int(np.prod(shape))) % 2.0).reshape(shape),
    "signs": lambda rng, shape, classes: rng.permutation(np.arange(int(np.prod(shape))) % 2 * 2.0 - 1).reshape(shape),
    "mask": lambda rng, shape, classes: rng.permutation(np.arange(int(np.prod(shape))) % 3 > 0).reshape(shape) * 1.0,
    "generator": lambda rng, shape, classes: np.random.default_rng(0),
}
WORDS = {
    "real": "{name} drawn as {shape}",
    "positive": "{name} drawn as {shape}, positive",
    "weights": "{name} drawn as {shape}, positive",
    "unit": "{name} drawn as {shape}, between 0 and 1",
    "probabilities": "{name} drawn as {shape}, rows of probabilities",
    "columns of probabilities": "{name} drawn as {shape}, columns of probabilities",
    "classes": "{name} as class indices 0..{last}",
    "one-hot": "{name} as one-hot rows {shape}",
    "one-hot columns": "{name} as one-hot columns {shape}",
    "binary": "{name} as {shape} of 0 and 1",
    "signs": "{name} as {shape} of -1 and 1",
    "mask": "{name} as a mask of {shape}",
    "generator": "{name} as a random generator",
}


def _reals(*axes: str) -> tuple[Value, ...]:
    return tuple(Value("real", one) for one in axes)


LOGITS = _reals("NC", "C", "", "CN", "N", "N1", "C1", "2", "NLC", "SS", "22SS")
INDICES = (Value("classes", "N"), Value("classes", "NL"), Value("classes", "L"), Value("classes", ""))
DATA = (*_reals("ND", "DN", "D", "NC", "CN", "N", "NLD", "", "N1", "D1", "1D", "SS", "22SS", "2SS2"), *INDICES[:2])
WEIGHTS = _reals("DC", "CD", "D", "D1", "C", "1D", "", "DD", "NN", "DH", "HD", "2")
BIASES = _reals("C", "C1", "1C", "", "D", "H", "1")
TARGETS = (
    Value("classes", "N"),
    Value("one-hot", "NC"),
    Value("one-hot columns", "CN"),
    Value("one-hot", "C"),
    Value("classes", ""),
    Value("binary", "N"),
    Value("binary", "N1"),
    Value("binary", "1N"),
    Value("one-hot columns", "C1"),
    Value("real", "ND"),
    Value("real", "D"),
    Value("real", ""),
)
OF_PROBABILITIES = (
    Value("probabilities", "NC"),
    Value("unit", "N"),
    Value("unit", "N1"),
    Value("unit", "1N"),
    Value("columns of probabilities", "CN"),
    Value("probabilities", "C"),
    Value("columns of probabilities", "C1"),
    Value("unit", ""),
)
SCALARS = {
    "reg reg_strength regularization lam lambda lambda_ lmbda lambd lamb l2 weight_decay wd l2_reg": 0.1,
    "eps epsilon": 1e-5,
    "lr learning_rate eta": 0.1,
    "temperature temp tau": 2.0,
    "delta margin": 1.0,
    "slope negative_slope leak": 0.1,
    "alpha": 0.5,
    "keep_prob keep": 0.8,
    "momentum": 0.9,
    "smoothing label_smoothing ls": 0.1,
    "axis dim": -1,
    "activation act activation_function nonlinearity": "relu",
    "mode": "train",
    "reduction": "mean",
    "seed random_state": 0,
    "stride pad padding": 1,
}
NUMBERS: Mapping[str, Any] = {name: value for names, value in SCALARS.items() for name in names.split()}
ALWAYS = word_set("reg reg_strength lam lambda lmbda lambd l2 weight_decay l2_reg reg_lambda")
CONFIGURATIONS: Mapping[str, dict[str, Any]] = {  # dicts of options, as courses hand them to layers
    "bn_param": {"mode": "train"},
    "ln_param": {},
    "gn_param": {},
    "dropout_param": {"mode": "train", "p": 0.5, "seed": 123},
    "conv_param": {"stride": 1, "pad": 1},
    "pool_param": {"pool_height": 2, "pool_width": 2, "stride": 2},
}
SIZES = ("sizes", "layers", "layer_sizes", "layer_dims", "dims", "layers_dims", "architecture")
COUNTS = {  # integers
    "N": "n m n_samples num_samples batch batch_size num_train num_examples num_movies num_items",
    "C": "k c num_classes n_classes num_labels n_labels classes n_out n_output output_size output_dim n_y dim_out "
    "out_features output_layer_size num_outputs n_outputs n_neurons units",
    "H": "vocab_size vocabulary_size num_embeddings n_tokens num_words n_items n_users num_users h hidden hidden_size "
    "hidden_dim n_hidden hidden_layer_size n_h num_hidden hidden_units",
    "D": "d input_size input_dim n_in n_input n_inputs num_inputs dim_in n_x in_features input_layer_size features "
    "n_features num_features dim",
}
RATINGS = ("num_movies", "num_items")  # rows of a matrix of ratings; its columns are the users

CHANNELS = {  # integers of convolutions
    "2": "in_channels n_channels channels input_channels",
    "C": "out_channels num_filters n_filters output_channels",
    "3": "kernel_size filter_size ksize",
}
LENGTH_OF = {name: letter for letter, names in (*COUNTS.items(), *CHANNELS.items()) for name in names.split()}

TARGET_NAMES = word_set(
    "y t target targets label labels y_true ytrue true gt ground_truth y_onehot onehot one_hot y_one_hot yb y_batch "
    "t_batch y_train actual expected desired"
)
PROBABILITY_NAMES = word_set(
    "p q prob probs probability probabilities y_hat yhat y_pred ypred pred preds prediction predictions al a2 a3 "
    "predicted y_prob y_proba"
)
INDEX_NAMES = word_set("idx ids index indices indexes tokens token token_ids word_ids words x_idx")
WEIGHT_NAMES = re.compile(r"(w|theta|weight|weights|coef|coefs|beta|kernel|k|u|v|w[a-z]{1,2}|filters?|params?)_?\d?")
BIAS_NAMES = re.compile(r"(b|bias|biases|intercept|b[a-z]{1,2})_?\d?")
FLAT_NAMES = word_set("theta nn_params params flat parameters thetas weights w theta_flat flat_theta initial_theta")


def values_for(name: str, *, weighted: bool, logs: bool) -> tuple[Value, ...]:
    """The candidates for an argument, the likeliest first.

    Args:
        name: of the argument.
        weighted: whether there are weights among the arguments, so that x holds features.
        logs: whether the function takes logarithms, so that a prediction is a probability.
    """
    low = name.lower().strip("_")
    if low in CONFIGURATIONS:
        return (Value("constant", constant=CONFIGURATIONS[low]),)
    if low in ("rng", "generator"):
        return (Value("generator"),)
    if low in NUMBERS and isinstance(NUMBERS[low], str):
        return tuple(Value("constant", constant=text) for text in (NUMBERS[low], "sigmoid", "tanh"))
    if low in NUMBERS:
        return (Value("constant", constant=NUMBERS[low]), *LOGITS)
    if low in INDEX_NAMES or low.endswith(("idx", "index", "indices")):
        return INDICES
    if low in TARGET_NAMES:
        return TARGETS
    if low in LENGTH_OF and (len(low) > 1 or weighted):
        return (Value("length", LENGTH_OF[low]), *LOGITS)
    if "mask" in low:
        return (Value("mask", "NC"), Value("mask", "ND"), Value("mask", "N"), Value("mask", "C"))
    if low in PROBABILITY_NAMES or low.startswith(("y_p", "y_h", "prob")):
        return (*OF_PROBABILITIES, *LOGITS) if logs else (*LOGITS, *OF_PROBABILITIES)
    if low in ("gamma", "beta", "scale", "shift"):
        return (*_reals("D", "C", "1D", "1C", "D1", "C1", "2"), Value("constant", constant=2.0))
    if is_weight(name):
        return WEIGHTS
    if BIAS_NAMES.fullmatch(low):
        return BIASES if weighted else (*LOGITS, *BIASES)
    if weighted:
        return DATA
    return (*LOGITS, *DATA[:3], *OF_PROBABILITIES) if not logs else (*LOGITS, *OF_PROBABILITIES, *DATA[:3])


def is_weight(name: str) -> bool:
    """Whether an argument of this name is a parameter that is learned."""
    return bool(WEIGHT_NAMES.fullmatch(name.lower().strip("_")))


def is_target(name: str) -> bool:
    """Whether an argument of this name is the target of a loss."""
    return name.lower().strip("_") in TARGET_NAMES


def targets_of(names: Sequence[str]) -> list[str]:
    """The targets among the arguments of a backward pass. A y whose own gradient is among them, as dy, is an output."""
    lowered = {name.lower().replace("_", "") for name in names}

    def has_gradient(name: str) -> bool:
        low = name.lower().replace("_", "")
        return not lowered.isdisjoint({f"d{low}", f"grad{low}", f"g{low}", f"{low}grad"})

    return [name for name in names if is_target(name) and not has_gradient(name)]
