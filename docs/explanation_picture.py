"""Takes the pictures of an explanation, with Chromium: `python docs/explanation_picture.py`.

They show the product with the Jacobian in derivation.md up to its first mistake, for light and dark pages. Each file
holds the words that it shows, and a test compares them with the explanation.
"""

import base64
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from selenium import webdriver

sys.path.insert(0, str(Path(__file__).parent))
from chromium import window
from fill import derivation

FOLDER = Path(__file__).parent / "images"
NAMES = {"light": "explanation.png", "dark": "explanation-dark.png"}
WORDS = "Description"  # the entry of a PNG file for them
WIDTH, SCALE = 760, 1.5
AREA = """
    document.querySelectorAll("details").forEach((folded) => folded.open = true);
    const last = document.querySelector("[data-name=diagonal-only]");
    const first = last.closest("section").querySelector("h3");
    const range = document.createRange();
    range.setStartBefore(first);
    range.setEndAfter(last);
    const [above, below] = [first.getBoundingClientRect(), last.getBoundingClientRect()];
    return [above.top + scrollY - 8, below.bottom + scrollY + 12, range.toString()];
"""


def draw(folder: Path = FOLDER) -> list[Path]:
    """Writes both pictures, and returns their paths."""
    page = f'<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0">{derivation()._repr_html_()}'
    with tempfile.TemporaryDirectory() as temporary, window() as chromium:
        file = Path(temporary) / "page.html"
        file.write_text(page, encoding="utf-8")
        size = {"width": WIDTH, "height": 1000, "deviceScaleFactor": SCALE, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        return [_draw(chromium, file, scheme, folder / name) for scheme, name in NAMES.items()]


def _draw(chromium: webdriver.Chrome, file: Path, scheme: str, path: Path) -> Path:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    chromium.get(file.as_uri())
    top, bottom, words = chromium.execute_script(AREA)
    clip = {"x": 0, "y": top, "width": WIDTH, "height": bottom - top, "scale": 1}
    taken = chromium.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    picture = Image.open(io.BytesIO(base64.b64decode(taken["data"])))
    about = PngInfo()
    about.add_itxt(WORDS, words)
    picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(path, optimize=True, pnginfo=about)
    return path


if __name__ == "__main__":
    draw()
