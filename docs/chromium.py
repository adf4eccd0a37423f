"""Chromium, for programs that take pictures of pages."""

import base64
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image
from selenium import webdriver

SCHEMES = {"light": "", "dark": "-dark"}  # the colour schemes, and the ends of the names of their pictures


@contextmanager
def window() -> Iterator[webdriver.Chrome]:
    """A window that is not shown."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.binary_location = str(shutil.which("chromium"))
    driver = webdriver.ChromeService(executable_path=str(shutil.which("chromedriver")))
    with webdriver.Chrome(options=options, service=driver) as chromium:
        yield chromium


def show(chromium: webdriver.Chrome, address: str, width: int, height: int, scheme: str) -> None:
    """Opens a page in a window of this size and colour scheme, whose pictures have 1.5 times as many pixels."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1.5, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    chromium.get(address)


def taken(chromium: webdriver.Chrome, top: float, width: float, height: float) -> Image.Image:
    """A picture of a part of the page, in 256 colours."""
    clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
    data = chromium.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})["data"]
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    return picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
