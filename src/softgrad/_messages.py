"""The text of error messages: one line of bounded length, however long what it quotes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LONGEST = 480  # characters of a message of the command line
QUOTED = 60  # characters of a value that a message quotes


def one_line(text: str, limit: int = LONGEST) -> str:
    """`text` on one line of at most `limit` characters: its middle is left out, since the way out is at the end."""
    if len(text) > 4 * limit:
        text = f"{text[: 2 * limit]} {text[-2 * limit :]}"
    lines = [part.strip() for part in text.splitlines()]
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(part for part in lines if part))
    if len(line) <= limit:
        return line
    tail = limit // 3
    return f"{line[: limit - tail - 5]} ... {line[len(line) - tail :]}"


def quoted(value: object, limit: int = QUOTED) -> str:
    """The repr of a value, shortened: a message says which one it is, and need not say all of it."""
    if isinstance(value, str | bytes) and len(value) > limit:
        head, tail = value[: limit - 10], value[-6:]
        return f"{head!r}...{tail!r} ({len(value):,} {'characters' if isinstance(value, str) else 'bytes'})"
    try:
        text = repr(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # an integer of thousands of digits, or an object whose repr raises
        return f"<{type(value).__name__}>"
    return text if len(text) <= limit else one_line(text, limit)


def text_of(error: BaseException) -> str:
    """The type and the message of an exception of the user's code, whose message may be missing or raise itself."""
    try:
        text = one_line(str(error), LONGEST // 2)
    except KeyboardInterrupt:
        raise
    except BaseException:
        text = ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def list_names(names: Iterable[str], limit: int = 8) -> str:
    """The first names, quoted, and how many there are besides."""
    return list_some([quoted(name) for name in names], limit)


def list_some(texts: Sequence[str], limit: int = 8) -> str:
    """The first texts, and how many there are besides."""
    return ", ".join(texts[:limit]) + (f" and {len(texts) - limit:,} more" if len(texts) > limit else "")


def counted(n: int, noun: str) -> str:
    """The number and its noun: "1 row", "2 rows"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
