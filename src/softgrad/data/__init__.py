"""Reading tables, from the bundled data sets and from files, and converting them to arrays.

A `Table` holds the columns as they were read. An `Encoding` converts them to the matrix x that a network takes as its
input. It standardises each column of numbers, (value - mean) / standard deviation, one-hot encodes each column of
categories, makes numbers of dates, and leaves out columns that say nothing. It is fitted to the training rows and
saved with the network, so that later tables are converted alike.

A cell of a CSV file is a number if it is written like 12, -0.5, .5 or 1e-3, with spaces around it or not; where a whole
column is written so, also like 1,234.5 or 1.234,5, like 12% or like $5 (or with €, £ or ¥). Everything else is text:
1_000, 0x10, digits that are not ASCII, and inf. A missing cell is empty, ?, -, ., NA, N/A, nan, None or null. A column
with numbers in at least half of its other cells is a column of numbers, and any other cell in it is an error. To have
numbers read as text, ask for categories.

tables.py: reading. csv_files.py, parquet_files.py and array_files.py: the formats. table.py: what was read. written.py:
how numbers and dates are written. columns.py: the cells of a column. kinds.py: the kinds of columns. summaries.py: what
is kept of a column while its rows are read, and which kind it is. moments.py: means and standard deviations.
fitting.py: the summaries of a table. encoding.py: the matrix x. classes.py: the classes, and the split of the rows.
"""

from softgrad.data.classes import Split, class_indices, read_classes, split
from softgrad.data.encoding import Encoding
from softgrad.data.kinds import CategoryColumn, DateColumn, LeftOut, NumberColumn
from softgrad.data.table import Table
from softgrad.data.tables import read_table

__all__ = [
    "CategoryColumn",
    "DateColumn",
    "Encoding",
    "LeftOut",
    "NumberColumn",
    "Split",
    "Table",
    "class_indices",
    "read_classes",
    "read_table",
    "split",
]
