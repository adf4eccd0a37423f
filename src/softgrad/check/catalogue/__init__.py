"""The catalogue of mistakes, as data: what each is called and how it is explained, and the wrong lines that show it.

    entry.py          what an entry, a wrong line and the name of an edit consist of
    softmax.py        entries and wrong lines of softmax
    log_softmax.py    of log-softmax
    cross_entropy.py  of the cross-entropy at the logits
    other_losses.py   of other losses
    weights.py        of class weights, masks, ignored rows and penalties
    dense.py          of dense layers, and between the layers of a network
    activations.py    of activations and dropout
    normalisation.py  of batch, layer and RMS norm
    attention.py      of scaled dot-product attention, and of rows that are looked up
    penalties.py      of penalties that stand alone
    forward_passes.py  of forward passes that are nearly a known one
    backward_passes.py  entries for a change in one place of any backward pass
    scale.py          entries for a wrong factor or sign, in whatever line
    conduct.py        entries for what is measured rather than read off a line
    autograd.py       the same for what torch alone has: ctx, needs_input_grad, saved tensors
    edit_names.py     what edits of a right line are called

Add an entry to the file of its family, and a WrongLine for each way in which people write it. An entry that no line
shows belongs in scale.py or conduct.py. Two entries of one name are refused when the catalogue is imported.
"""

from collections.abc import Iterable

from softgrad.check.catalogue import (
    activations,
    attention,
    autograd,
    backward_passes,
    conduct,
    cross_entropy,
    dense,
    forward_passes,
    log_softmax,
    normalisation,
    other_losses,
    penalties,
    scale,
    softmax,
    weights,
)
from softgrad.check.catalogue.edit_names import EDIT_NAMES
from softgrad.check.catalogue.entry import EditName, Entry, WrongLine


def by_name(files: Iterable[tuple[str, Iterable[Entry]]]) -> dict[str, Entry]:
    """All entries by name; `files` pairs the name of a file with its entries.

    Raises:
        ValueError: two entries have the same name; says where both are.
    """
    found: dict[str, Entry] = {}
    place: dict[str, str] = {}
    for file, entries in files:
        for n, entry in enumerate(entries):
            here = f"{file}.ENTRIES[{n}]"
            if entry.name in found:
                raise ValueError(f"the catalogue has two entries {entry.name!r}: {place[entry.name]} and {here}")
            found[entry.name], place[entry.name] = entry, here
    return found


_FILES = (
    conduct,
    autograd,
    softmax,
    log_softmax,
    cross_entropy,
    other_losses,
    weights,
    dense,
    activations,
    normalisation,
    attention,
    penalties,
    forward_passes,
    scale,
    backward_passes,
)

ENTRIES = by_name((file.__name__.rpartition(".")[2], file.ENTRIES) for file in _FILES)
WRONG_LINES: tuple[WrongLine, ...] = (
    *softmax.WRONG_LINES,
    *log_softmax.WRONG_LINES,
    *cross_entropy.WRONG_LINES,
    *other_losses.WRONG_LINES,
    *weights.WRONG_LINES,
    *dense.WRONG_LINES,
    *activations.WRONG_LINES,
    *normalisation.WRONG_LINES,
    *attention.WRONG_LINES,
    *penalties.WRONG_LINES,
)

__all__ = ["EDIT_NAMES", "ENTRIES", "WRONG_LINES", "EditName", "Entry", "WrongLine"]
