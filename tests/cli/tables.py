"""The table that the tests of this folder share: numbers, a text, and classes with names."""

import csv
import random


def mixed_rows():
    """60 rows of two numbers, a text, and a class that shows in both."""
    rng = random.Random(0)
    for i in range(60):
        kind = "no" if i % 3 else "yes, it is"
        colour = rng.choice(["red", "blue"]) if i % 3 else "green"
        width = f"{rng.gauss(3 * (i % 3 == 0), 1):.3f}"
        yield {"width": width, "height": str(rng.randrange(9)), "colour": colour, "kind": kind}


def write_csv(path, rows):
    """A CSV file of rows, each a dict with the same keys."""
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path
