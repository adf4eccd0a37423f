"""Chromium, for tests of pages. They have the marker `browser`; CONTRIBUTING says what they need."""

from contextlib import contextmanager

from conftest import load, program

TOO_WIDE = """
    const page = document.documentElement;
    const over = (e) => e.getBoundingClientRect().right > page.clientWidth + 1;
    const scrolls = (e) => e && (getComputedStyle(e).overflowX === "auto" || scrolls(e.parentElement));
    const wide = [...document.body.querySelectorAll("*")].filter((e) => over(e) && !scrolls(e));
    return page.scrollWidth - page.clientWidth + wide.length;
"""  # 0, unless anything is wider than the window that does not scroll by itself


@contextmanager
def chromium_window():
    """A window of Chromium; the test is skipped if it is not installed."""
    webdriver = load("selenium.webdriver")
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.binary_location = program("chromium")
    service = webdriver.ChromeService(executable_path=program("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as chromium:
        yield chromium


def as_seen(chromium, width, scheme="light"):
    """Sets the width of the page, which may be less than Chromium's least window, and the colour scheme."""
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    chromium.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
