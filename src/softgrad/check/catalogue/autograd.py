"""Mistakes in how a backward pass of torch behaves, whatever its formula."""

from __future__ import annotations

from softgrad.check.catalogue.entry import Entry

ENTRIES = (
    Entry(
        "wrong-number-of-gradients",
        "The backward pass returns a wrong number of gradients",
        "backward returns one value for each argument of forward, in their order: a gradient, or None where there is "
        "none. Arguments that are not tensors count too; ctx does not. torch raises an error otherwise.",
    ),
)
