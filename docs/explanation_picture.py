"""Takes the pictures of an explanation, with Chromium: `python docs/explanation_picture.py`.

They show the product with the Jacobian in derivation.md up to its first mistake, for light and dark pages. Each file
holds the words that it shows, and a test compares them with the explanation.
"""

import sys
import tempfile
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

sys.path.insert(0, str(Path(__file__).parent))
from chromium import SCHEMES, show, taken, window
from fill import derivation

FOLDER = Path(__file__).parent / "images"
WORDS = "Description"  # the entry of a PNG file for them
WIDTH = 760
AREA = """
    document.querySelectorAll("details").forEach((folded) => folded.open = true);
    const last = document.querySelector("[data-name=diagonal-only]");
    const first = last.closest("section").querySelector("h3");
    const range = document.createRange();
    range.setStartBefore(first);
    range.setEndAfter(last);
    const [above, below] = [first.getBoundingClientRect(), last.getBoundingClientRect()];
    return [above.top + scrollY - 8, below.bottom + scrollY + 6, range.toString()];
"""


def draw(folder: Path = FOLDER) -> list[Path]:
    """Writes both pictures, and returns their paths."""
    page = f'<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0">{derivation()._repr_html_()}'
    paths = [folder / f"explanation{end}.png" for end in SCHEMES.values()]
    with tempfile.TemporaryDirectory() as temporary, window() as chromium:
        file = Path(temporary) / "page.html"
        file.write_text(page, encoding="utf-8")
        for scheme, path in zip(SCHEMES, paths, strict=True):
            show(chromium, file.as_uri(), WIDTH, 1000, scheme)
            top, bottom, words = chromium.execute_script(AREA)
            about = PngInfo()
            about.add_itxt(WORDS, words)
            taken(chromium, top, WIDTH, bottom - top).save(path, optimize=True, pnginfo=about)
    return paths


if __name__ == "__main__":
    draw()
