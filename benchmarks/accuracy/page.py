"""The table as text, and docs/accuracy.md around it."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from benchmarks import tables
from benchmarks.accuracy.measure import PROMISES, Errors, Found

if TYPE_CHECKING:
    from rich.table import Table

PAGE = Path(__file__).parents[2] / "docs" / "accuracy.md"

TEXT = Template("""\
# Accuracy

The largest error found, in units in the last place (ulp), of softgrad beside other libraries. The column "promised" is
the bound that softgrad's docstrings state. **inf** stands for an answer with no right digit: 0 where 4.39e-8 is right,
NaN, or an error as large as the number itself.

## Every value

$all
## Values that are normal numbers

A library that turns subnormal numbers into 0, as JAX does on a CPU, has no right digit where the exact value is one.
Here only values that are normal numbers count.

$normal
## What an ulp is here

The distance of neighbouring numbers of the dtype at the exact value, which for subnormal values is the smallest
subnormal number. An answer that is the exact value, correctly rounded, is off by at most 0.5 ulp. Where terms of
opposite sign meet, the unit is that of the sum of their sizes:

| quantity | measured against |
| --- | --- |
| logsumexp | \\|max\\| + log sum exp(z - max) |
| squared_error gradient | p_k (\\|p_k - t_k\\| + sum_j \\|p_j - t_j\\| p_j) |
| kl_divergence | sum_j t_j (\\|log t_j\\| + \\|log p_j\\|) |
| everything else | the exact value |

The gradient of cross_entropy at the target is p_y - 1. It is measured against itself: softgrad computes it as minus the
sum of the other probabilities, which does not cancel.

## Where each was worst

$where
## How this page is made

    python -m benchmarks accuracy

runs every library on the same rows: logits drawn uniformly with spreads 1, 30, 300 and 1e4 about offsets 0, 1e4 and
1e8, for K = 1, 2, 3, 10, 1000, 1e5 and 1e6 classes; confident rows such as [17, 0, 0] and [1 - ln eps, 0]; subnormal
probabilities; ties; rows with -inf entries. The class of the target is by turns that of the largest logit, any, and
that of the smallest; kl_divergence has random probabilities. Losses are those of single rows.

The judge is mpmath with 50 digits for up to 1000 classes. For longer rows it is long double with exact differences
z - max, which is first held against mpmath on all rows of 1000 classes and must agree to 2^-60. It shares no code with
softgrad. What a library does not have is made from what it has: SciPy's losses from its log_softmax, their gradients
from its softmax; squared_error from each library's softmax.

$versions
""")


def table(errors: Errors, libraries: list[str], title: str = "", *, markdown: bool = False) -> Table:
    """Rows are quantities, columns libraries."""
    drawn = tables.empty(["", "promised", *libraries], title=title, markdown=markdown)
    for quantity, found in errors.items():
        drawn.add_row(quantity, str(PROMISES[quantity]), *(_ulps(found[name].ulps) for name in libraries))
    return drawn


def write(found: dict[str, Found], libraries: list[str], versions: str, path: Path = PAGE) -> Path:
    """Writes the page."""

    def both_dtypes(which: str) -> str:
        drawn = {dtype: table(getattr(both, which), libraries, markdown=True) for dtype, both in found.items()}
        return "\n".join(f"{dtype}:\n\n{tables.text(one)}" for dtype, one in drawn.items())

    places = "\n".join(f"{dtype}:\n\n{tables.text(_places(both.all, libraries))}" for dtype, both in found.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        TEXT.substitute(all=both_dtypes("all"), normal=both_dtypes("normal"), where=places, versions=versions)
    )
    return path


def _places(errors: Errors, libraries: list[str]) -> Table:
    drawn = tables.empty(["", *libraries], markdown=True)
    for quantity, found in errors.items():
        drawn.add_row(quantity, *(found[name].case if found[name].ulps > 0 else "-" for name in libraries))
    return drawn


def _ulps(value: float) -> str:
    if value >= 1e5:
        return "inf" if value == float("inf") else f"{value:.1e}".replace("e+0", "e").replace("e+", "e")
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
