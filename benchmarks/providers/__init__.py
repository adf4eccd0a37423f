"""The providers, in the order of the tables. The peers are the other libraries."""

from benchmarks.providers.base import Call, Entry, NotOffered, Provider

__all__ = [
    "COPY",
    "PEERS",
    "PROVIDERS",
    "SOFTGRAD",
    "SOFTGRAD_OUT",
    "SOFTGRAD_ROWS",
    "SOFTGRAD_TORCH",
    "Call",
    "Entry",
    "NotOffered",
    "Provider",
]

SOFTGRAD, COPY = "softgrad", "copy"
SOFTGRAD_OUT = "softgrad, out="  # the call that writes to an existing array
SOFTGRAD_ROWS = "softgrad, rows"  # the numbers of columns, as rows
SOFTGRAD_TORCH = "softgrad.torch"  # on tensors; a loss with autograd

_HERE = "benchmarks.providers"
_TORCH = "python -m pip install torch --index-url https://download.pytorch.org/whl/cpu"
PROVIDERS = (
    Entry(SOFTGRAD, f"{_HERE}.softgrad_calls:Softgrad", ("softgrad", "numpy"), "python -m pip install ."),
    Entry(
        SOFTGRAD_TORCH,
        f"{_HERE}.softgrad_torch_calls:SoftgradTorch",
        ("softgrad", "torch"),
        "python -m pip install '.[torch]'",
    ),
    Entry(COPY, f"{_HERE}.copy_bytes:Copy", ("numpy",)),
    Entry("torch", f"{_HERE}.torch_calls:Torch", ("torch",), _TORCH),
    Entry("torch.compile", f"{_HERE}.torch_calls:TorchCompile", ("torch",), _TORCH),
    Entry("jax.jit", f"{_HERE}.jax_calls:Jax", ("jax", "optax"), "python -m pip install jax optax"),
    Entry("NumPy", f"{_HERE}.numpy_by_hand:NumPyByHand", ("numpy",)),
    Entry("SciPy", f"{_HERE}.scipy_special:SciPy", ("scipy",), "python -m pip install scipy"),
)
PEERS = tuple(entry.name for entry in PROVIDERS if entry.name not in (SOFTGRAD, SOFTGRAD_TORCH, COPY))
