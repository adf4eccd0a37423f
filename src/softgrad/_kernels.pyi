"""The compiled kernels (kernels/module.cpp). They check nothing: arrays are contiguous and of one dtype.

Those whose name begins with short_ (kernels/short_calls.hpp) take the arguments of the public function and check
everything; where an argument does not fit, they compute nothing and return None.

16-bit floats come as the uint16 that hold their bits; what is beside them, class weights say, is float32. `fresh` says
that the memory to write was never touched.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Float = TypeVar("Float", np.float32, np.float64, np.uint16)
Values: TypeAlias = npt.NDArray[Float]  # (outer, K, inner), weight (K); everything else (N)
Trained: TypeAlias = npt.NDArray[Any]  # float32 or float64: rows of a layer (N, units), one number per unit, parameters
Classes: TypeAlias = npt.NDArray[np.int64]  # (N), -1 where ignored
Stats: TypeAlias = tuple[Values[Float], Values[Float], npt.NDArray[np.bool_]]  # logsumexp, entropy, correct

ISA: str
ISA_WARNING: str  # why it is not the widest that runs here; mostly empty

class LossNumbers:
    """The numbers among the options of a loss, one struct for the kernels (kernels/loss_options.hpp)."""

    def __init__(
        self,
        *,
        scale: float,
        denominator: float,
        label_smoothing: float,
        z_loss: float,
        softcap: float,
        temperature: float,
        parameter: float,
    ) -> None: ...

def get_num_threads() -> int: ...
def set_num_threads(n: int) -> None: ...
def instruction_sets() -> list[str]: ...
def self_test(name: str) -> list[float]: ...
def widest_sound(values: dict[str, list[float]]) -> tuple[str, str]: ...
def losses() -> list[str]: ...
def find_no_probabilities(p: Values[Float], bfloat16: bool = False) -> int: ...
def find_label_outside(target: Classes, K: int) -> int: ...
def total(losses: Values[Float], denominator: float) -> float: ...
def softmax(
    x: Values[Float], out: Values[Float], temperature: float, bfloat16: bool = False, fresh: bool = True
) -> None: ...
def log_softmax(
    x: Values[Float], out: Values[Float], temperature: float, bfloat16: bool = False, fresh: bool = True
) -> None: ...
def logsumexp(
    x: Values[Float], out: Values[Float], temperature: float, bfloat16: bool = False, fresh: bool = True
) -> None: ...
def partial_sums(
    z: Values[Float],
    max: Values[Float],
    others: npt.NDArray[np.float64],
    temperature: float,
    softcap: float,
    bfloat16: bool = False,
) -> None: ...
def scaled_exponentials(
    z: Values[Float],
    max: Values[Float],
    factor: npt.NDArray[np.float64],
    temperature: float,
    softcap: float,
    bfloat16: bool = False,
) -> None: ...
def softmax_vjp(
    x: Values[Float],
    y: Values[Float],
    out: Values[Float],
    temperature: float,
    bfloat16: bool = False,
    fresh: bool = True,
) -> int: ...
def log_softmax_vjp(
    x: Values[Float],
    y: Values[Float],
    out: Values[Float],
    temperature: float,
    bfloat16: bool = False,
    fresh: bool = True,
) -> int: ...
def log_softmax_jvp(
    x: Values[Float],
    y: Values[Float],
    out: Values[Float],
    temperature: float,
    bfloat16: bool = False,
    fresh: bool = True,
) -> int: ...
def loss_of_classes(
    name: str,
    z: Values[Float],
    target: Classes,
    weight: Values[Float] | None,
    numbers: LossNumbers,
    loss: Values[Float] | None,
    grad: Values[Float] | None,
    stats: Stats[Float] | None,
    bfloat16: bool = False,
    fresh: bool = True,
) -> float: ...
def loss_of_probs(
    name: str,
    z: Values[Float],
    target: Values[Float],
    weight: Values[Float] | None,
    numbers: LossNumbers,
    loss: Values[Float] | None,
    grad: Values[Float] | None,
    stats: Stats[Float] | None,
    bfloat16: bool = False,
    fresh: bool = True,
) -> float: ...
def token_log_probs(
    z: Values[Float],
    tokens: Classes,
    log_probs: Values[Float],
    entropy: Values[Float],
    saved: npt.NDArray[np.float64],  # (N, 4): what token_log_probs_vjp needs of each row
    temperature: float,
    bfloat16: bool = False,
) -> None: ...
def token_log_probs_vjp(
    z: Values[Float],
    tokens: Classes,
    saved: npt.NDArray[np.float64],
    of_log_probs: Values[Float] | None,
    of_entropy: Values[Float] | None,
    dz: Values[Float],
    temperature: float,
    bfloat16: bool = False,
    fresh: bool = True,
) -> None: ...
def short_softmax(args: tuple[Any, ...], options: dict[str, Any]) -> Any: ...
def short_log_softmax(args: tuple[Any, ...], options: dict[str, Any]) -> Any: ...
def short_logsumexp(args: tuple[Any, ...], options: dict[str, Any]) -> Any: ...
def short_softmax_vjp(args: tuple[Any, ...], options: dict[str, Any]) -> Any: ...
def short_log_softmax_vjp(args: tuple[Any, ...], options: dict[str, Any]) -> Any: ...
def short_log_softmax_jvp(args: tuple[Any, ...], options: dict[str, Any]) -> Any: ...
def short_logsumexp_vjp(args: tuple[Any, ...], options: dict[str, Any]) -> Any: ...
def short_loss(
    name: str,
    known: dict[Any, Any],  # the options of earlier calls: what `read` returned for them
    read: Callable[[dict[str, Any]], tuple[int, int | None, LossNumbers] | None],  # axis, ignore_index, numbers
    constant: frozenset[type],  # types of the options that cannot change
    result: type | None,  # of the loss and its gradient; None for the loss alone
    most: int,  # options that are known
) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]: ...
def short_token_log_probs(result: type) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]: ...  # a named tuple
def short_token_log_probs_vjp(args: tuple[Any, ...], options: dict[str, Any]) -> Any: ...
def short_tensor(
    name: str,
    torch: tuple[Any, ...],  # softgrad/torch/asked.py
    differentiated: Callable[..., Any] | None,  # makes a result differentiable; None for the product instead
    most: int,  # entries
) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]: ...
def short_tensor_loss(
    torch: tuple[Any, ...],
    known: dict[Any, tuple[tuple[type, ...], LossNumbers]],  # options, with their types
    likes: tuple[Any, ...],  # tensors like the loss, for each dtype of the logits
    huge: int,  # entries
    new_huge: Callable[[Any], Any],  # a new tensor in the shape and dtype of one that has as many entries
) -> Callable[[Any, Any, Any, bool | None], Any]: ...  # of options, logits, target, with_grad
def short_tensor_loss_vjp(
    torch: tuple[Any, ...],
    known: dict[Any, tuple[tuple[type, ...], LossNumbers]],
    likes: tuple[Any, ...],
    huge: int,
    new_huge: Callable[[Any], Any],
) -> Callable[[Any, Any, Any, Any], Any]: ...  # of options, logits, target, upstream gradient
def short_tensor_tokens(
    torch: tuple[Any, ...],
    most: int,  # entries
    likes: tuple[Any, ...],  # a tensor of float32, and one of float64
    differentiated: Callable[..., Any],
    result: type,  # a named tuple
) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]: ...
def short_tensor_tokens_vjp(
    torch: tuple[Any, ...], most: int
) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]: ...  # of (logits, tokens, saved, g, h)
def returns_saved_gradient(torch: tuple[Any, ...]) -> Callable[[Any], bool | None]: ...  # of the upstream gradient
def add_bias_and_activate(y: Trained, bias: Trained, activation: int) -> None: ...
def activation_and_bias_grad(y: Trained, g: Trained, bias_grad: Trained, activation: int) -> None: ...
def sgd_step(
    parameter: Trained,
    grad: Trained,
    velocity: Trained,
    *,
    learning_rate: float,
    l2: float,
    decay: float,
    momentum: float,
    nesterov: bool,
) -> None: ...
def adam_step(
    parameter: Trained,
    grad: Trained,
    mean: Trained,
    square: Trained,
    *,
    learning_rate: float,
    l2: float,
    decay: float,
    beta1: float,
    beta2: float,
    m_correction: float,
    v_correction: float,
    epsilon: float,
) -> None: ...
