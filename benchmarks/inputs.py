"""The inputs of a size, which are drawn once, and passed to the process of every provider as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.questions import Question, Size, Truth
from benchmarks.questions.base import Array, compared_rows, numpy_dtype


def write(question: Question, size: Size, folder: Path) -> tuple[tuple[Path, ...], tuple[Truth, ...]]:
    """Writes one file per input, and returns the files and the exact results."""
    inputs = question.operation.inputs(size, question.dtype)
    files = tuple(folder / f"{index}.npy" for index in range(len(inputs)))
    for file, array in zip(files, inputs, strict=True):
        np.save(file, array)
    return files, question.operation.truth(inputs, compared_rows(size))


def read(files: tuple[Path, ...], dtype: str) -> tuple[Array, ...]:
    """Reads the inputs into private memory, like a user's array: not into pages shared with a file or a process."""
    return tuple(_named(np.load(file), dtype) for file in files)


def _named(array: Array, dtype: str) -> Array:
    return array.view(numpy_dtype(dtype)) if array.dtype.kind == "V" else array  # .npy files do not know bfloat16
