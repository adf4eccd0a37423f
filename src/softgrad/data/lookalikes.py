"""Texts that look like numbers or dates, but are read as categories or left out: what they are, and the way out."""

from __future__ import annotations

import re
from collections.abc import Collection

from softgrad._messages import quoted
from softgrad.data.written import MISSING

MOST = 0.9  # of the different texts look alike
_MONTHS = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|"
    "dec(ember)?"
)
_DATE = re.compile(rf"(?=.*[0-9]).*\b({_MONTHS})\b.*|.*[0-9] ?[ap]\.?m\.?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(['\u2019 \u00a0\u202f][0-9]{3})+([.,][0-9]+)?")
_UNIT = re.compile(r"[+-]?[0-9]+([.,][0-9]+)* ?([^\W\d_]{1,8})")


def are_codes(texts: Collection[str]) -> bool:
    """Whether these are numbers of the same length, some of which start with 0, as postal codes do."""
    if len({len(text) for text in texts}) != 1 or not any(text.startswith("0") for text in texts):
        return False
    return all(len(text) > 1 and text.isascii() and text.isdigit() for text in texts)


def hint(texts: Collection[str]) -> str | None:
    """What the texts of a column look like, and how to have them read so; None if they look like plain text."""
    present = [text for text in texts if text.lower() not in MISSING]
    if len(present) < 2:
        return None
    if are_codes(present):
        code = min(present)
        return f"codes such as {quoted(code)}, some of which start with 0: --numbers reads them as numbers"
    dates = [text for text in present if _DATE.fullmatch(text)]
    if len(dates) >= MOST * len(present):
        return f"dates or times such as {quoted(dates[0])}: write them like 2024-01-31 16:30"
    grouped = [text for text in present if _THOUSANDS.fullmatch(text)]
    if len(grouped) >= MOST * len(present):
        plain = re.sub(r"[^0-9.,+-]", "", grouped[0])
        return f"numbers such as {quoted(grouped[0])}: write them like {plain}"
    matches = [found for text in present if (found := _UNIT.fullmatch(text))]
    if len(matches) >= MOST * len(present) and len({found[2] for found in matches}) == 1:
        return f"numbers with a unit such as {quoted(matches[0][0])}: write them without {quoted(matches[0][2])}"
    return None
