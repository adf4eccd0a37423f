"""What a provider is: a library behind the operations that are timed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from benchmarks.questions.base import Array, Operation, Truth

Call: TypeAlias = Callable[[], tuple[Any, ...]]


class NotOffered(Exception):
    """The library has no such operation, or not in this dtype."""


class Entry(NamedTuple):
    """A line of the table of providers: enough to name one without importing it."""

    name: str
    provider: str  # module:class
    packages: tuple[str, ...]
    install: str = ""

    def is_present(self) -> bool:
        """Whether its packages are installed."""
        return all(importlib.util.find_spec(package) for package in self.packages)

    def load(self, dtype: str) -> Provider:
        """The provider, with its packages imported."""
        module, _, name = self.provider.partition(":")
        provider: Provider = getattr(importlib.import_module(module), name)(self.name, dtype)
        return provider

    def versions(self) -> dict[str, str]:
        """Of its packages."""
        return {package: importlib.metadata.version(package) for package in self.packages}


class Provider:
    """A library. A subclass has one method an operation, from native inputs to a call that is ready to be timed.

    Such a call returns when its results are there, as a tuple of native arrays.
    """

    dtypes: tuple[str, ...] = ("float32", "float64", "float16", "bfloat16")

    def __init__(self, name: str, dtype: str) -> None:
        if dtype not in self.dtypes:
            raise NotOffered(f"no {dtype}")
        self.name = name

    def native(self, array: Array) -> Any:
        """An input as the library's own array; before the clock starts."""
        return array

    def numpy(self, array: Any) -> Array:
        """A result as a NumPy array; after the clock has stopped."""
        return np.asarray(array)

    def calls(self, operation: Operation, inputs: tuple[Array, ...]) -> dict[str, Call]:
        """What to time, by the name that tables give it."""
        return {self.name: self.method(operation)(*map(self.native, inputs))}

    def method(self, operation: Operation) -> Callable[..., Call]:
        """The provider's own method for an operation."""
        if not hasattr(self, operation.name):
            raise NotOffered(f"no {operation.name}")
        method: Callable[..., Call] = getattr(self, operation.name)
        return method

    def fault(self, truths: tuple[Truth, ...], results: tuple[Any, ...], dtype: str) -> str | None:
        """What is wrong with the results of a call; None if nothing is."""
        faults = (truth.fault(self.numpy(got), dtype) for truth, got in zip(truths, results, strict=True))
        return next(filter(None, faults), None)
