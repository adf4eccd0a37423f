"""Writes docs/performance.md, benchmarks/README.md and the sentence about speed on the first pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from textwrap import fill

from benchmarks import goals, plots, tables
from benchmarks.providers import PEERS, SOFTGRAD
from benchmarks.record import Record, Row

ROOT = Path(__file__).parents[1]
WIDTH = 120  # of prose
FIRST_PAGES = ("README.md", "docs/index.md")  # they have a sentence between these comments
SENTENCE = re.compile(r"(<!-- speed -->\n).*?(<!-- end -->)", re.DOTALL)
IN_PROSE = {"torch": "torch", "jax.jit": "JAX with jit", "NumPy": "hand-written NumPy"}
FIGURE = ("cross-entropy", 4096, 32_000)  # the question and the size of the sentence
PLOTTED = 4  # sizes of a sweep that are worth a plot; a table shows fewer as well

TEXT = Template("""\
# Performance

$picture
$summary

All libraries get the same inputs on the same machine. The dtype is float32 unless a heading says otherwise.
[The goals](../benchmarks/README.md#the-goals) were set beforehand; their table says which are missed.

## How to read the tables

$caption

$questions## Where the time goes

The table is for rows of 1,000 in the second-level cache, on one thread of a Zen 4 with AVX-512. The arrays begin 16
bytes after a line of the cache, as large arrays of NumPy do. It shows cycles of the 2.6 GHz time stamp counter for each
vector of 64 bytes; 16-bit numbers count as float32, in which they are computed. "least" is what the instructions or the
cache allow in float32: an exponential occupies the multipliers for 7.8 cycles, and to read two rows from this cache and
write one takes 4.3.

| function        | least | float32 | float64 | float16 | bfloat16 |
|-----------------|-------|---------|---------|---------|----------|
| softmax         | 10.0  | 15.6    | 19.7    | 15.4    | 18.2     |
| log_softmax     | 10.0  | 15.9    | 20.2    | 16.7    | 19.3     |
| softmax_vjp     | 4.3   | 7.5     | 7.6     | 9.3     | 13.2     |
| log_softmax_vjp | 9.5   | 14.5    | 18.9    | 15.8    | 21.0     |

- In softmax, the exponentials take 7.8 cycles, the largest logit 0.8 and the scaled result 1.4. The sum runs beside the
  exponentials. The rest is waiting at the ends of the rows: the result waits for the sum, and the exponentials wait for
  the largest logit. To fill this time, the largest logit of the next row is found in between.
- In memory, softmax of 65,536 x 1,000 with out= takes 13.6 ms on two threads, of which its exponentials take 12.
  softmax_vjp takes 12 ms and moves 65 GB/s. A row is streamed when it is complete: streaming stores between the
  exponentials hold up their stores.
- A plain call of this size takes 13 ms more. To touch as much new memory takes one thread 23 ms, in which the system
  fills it with zeros; here two threads share it.
- A plain call that is repeated touches no new page, with results of up to 16 MB. The C library keeps freed memory and
  gives it to the next call, to NumPy as to torch. softgrad itself keeps none.
- To wake a thread takes about 20 µs on this virtual machine. To share rows with one that is awake takes about 1 µs.
  A thread therefore looks for another call for 20 µs before it sleeps. A call of less than 80,000 exponentials is
  shared only if it and the call before it each closely follow another one.
- softmax_vjp takes little more time than its memory traffic. In the caches, no library can be far ahead of another
  there: on one thread 256 x 1,000 takes softgrad 48 µs and torch 46. The threads of torch look for work much longer, so
  its calls of 10 to 50 µs lose less time between calls.
- A row of 10 classes in 16 bits takes 6 to 7 ns in softmax_vjp, of which a quarter is its way from 16-bit entries into
  the lanes of vectors. An even number of classes is moved as half as many entries of 32 bits.
- Up to 512 columns are read at a time, and each is computed in a lane of its own: none is transposed. They take 0.7 to
  1.9 of the time of rows, and in the two products up to 2.5: every class of a column is in another page, so that it
  takes about 10 cycles to read a line of 64 bytes, where a line of rows takes 5.
- For a row of 2 classes softmax takes 5 cycles. log_softmax takes 8, because of the logarithm. cross_entropy_with_grad
  takes 10: the label and the loss of a row are also as many bytes as 3 logits.
- A small call on tensors cannot take less than what it needs of torch from Python: 0.7 µs for each new tensor, and 4 µs
  for a `torch.autograd.Function`, where an operator inside torch records a call in 0.7 µs. With its backward pass, a
  Function that computes nothing takes 20 to 23 µs, as long as the whole of torch's softmax of 1 x 10 (20 µs); that of
  `softgrad.torch` takes 34 µs.

## How it was measured

    python -m benchmarks        # then: python -m benchmarks page

- Every library runs in its own process, and reads the same inputs into its own memory. One process works at a time,
  after a pause in which the threads of the previous one go to sleep.
- In every round all libraries are timed, in a new random order. The tables show medians over the rounds. The times of
  all rounds are in [benchmarks/results](../benchmarks/results).
- The first call, in which just-in-time compilers compile, is not timed. Its result is compared with float64: all rows
  of a small result; the first, the last and some other rows of a large one. If the result is wrong, this is reported
  and the call is not timed.
- One sample is the median of the calls that fit into $sample_seconds seconds, after one call that warms up threads and
  caches. If this call takes more than $long_call seconds, it is the sample. A library whose samples add up to more than
  $max_seconds seconds is not timed in the following rounds. The garbage collector is off.
- torch runs in eager mode: the loss with autograd, softmax with torch's own backward kernels. torch.compile compiles
  every size separately. jax.jit uses the loss of optax. The NumPy code is written by hand with few temporary arrays,
  and computes 16-bit inputs in float32. SciPy uses softmax and log_softmax of scipy.special.
- The logits are normally distributed with a standard deviation of 3; the classes are uniformly distributed.

## Machine and versions

$machines
""")


README = Template("""\
# Benchmarks

How fast, how exact and how able softgrad is, compared with other libraries. `python -m benchmarks` measures the speed,
saves the results in [results/](results), and compares them with the goals; `python -m benchmarks --list` lists the
questions. [Performance](../docs/performance.md) shows the results and says how they were measured.
`python -m benchmarks page` writes that page and this one. [`__init__.py`](__init__.py) lists the other commands.

## The goals

$goals_caption

$goals""")


def write(records: Mapping[str, Record], root: Path = ROOT) -> list[Path]:
    """Writes the page and its plots, the table of goals, and the sentence on the first pages; returns their paths."""
    from benchmarks.runner import MAX_SECONDS, SAMPLE_SECONDS
    from benchmarks.worker import LONG_CALL

    page, readme, first = root / "docs" / "performance.md", root / "benchmarks" / "README.md", _first(records)
    for path in (page, readme):
        path.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(
        TEXT.substitute(
            picture=_pictures(records[FIGURE[0]], page.parent) if FIGURE[0] in records else "",
            summary=fill(" ".join(filter(None, [first, *_standing(records)])), WIDTH),
            caption=fill(tables.CAPTION, WIDTH),
            questions="".join(_question(record, page.parent) for record in records.values()),
            sample_seconds=SAMPLE_SECONDS,
            long_call=LONG_CALL,
            max_seconds=f"{MAX_SECONDS:g}",
            machines="\n".join(_machines(records)),
        )
    )
    readme.write_text(
        README.substitute(
            goals_caption=fill(tables.GOALS_CAPTION, WIDTH),
            goals=tables.text(tables.goals(goals.evaluate(goals.with_linear(records)), markdown=True)),
        )
    )
    first_pages = [root / name for name in FIRST_PAGES]
    for path in first_pages if first else []:
        path.write_text(SENTENCE.sub(rf"\1\n{fill(first, WIDTH)}\n\n\2", path.read_text()))
    return [page, readme, *first_pages]


def _first(records: Mapping[str, Record]) -> str:
    """The one figure of speed, in a sentence; nothing if it was not measured."""
    question, rows, classes = FIGURE
    for row in records[question].rows if question in records else []:
        seconds = row.median(SOFTGRAD)
        if (row.rows, row.classes) == (rows, classes) and seconds:
            return (
                f"For {rows:,} x {classes:,} logits in float32, softgrad takes {1000 * seconds:.0f} ms for the mean "
                f"cross-entropy and its gradient{_slower(row)}."
            )
    return ""


def _slower(row: Row) -> str:
    """How many times as long the others take."""
    takes = [(IN_PROSE[peer], f"{ratio:.1f} times") for peer in IN_PROSE if (ratio := row.time_ratio(peer)) is not None]
    if not takes:
        return ""
    (name, times), *others = takes
    return "; " + ", ".join([f"{name} takes {times} as long", *(f"{name} {times}" for name, times in others)])


def _standing(records: Mapping[str, Record]) -> list[str]:
    """How often softgrad is the fastest, and where it is furthest behind."""
    fastest: list[tuple[float, str, Row, Record]] = []
    for record in records.values():
        for row in record.rows:
            ratios = {peer: ratio for peer in PEERS if (ratio := row.time_ratio(peer)) is not None}
            if ratios:
                peer = min(ratios, key=ratios.__getitem__)
                fastest.append((ratios[peer], peer, row, record))
    if not fastest:
        return []
    ahead = sum(ratio >= 1 for ratio, *_ in fastest)
    sentences = [f"softgrad is the fastest library in {ahead} of the {len(fastest)} rows of the tables below."]
    ratio, peer, row, record = min(fastest, key=lambda found: found[0])
    if ratio < 1:
        sentences.append(
            f"It is furthest behind in {record.title.partition(':')[0]}, at {row.rows:,} x {row.classes:,}, "
            f"where {peer} takes {ratio:.2f} of its time."
        )
    return sentences


def _question(record: Record, folder: Path) -> str:
    paragraphs = [f"## {record.title}\n"]
    if len(record.sweep()) >= PLOTTED and record.question != FIGURE[0]:  # whose plot opens the page
        paragraphs.append(_pictures(record, folder))
    paragraphs.append(
        f'<div class="sg-results" markdown>\n\n{tables.text(tables.table(record, markdown=True))}\n</div>\n'
    )
    if notes := tables.notes(record):
        paragraphs.append("".join(f"- {note}\n" for note in notes))
    return "\n".join(paragraphs) + "\n"


def _pictures(record: Record, folder: Path) -> str:
    """Draws the plots of a question, and returns the HTML that shows them in a page of the folder."""
    if len(record.sweep()) < 2:
        return ""
    light, dark = (str(path.relative_to(folder)) for path in plots.draw(record, folder / "images"))
    return plots.picture(light, dark, f"Plot of the time against the number of rows, {record.title}")


def _machines(records: Mapping[str, Record]) -> list[str]:
    """One line for every different machine and set of versions."""
    lines: dict[str, list[str]] = {}
    for record in records.values():
        machine = record.machine
        line = (
            f"{machine['processor']}, {machine['processors']} processors, {machine['memory_gib']} GiB; "
            f"{machine['system']}; Python {machine['python']}; "
            + ", ".join(f"{package} {version}" for package, version in sorted(record.versions.items()))
        )
        lines.setdefault(line, []).append(record.date[:10])
    return [f"- {' and '.join(sorted(set(dates)))}: {line}" for line, dates in lines.items()]
