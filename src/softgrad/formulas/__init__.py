"""The small language in which backward passes are written down: lines such as "dz = p * (dp - sum_k(p * dp))".

    language.py    runs a line on arrays; what its names and functions mean for rows, columns, vectors and images
    notation.py    shows a line: as a formula, or as a line of NumPy
    edits.py       every way of changing one thing in a line
    numbers.py     when two arrays hold the same numbers

In: lines, and arrays for their names. Out: arrays, other lines, text. It knows nothing of mistakes or of checks.
"""
