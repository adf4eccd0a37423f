"""The catalogue of mistakes: right lines, what people write instead, and every change of a line that nobody foresaw.

lines.py: the language of the lines. changes.py: every way of getting a line wrong. softmax.py, losses.py, layers.py,
scale.py, findings.py: the entries, with their words. names.py: what a change is called.
"""

from softgrad.check.mistakes import layers, losses, softmax
from softgrad.check.mistakes.entry import Entry, Listed
from softgrad.check.mistakes.names import ENTRIES

LISTED: tuple[Listed, ...] = (*softmax.LISTED, *losses.LISTED, *layers.LISTED)

__all__ = ["ENTRIES", "LISTED", "Entry", "Listed"]
