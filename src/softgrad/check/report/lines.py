"""Two lines of code beside each other, with the tokens that differ marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from html import escape

TOKEN = re.compile(r"\s+|\d[\d.]*(?:e[+-]?\d+)?|\w+|\*\*|//|[<>=!]=|[-+*/@]=|.", re.DOTALL)
HEAD = re.compile(  # what the value is for
    r"(?:def\b.*?\)(?:\s*->[^:]*)?:\s*)?return\b\s*|[\w.]+(?:\[[^\]=]*\])?\s*=(?!=)\s*"
)
ALIKE = 0.25  # the part that must agree: of two lines that have less in common, everything would be marked


def marked(wrong: str, right: str) -> tuple[str, str]:
    """Both lines as HTML: what only the first has is <del>, what only the second has is <ins>.

    Where one returns the value that the other assigns, the two values are compared.
    """
    heads = ("", "")
    if _is_returned(wrong) != _is_returned(right):
        heads = (_head(wrong), _head(right))
    first, second = (TOKEN.findall(one[len(head) :]) for one, head in zip((wrong, right), heads, strict=True))
    matcher = SequenceMatcher(None, _significant(first), _significant(second), autojunk=False)
    if matcher.ratio() < ALIKE:
        return escape(wrong), escape(right)
    removed: set[int] = set()
    added: set[int] = set()
    for change, a, b, c, d in matcher.get_opcodes():
        if change != "equal":
            removed.update(range(a, b))
            added.update(range(c, d))
    return (
        escape(heads[0]) + "".join(_tagged(first, removed, "del")),
        escape(heads[1]) + "".join(_tagged(second, added, "ins")),
    )


def _is_returned(line: str) -> bool:
    """Whether a line returns its value, as "return dz" and "def backward(z): return dz" do."""
    return "return" in _head(line)


def _head(line: str) -> str:
    found = HEAD.match(line)
    return found.group() if found else ""


def _significant(tokens: list[str]) -> list[str]:
    return [token for token in tokens if not token.isspace()]


def _tagged(tokens: list[str], changed: set[int], tag: str) -> Iterator[str]:
    """The tokens, with runs of changed ones in one element; space between two changed ones belongs to it."""
    number, run, space = 0, "", ""
    for token in tokens:
        if token.isspace():
            space += token
            if "\n" in space and run:  # a row ends, and so does the element
                yield f"<{tag}>{run}</{tag}>"
                run = ""
            continue
        if number in changed:
            run += (space if run else "") + escape(token)
            yield space if run == escape(token) else ""
        else:
            yield f"<{tag}>{run}</{tag}>" if run else ""
            yield space + escape(token)
            run = ""
        space = ""
        number += 1
    yield f"<{tag}>{run}</{tag}>" if run else ""
    yield space
