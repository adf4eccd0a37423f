"""The table that the tests in this folder share: it has numbers, text, and named classes."""

import csv
import random


def mixed_rows():
    """60 rows with two numbers, a text and a class. The width and the colour depend on the class."""
    rng = random.Random(0)
    for i in range(60):
        kind = "no" if i % 3 else "yes, it is"
        colour = rng.choice(["red", "blue"]) if i % 3 else "green"
        width = f"{rng.gauss(3 * (i % 3 == 0), 1):.3f}"
        yield {"width": width, "height": str(rng.randrange(9)), "colour": colour, "kind": kind}


def write_csv(path, rows):
    """Writes rows, which are dicts with the same keys, to a CSV file, and returns its path."""
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path
