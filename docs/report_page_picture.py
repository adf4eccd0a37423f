"""Takes the pictures of a report as a page, with Chromium: `python docs/report_page_picture.py`.

They show the report of diagonal_alone.py, for light and dark pages. Each file holds the words that it shows, and a test
compares them with the report.
"""

import contextlib
import io
import runpy
import sys
import tempfile
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

sys.path.insert(0, str(Path(__file__).parent))
from chromium import SCHEMES, show, taken, window

EXAMPLE = Path(__file__).parent / "examples" / "diagonal_alone.py"
FOLDER = Path(__file__).parent / "images"
WORDS = "Description"  # the entry of a PNG file for them
WIDTH = 1000
AREA = """
    const report = document.querySelector(".sg-report");
    return [report.getBoundingClientRect().bottom + scrollY + 12, report.innerText];
"""


def draw(folder: Path = FOLDER) -> list[Path]:
    """Writes both pictures, and returns their paths."""
    with contextlib.redirect_stdout(io.StringIO()):
        page = runpy.run_path(str(EXAMPLE))["report"].to_html()
    paths = [folder / f"report-page{end}.png" for end in SCHEMES.values()]
    with tempfile.TemporaryDirectory() as temporary, window() as chromium:
        file = Path(temporary) / "page.html"
        file.write_text(page, encoding="utf-8")
        for scheme, path in zip(SCHEMES, paths, strict=True):
            show(chromium, file.as_uri(), WIDTH, 1000, scheme)
            height, words = chromium.execute_script(AREA)
            about = PngInfo()
            about.add_itxt(WORDS, words)
            taken(chromium, 0, WIDTH, height).save(path, optimize=True, pnginfo=about)
    return paths


if __name__ == "__main__":
    draw()
