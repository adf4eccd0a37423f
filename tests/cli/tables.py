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


def dirty_table():
    """The text of a table with every kind of dirt: 400 rows, of which the dates and amounts tell the classes apart."""
    rng = random.Random(3)
    lines = ["id;opened;amount;age;colour;note;source;churn"]
    for i in range(400):
        yes = rng.random() < 0.4
        opened = f"{rng.randrange(1, 29):02}.{rng.randrange(1, 13):02}.{2019 + 2 * yes + rng.randrange(3)}"
        amount = f"{max(rng.gauss(1500 + 900 * yes, 700), 1):,.2f}".translate(str.maketrans(",.", ".,"))
        age = str(rng.randrange(18, 80))
        cells = [
            f"C{i}",
            opened if rng.random() > 0.05 else "NA",
            amount,
            age if rng.random() > 0.1 else "?",
            rng.choice(["red", "blue", ""]),
            f"note {i}",
            "web",
            "yes" if yes else "no",
        ]
        lines.append(";".join(cells))
    return "\n".join(lines) + "\n"


def write_csv(path, rows):
    """Writes rows, which are dicts with the same keys, to a CSV file, and returns its path."""
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def unbalanced_rows():
    """1,500 rows, of which 14% are of the class yes. Each column says little about the class."""
    rng = random.Random(1)
    for i in range(1500):
        yes = i % 50 < 7
        yield {
            "age": f"{rng.gauss(40 + 6 * yes, 10):.0f}",
            "calls": str(rng.randrange(1, 9)),
            "balance": f"{rng.gauss(1500 + 500 * yes, 900):.2f}",
            "contact": rng.choice(["phone", "mail"]),
            "answer": "yes" if yes else "no",
        }
