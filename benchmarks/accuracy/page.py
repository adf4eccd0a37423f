"""Writes docs/accuracy.md, with the tables of the largest errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from benchmarks import tables
from benchmarks.accuracy.measure import PROMISES, Errors, LargestErrors

if TYPE_CHECKING:
    from rich.table import Table

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"

TEXT = Template("""\
# Accuracy

The tables show the largest errors of softgrad and other libraries, in units in the last place (ulp). The column
"promised" is the bound that softgrad's docstrings state. **inf** stands for a result with no correct digit: 0 where
4.39e-8 is right, NaN, or an error as large as the number itself.

## All values

$all
## Normal numbers only

A library that replaces subnormal numbers by 0, as JAX does on a CPU, has no correct digit where the exact value is
subnormal. The following tables count only entries whose exact value is a normal number.

$normal
## The definition of an ulp

An ulp is the distance between neighbouring numbers of the dtype at the exact value. For subnormal values it is the
smallest subnormal number. A correctly rounded result has an error of at most 0.5 ulp. If a value is a sum of terms of
opposite sign, the ulp is that of the sum of their absolute values:

| quantity | the ulp is that of |
| --- | --- |
| logsumexp | \\|max\\| + log sum exp(z - max) |
| squared_error gradient | p_k (\\|p_k - t_k\\| + sum_j \\|p_j - t_j\\| p_j) |
| kl_divergence | sum_j t_j (\\|log t_j\\| + \\|log p_j\\|) |
| everything else | the exact value |

The gradient of cross_entropy at the target is p_y - 1. Its ulp is that of this value itself, although p_y and 1 cancel:
softgrad computes it as minus the sum of the other probabilities, where nothing cancels.

## The worst cases

$where
## How this page is made

    python -m benchmarks accuracy

runs every library on the same rows:

- logits that are uniformly distributed with the spreads 1, 30, 300 and 1e4 around the offsets 0, 1e4 and 1e8, for
  K = 1, 2, 3, 10, 1000, 1e5 and 1e6 classes;
- confident rows such as [17, 0, 0] and [1 - ln eps, 0];
- rows with subnormal probabilities, with ties, and with entries -inf.

The target class is in turn that of the largest logit, a random one, and that of the smallest logit. The targets of
kl_divergence are random probabilities. Losses are computed for each row.

The exact values are computed with mpmath and 50 digits for up to 1000 classes. For longer rows they are computed in
long double, with exact differences z - max. This computation is first compared with mpmath on all rows of 1000 classes,
and must agree to 2^-60. It shares no code with softgrad. If a library does not have a function, its result is computed
from other functions of the library: the losses of SciPy from its log_softmax, their gradients from its softmax, and
squared_error from the softmax of each library.

$versions
""")


def table(errors: Errors, libraries: list[str], title: str = "", *, markdown: bool = False) -> Table:
    """The table of the largest errors, with one row per quantity and one column per library."""
    grid = tables.empty(["", "promised", *libraries], title=title, markdown=markdown)
    for quantity, worst in errors.items():
        grid.add_row(quantity, str(PROMISES[quantity]), *(_ulps(worst[name].ulps) for name in libraries))
    return grid


def write(found: dict[str, LargestErrors], libraries: list[str], versions: str, path: Path = PAGE) -> Path:
    """Writes the page from the largest errors in each dtype, and returns its path."""

    def for_each_dtype(make: Callable[[LargestErrors], Table]) -> str:
        return "\n".join(f"{dtype}:\n\n{tables.text(make(largest))}" for dtype, largest in found.items())

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        TEXT.substitute(
            all=for_each_dtype(lambda largest: table(largest.all, libraries, markdown=True)),
            normal=for_each_dtype(lambda largest: table(largest.normal, libraries, markdown=True)),
            where=for_each_dtype(lambda largest: _worst_cases(largest.all, libraries)),
            versions=versions,
        )
    )
    return path


def _worst_cases(errors: Errors, libraries: list[str]) -> Table:
    grid = tables.empty(["", *libraries], markdown=True)
    for quantity, worst in errors.items():
        grid.add_row(quantity, *(worst[name].case if worst[name].ulps > 0 else "-" for name in libraries))
    return grid


def _ulps(value: float) -> str:
    if value >= 1e5:
        return "inf" if value == float("inf") else f"{value:.1e}".replace("e+0", "e").replace("e+", "e")
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
