"""What the tests of training runs share."""

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
