"""torch.nn.utils.spectral_norm: its gradient takes two vectors as constants, which each call in training changes.

The weight is W / (u^T W v), where u and v come from a power iteration: each call in training goes some steps on. Where
they have converged, their own derivatives cancel. Elsewhere the gradient is not that of the numbers returned, on
purpose. So u and v are held as they are while the module is checked, as torch does in eval mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.utils.spectral_norm import SpectralNorm

from softgrad.check.user.randomness import reachable

HELD = (
    "the vectors u and v of spectral_norm were held as they are: its gradient takes them as constants, and each call "
    "in training changes them"
)


@contextmanager
def without_power_iterations(holds: Iterable[Any]) -> Iterator[list[str]]:
    """While this runs, spectral_norm changes no vectors of the modules that these objects hold. Gives what to note."""
    modules = [one for root in holds for module in reachable(root, (torch.nn.Module,)) for one in module.modules()]
    training = [one for one in modules if one.training]
    found: list[Any] = [one for one in training if isinstance(one, torch.nn.utils.parametrizations._SpectralNorm)]
    found += [one for module in training for one in module._forward_pre_hooks.values() if isinstance(one, SpectralNorm)]
    before = [(one, one.n_power_iterations) for one in found]
    try:
        for one in found:
            one.n_power_iterations = 0
        yield [HELD] if found else []
    finally:
        for one, count in before:
            one.n_power_iterations = count
