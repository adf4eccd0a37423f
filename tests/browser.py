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

CONTRAST = """
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgb = (colour, below) => {
        canvas.fillStyle = below; canvas.fillRect(0, 0, 1, 1);
        canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;
    const light = (c) => c.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const page = document.createElement("i");
    page.style.backgroundColor = "Canvas";  // what stands below a page without a background
    document.body.append(page);
    const canvas_colour = getComputedStyle(page).backgroundColor;
    page.remove();
    const ground = (e) => rgb(...e ? [getComputedStyle(e).backgroundColor, css(ground(e.parentElement))]
        : [canvas_colour, "white"]);
    const found = [];
    const texts = "p, a, b, th, td, li, summary, h1, h2, h3, figcaption, figcaption span, pre, code, mn, text";
    for (const e of document.body.querySelectorAll(texts)) {
        const style = getComputedStyle(e), below = ground(e);
        const text = rgb(e.tagName === "text" ? style.fill : style.color, css(below));
        const seen = text.map((v, i) => v * style.opacity + below[i] * (1 - style.opacity));
        const [a, b] = [light(seen), light(below)];
        found.push((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
    return Math.min(...found);
"""  # the least contrast of a text with what is below it, as the Web Content Accessibility Guidelines define it


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
        "Emulation.setEmulatedMedia", {"media": "", "features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )


def as_printed(chromium):
    """Shows the page as it is printed, on a system with a dark colour scheme."""
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
