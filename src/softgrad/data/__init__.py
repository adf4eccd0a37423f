"""Reading tables, from the bundled data sets and from CSV files, and converting them to arrays.

A `Table` holds the columns as they were read. An `Encoding` converts them to the matrix x that a network takes as its
input. It standardises each number column, (value - mean) / standard deviation, and one-hot encodes each text column.
It is fitted to the training rows and saved with the network, so that later tables are converted in the same way.

A cell of a CSV file is a number if it is written like 12, -0.5, .5 or 1e-3, with spaces around it or not. Everything
else is text: 1_000, 1,5, 0x10, digits that are not ASCII, nan and inf. A column with numbers in at least half of its
cells is a number column, and any other cell in it is an error. To have numbers read as text, write a letter before
them, as in n12.

tables.py: reading. columns.py: the cells of a column as numbers or text. classes.py: the classes, and the split of the
rows. encoding.py: the matrix x.
"""

from softgrad.data.classes import Split, read_classes, split
from softgrad.data.encoding import Encoding, NumberColumn, TextColumn
from softgrad.data.tables import Table, read_table

__all__ = [
    "Encoding",
    "NumberColumn",
    "Split",
    "Table",
    "TextColumn",
    "read_classes",
    "read_table",
    "split",
]
