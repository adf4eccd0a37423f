"""What the tests of training runs share."""

import random
import sysconfig
from pathlib import Path

from softgrad.data import Encoding, read_classes, read_table, split

SOFTGRAD = Path(sysconfig.get_path("scripts")) / "softgrad"


def wine(seed):
    """The wine table in a run with this seed: x, the labels, the split and the encoding."""
    table = read_table("wine")
    labels, classes = read_classes(table, table.target)
    rows = split(table, labels, classes, seed=seed)
    encoding = Encoding.fit(table, [name for name in table.columns if name != "target"], rows.train)
    return encoding.transform(table), labels, rows, encoding


def messy_rows():
    """100 rows with 40 columns in 5 classes, whose names are long, and hold what HTML and Markdown would interpret."""
    rng = random.Random(7)
    names = ["<script>alert(1)</script>", "a & b", "$x$ in $y$", "_hidden", "pipe | and *stars*", "顧客", "long " * 20]
    names = [name.strip() for name in names] + [f"column {i}" for i in range(33)]
    for i in range(100):
        cells = {name: f"{rng.gauss(i % 5, 1 + j):.2f}" for j, name in enumerate(names)}
        cells["a & b"] = rng.choice(["<b>red</b>", "blue & green", "x|y", ""])
        yield {**cells, "kind & class": f"class {i % 5} <script>alert(2)</script> of a long name | with a bar"}
