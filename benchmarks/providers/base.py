"""Providers: libraries that offer the operations that are timed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from benchmarks.questions.base import Array, Operation, Truth

Call: TypeAlias = Callable[[], tuple[Any, ...]]


class NotOffered(Exception):
    """The library does not offer this operation, or is left out in this dtype."""


class Entry(NamedTuple):
    """An entry of the list of providers. It describes a provider without importing it."""

    name: str
    provider: str  # module:class
    packages: tuple[str, ...]
    install: str = ""
    folder: str = ""  # is put first on the path, so that the packages come from there

    def is_present(self) -> bool:
        """Whether the packages of the provider are installed."""
        return all(importlib.util.find_spec(package) for package in self.packages)

    def load(self, dtype: str) -> Provider:
        """Imports the packages, and returns the provider."""
        if self.folder:
            sys.path.insert(0, self.folder)
        module, _, name = self.provider.partition(":")
        provider: Provider = getattr(importlib.import_module(module), name)(self.name, dtype)
        return provider

    def versions(self) -> dict[str, str]:
        """The versions of the packages."""
        return {package: importlib.metadata.version(package) for package in self.packages}


class Provider:
    """A library. A subclass has one method per operation, which takes native inputs and returns a call to be timed.

    The call returns a tuple of native arrays, once they are computed.
    """

    dtypes: tuple[str, ...] = ("float32", "float64", "float16", "bfloat16")

    def __init__(self, name: str, dtype: str) -> None:
        if dtype not in self.dtypes:
            raise NotOffered(f"{dtype} is left out")
        self.name = name

    def native(self, array: Array) -> Any:
        """An input as an array of the library. This conversion is not timed."""
        return array

    def numpy(self, array: Any) -> Array:
        """A result as a NumPy array. This conversion is not timed."""
        return np.asarray(array)

    def calls(self, operation: Operation, inputs: tuple[Array, ...]) -> dict[str, Call]:
        """The calls to time, under their names in the tables."""
        return {self.name: self.method(operation)(*map(self.native, inputs))}

    def method(self, operation: Operation) -> Callable[..., Call]:
        """The method of the provider for an operation."""
        if not hasattr(self, operation.name):
            raise NotOffered(f"it does not offer {operation.name}")
        method: Callable[..., Call] = getattr(self, operation.name)
        return method

    def fault(self, truths: tuple[Truth, ...], results: tuple[Any, ...], dtype: str) -> str | None:
        """A description of the first wrong result of a call; None if all are right."""
        faults = (truth.fault(self.numpy(got), dtype) for truth, got in zip(truths, results, strict=True))
        return next(filter(None, faults), None)
