"""An encoding that is fitted to a table of a few lines."""

import numpy as np

from softgrad.data import Encoding


def fit(table, content, rows=None, **options):
    t = table(content)
    return t, Encoding.fit(t, t.columns, np.arange(len(t.lines)) if rows is None else np.array(rows), **options)
