"""The output of the commands: results on standard output, progress on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID


def output(text: RenderableType) -> None:
    """Prints text to standard output without interpreting any markup in it."""
    from rich.console import Console

    if isinstance(text, str):  # the name of a file need not be UTF-8
        text = text.encode("utf-8", "backslashreplace").decode()
    Console(markup=False, highlight=False, soft_wrap=True).print(text)


class Bar:
    """A running progress bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, text: str | None = None, *, steps: int = 1) -> None:
        """Advances the bar, and shows `text` beside it."""
        self._progress.advance(self._task, steps)
        if text is not None:
            self._progress.update(self._task, description=text)


@contextmanager
def progress(text: str, total: int) -> Iterator[Bar]:
    """A progress bar of `total` steps. It is shown on a terminal only, and disappears at the end."""
    from rich import progress as rich_progress
    from rich.console import Console

    columns = [
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeElapsedColumn(),
    ]
    console = Console(stderr=True)
    with rich_progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as running:
        yield Bar(running, running.add_task(text, total=total))
