"""The inputs of a size, drawn once, and how they reach every provider's process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.questions import Question, Size, Truth
from benchmarks.questions.base import Array, compared_rows, numpy_dtype


def write(question: Question, size: Size, folder: Path) -> tuple[tuple[Path, ...], tuple[Truth, ...]]:
    """One file an input, and the truth about the results."""
    inputs = question.operation.inputs(size, question.dtype)
    files = tuple(folder / f"{index}.npy" for index in range(len(inputs)))
    for file, array in zip(files, inputs, strict=True):
        np.save(file, array)
    return files, question.operation.truth(inputs, compared_rows(size))


def read(files: tuple[Path, ...], dtype: str) -> tuple[Array, ...]:
    """Into memory of the process's own, for pages shared with others or with a file are not what a user's array has."""
    return tuple(_named(np.load(file), dtype) for file in files)


def _named(array: Array, dtype: str) -> Array:
    return array.view(numpy_dtype(dtype)) if array.dtype.kind == "V" else array  # a file has no name for bfloat16
