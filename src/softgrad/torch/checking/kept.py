"""What the user's code holds in torch's objects: tensors, and attributes of its classes. Put back after a check.

softgrad.check puts back everything else: attributes, entries of lists and dicts, global names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch


@contextmanager
def kept(tensors: Iterable[torch.Tensor], classes: Sequence[type]) -> Iterator[None]:
    """Afterwards these tensors have the numbers, and these classes the attributes, that they have now."""
    numbers = [(tensor, tensor.detach().clone()) for tensor in tensors]
    attributes = [(one, dict(vars(one))) for one in classes]
    try:
        yield
    finally:
        for tensor, before in numbers:
            if not torch.equal(tensor, before):
                tensor.data.copy_(before)
        for one, names in attributes:
            for name in [*vars(one)]:
                if name not in names:
                    delattr(one, name)
            for name, value in names.items():
                if vars(one).get(name) is not value:
                    setattr(one, name, value)
