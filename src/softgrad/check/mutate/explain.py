"""Explains wrong gradients by a change in one place of the right backward pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from softgrad.check.mutate.choice import chosen
from softgrad.check.mutate.draw import Draw
from softgrad.check.mutate.inner import inner_values
from softgrad.check.mutate.search import Search
from softgrad.check.mutate.stages import Stages
from softgrad.check.mutate.texts import Texts
from softgrad.check.mutate.words import Words, line_of
from softgrad.check.report.mistake import Mistake
from softgrad.check.report.source import SourceLine
from softgrad.check.user.arguments import Key
from softgrad.check.user.options import FEWEST_DRAWS

MOST_ENTRIES = 10_000_000  # numbers in the forward pass, times gradients: more take too long
MOST_TOLD = 3  # mistakes


class Explanation(NamedTuple):
    """What explains wrong gradients.

    Attributes:
        mistakes: each explains some of them; the first one first.
        forward_line: the line of the forward pass whose derivative is wrong.
        unexplained: the wrong gradients that none of the mistakes explains.
    """

    mistakes: tuple[Mistake, ...]
    forward_line: SourceLine | None
    unexplained: tuple[Key, ...]


def explained(
    draws: Sequence[Draw],
    wrong: Collection[Key],
    names: Mapping[Key, str],
    numbers: Mapping[str, float] = {},
    others: Callable[[], Sequence[Draw]] = tuple,
) -> Explanation | None:
    """The change that gives the user's gradients on every draw; None where none is found.

    Args:
        draws: the inputs given, then others, all with the right backward pass.
        wrong: the gradients that are wrong.
        names: of the inputs.
        numbers: that the user names; a factor may equal one of them.
        others: makes draws that are more like the inputs given; a gradient may rely on what these have in common.
    """
    wanted = [key for key in wrong if key in draws[0].rights]
    if not wanted or draws[0].entries * len(draws[0].rights) > MOST_ENTRIES:
        return None
    # A draw on which a wrong gradient happens to be right is no evidence of what is wrong.
    draws = sorted(draws, key=lambda draw: -sum(draw.is_off(key) for key in wanted))
    search = Search(draws, wanted)
    for stage in Stages(draws[0]).all():
        search.try_all(stage)
        if search.spent:
            break
    if not search.fits:
        like_given = others()
        is_off = any(draw.is_off(key) for draw in like_given for key in wanted)
        if len(like_given) >= FEWEST_DRAWS and is_off:  # every change "explains" gradients that are right
            draws = like_given
            search.try_again(draws)
    texts = Texts(
        {node: names[key] for draw in draws for key, node in draw.graph.inputs.items() if key in names},
        numbers,
        {node for draw in draws for node in inner_values(draw.graph.nodes)},
    )
    choices = chosen(search.fits, draws, wanted, texts)
    if not choices or len(choices) > MOST_TOLD:
        return None
    words = Words(draws, texts, names)
    mistakes: dict[str, Mistake] = {}
    for choice in choices:
        mistakes.setdefault(choice.kind, words.mistake(choice, also=bool(mistakes)))
    done = {key for choice in choices for key in choice.fit.keys}
    return Explanation(
        tuple(mistakes.values()), line_of(choices[0], draws[0]), tuple(key for key in wanted if key not in done)
    )
