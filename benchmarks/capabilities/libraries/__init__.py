"""The libraries: the columns of the tables. To add one, write a subclass of `Library` and its row here."""

from __future__ import annotations

import importlib
from typing import NamedTuple

from benchmarks.capabilities.libraries.base import Absent as Absent
from benchmarks.capabilities.libraries.base import Library as Library


class Entry(NamedTuple):
    """A library, which is imported in the process that asks it."""

    name: str
    place: str  # module:class
    packages: tuple[str, ...]  # those installed are told with their versions

    def load(self) -> Library:
        """The library, imported."""
        module, _, name = self.place.partition(":")
        library: Library = getattr(importlib.import_module(f"{__name__}.{module}"), name)()
        return library


LIBRARIES = {
    entry.name: entry
    for entry in (
        Entry("softgrad", "of_softgrad:Softgrad", ("softgrad", "numpy")),
        Entry("softgrad.torch", "of_softgrad_torch:SoftgradTorch", ("softgrad", "torch")),
        Entry("torch", "of_torch:Torch", ("torch",)),
        Entry("JAX, optax", "of_jax:Jax", ("jax", "optax")),
        Entry("TensorFlow", "of_tensorflow:TensorFlow", ("tensorflow", "tensorflow-cpu", "keras")),
        Entry("scikit-learn", "of_scikit_learn:ScikitLearn", ("scikit-learn",)),
    )
}
