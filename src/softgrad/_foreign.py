"""Reads what is not yet an array: lists, numbers, and the arrays of other libraries.

None of these libraries is imported. An object that cannot be read, or whose meaning would be lost, is refused, and the
message says how to convert it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Set
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from softgrad.errors import DtypeError, ShapeError

Array: TypeAlias = npt.NDArray[Any]


def as_array(function: str, name: str, value: npt.ArrayLike) -> Array:
    """`value` as an array.

    Raises:
        DtypeError: it is None, has masked entries, or belongs to a library that does not give its numbers to NumPy.
        ShapeError: it is a list whose rows differ in length.
    """
    if value is None:
        raise DtypeError(f"{function}: {name} is None, wanted an array of numbers")
    if isinstance(value, str | bytes | Set | Mapping | Iterator):
        way = f"; convert it first, as list({name})" if isinstance(value, Set | Iterator) else ""
        raise DtypeError(f"{function}: {name} is a {type(value).__name__}, wanted an array of numbers{way}")
    if _has_masked_entries(value):
        raise DtypeError(
            f"{function}: {name} is a masked array, and its mask would be lost; {_instead_of_a_mask(name)}"
        )
    try:
        array = np.asarray(value)
    except Exception as error:  # each library raises its own
        if isinstance(error, ValueError) and isinstance(value, list | tuple):
            raise ShapeError(
                f"{function}: {name} is ragged: its rows differ in length; give every row the same number of entries"
            ) from error
        raise DtypeError(f"{function}: {name} is {_described(name, value, error)}") from error
    if array.dtype.kind == "O" and hasattr(value, "toarray"):
        raise DtypeError(f"{function}: {name} is a sparse matrix, wanted an array; convert it, as {name}.toarray()")
    return array


def _has_masked_entries(value: object) -> bool:
    ma = sys.modules.get("numpy.ma")  # without it there is no masked array
    if ma is None:
        return False
    if isinstance(value, list | tuple):
        return any(isinstance(part, list | tuple | ma.MaskedArray) and _has_masked_entries(part) for part in value)
    return isinstance(value, ma.MaskedArray) and bool(np.any(ma.getmaskarray(value)))


def _instead_of_a_mask(name: str) -> str:
    if name == "logits":
        return "give logits.data, and the classes that take part as where=~logits.mask"
    if name == "target":
        return "mark the masked rows, as ignore_index=-1 with target.filled(-1)"
    return f"replace the masked entries, as {name}.filled(0)"


def _described(name: str, value: object, error: Exception) -> str:
    """What an object is that NumPy cannot read, and how to convert it."""
    library = type(value).__module__.partition(".")[0]
    if library == "torch":
        return _tensor(name, value)
    if library in ("jax", "jaxlib"):
        return (
            "a JAX tracer, which has no numbers inside jit, grad or vmap; call this function outside of them, or "
            "through jax.pure_callback"
        )
    reason = str(error).partition("\n")[0][:200]
    return f"a {type(value).__name__}, which NumPy cannot read ({reason}); convert it to an array first"


def _tensor(name: str, tensor: Any) -> str:
    """A tensor of torch that is not a plain array: it belongs to a graph or a device, or has a dtype of torch's own."""
    device = str(tensor.device)
    if device == "meta":
        return "a tensor on the device meta, which holds no numbers; wanted a tensor on the CPU"
    steps = {
        ".detach()": (tensor.requires_grad, "that requires grad"),
        ".cpu()": (device != "cpu", f"on the device {device}"),
        ".to_dense()": ("strided" not in str(tensor.layout), "with a sparse layout"),
        ".float()": (str(tensor.dtype) == "torch.bfloat16", "of bfloat16"),
    }
    what = [words for applies, words in steps.values() if applies]
    way = "".join(step for step, (applies, _) in steps.items() if applies)
    return f"a tensor {' and '.join(what)}, wanted an array; convert it, as {name}{way}.numpy()"
