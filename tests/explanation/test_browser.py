"""Tests in Chromium: a page written by `to_html`, and the page of `softgrad explore`, whose sliders are moved.

They are skipped if marimo, selenium, Chromium or its driver is not installed; CONTRIBUTING says how to install them.
"""

import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

import softgrad as sg
from browser import TOO_WIDE, as_seen, chromium_window
from conftest import load
from explanation.test_forms import EXPLANATIONS, Text

pytestmark = pytest.mark.browser
STARTS_WITHIN = 60  # seconds
FIRST = [2.0, 1.0, 0.1]


@pytest.fixture(scope="module")
def url():
    """The address of the page of `softgrad explore`, served until the tests are done."""
    load("marimo")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from softgrad.cli import main; main()",
        "explore",
        "--headless",
        "--port",
        str(port),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as served:
        try:
            wait(lambda: answers(f"http://127.0.0.1:{port}"))
            yield f"http://127.0.0.1:{port}"
        finally:
            served.terminate()


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


def wait(happens):
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if found := happens():
            return found
        time.sleep(0.2)
    raise TimeoutError(f"not within {STARTS_WITHIN} seconds")


@pytest.fixture(scope="module")
def chromium():
    with chromium_window() as chromium:
        yield chromium


@pytest.fixture
def browser(chromium, url):
    """Chromium, with the page of the sliders open and its first explanation shown."""
    as_seen(chromium, 1280)
    chromium.get(url)
    wait(lambda: shown(chromium))
    return chromium


def shown(browser):
    """The text of the explanation on the page, or "" if there is none yet."""
    found = browser.find_elements("css selector", ".sg-explanation")
    return text_of(found[0].get_attribute("innerHTML")) if found else ""


def text_of(html):
    parser = Text()
    parser.feed(html)
    return " ".join("".join(parser.text).split())


def expected(*arguments, **options):
    return text_of(sg.explain(*arguments, **options)._repr_html_())


def press(browser, slider, *keys):
    from selenium.webdriver import Keys

    handles = browser.execute_script(
        "const found = []; const look = (node) => { for (const e of node.querySelectorAll('*')) {"
        " if (e.getAttribute('role') === 'slider') found.push(e); if (e.shadowRoot) look(e.shadowRoot); } };"
        " look(document); return found;"
    )
    for key in keys:
        handles[slider].send_keys(getattr(Keys, key))


@pytest.fixture(params=["a vector", "many classes"])
def page(request, chromium, tmp_path):
    """Chromium, showing an explanation from a file."""
    file = tmp_path / "page.html"
    file.write_text(EXPLANATIONS[request.param].to_html(), encoding="utf-8")
    as_seen(chromium, 1280)
    chromium.get(file.as_uri())
    return chromium


WIDTHS = {"phone": 390, "desktop": 1280}


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_nothing_is_wider_than_the_window(page, width):
    """A table or formula that is wider than the window scrolls by itself."""
    as_seen(page, width)
    assert page.execute_script(TOO_WIDE) == 0


def test_an_element_that_is_too_wide_is_noticed(page):
    as_seen(page, WIDTHS["phone"])
    page.execute_script("document.querySelectorAll('.sg-wide').forEach((e) => e.style.overflow = 'visible')")
    assert page.execute_script(TOO_WIDE) > 0


def brightness(chromium, element):
    """The brightness of the text and of its background, 0 to 765.

    Chromium writes rgb(0, 0, 0), or color(srgb 0 0 0) with numbers up to 1.
    """
    looks = f"const s = getComputedStyle(document.querySelector('{element}')); return [s.color, s.backgroundColor]"
    return [
        sum(map(float, re.findall(r"[\d.]+", colour)[:3])) * (255 if "srgb" in colour else 1)
        for colour in chromium.execute_script(looks)
    ]


def test_light_and_dark(page):
    """Light text on a dark background, and the reverse."""
    bright = {}
    for scheme in ("light", "dark"):
        as_seen(page, 1280, scheme)
        bright[scheme] = brightness(page, ".sg-explanation")
    assert bright["light"][0] < 150 < 600 < bright["light"][1]
    assert bright["dark"][1] < 150 < 600 < bright["dark"][0]


def test_an_entry_of_the_jacobian_shows_its_formula(page):
    from selenium.webdriver import ActionChains

    cells = page.find_elements("css selector", ".sg-heat td")
    for cell in (cells[0], cells[1]):
        hover = cell.find_element("css selector", ".sg-hover")
        assert not hover.is_displayed()
        page.execute_script("arguments[0].scrollIntoView({block: 'center'})", cell)
        ActionChains(page).move_to_element(cell).perform()
        assert hover.is_displayed() and re.match(r"J\[\d+, \d+\] = ", hover.text)
        on_top = "return arguments[0].contains(document.elementFromPoint(arguments[1], arguments[2]))"
        middle = page.execute_script(
            "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]", hover
        )
        assert page.execute_script(on_top, hover, *middle)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sliders_and_steps_have_the_same_background(chromium, url, scheme):
    as_seen(chromium, 1280, scheme)
    chromium.get(url)
    wait(lambda: shown(chromium))
    bright = [brightness(chromium, element)[1] for element in ("body", ".sg-explanation")]
    assert [value > 400 for value in bright] == [scheme == "light"] * 2


def test_the_page_opens_with_three_logits(browser):
    assert wait(lambda: shown(browser) == expected(FIRST, 0))


def test_moving_a_slider_updates_every_number(browser):
    before = shown(browser)
    sliders = ["classes", "smoothing", *(f"z_{i}" for i in range(3))]
    press(browser, sliders.index("z_1"), "ARROW_RIGHT", "ARROW_RIGHT")
    wait(lambda: shown(browser) == expected([2.0, 1.2, 0.1], 0))
    assert shown(browser) != before
    press(browser, sliders.index("z_0"), "HOME")
    wait(lambda: shown(browser) == expected([-6.0, 1.2, 0.1], 0))


def test_smoothing_makes_the_target_a_distribution(browser):
    press(browser, 1, "ARROW_RIGHT", "ARROW_RIGHT")
    target = [0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3]
    wait(lambda: shown(browser) == expected(FIRST, target))


def test_more_classes_have_more_sliders(browser):
    press(browser, 0, "ARROW_RIGHT")
    wait(lambda: shown(browser) == expected([*FIRST, 0.0], 0))


@pytest.mark.parametrize("loss", ["squared error", "Kullback-Leibler divergence"])
def test_the_menu_changes_the_loss(browser, loss):
    choose(browser, "cross-entropy", loss)
    wait(lambda: shown(browser) == expected(FIRST, 0, loss={"s": "squared_error", "K": "kl_divergence"}[loss[0]]))


def test_the_menu_changes_the_target(browser):
    choose(browser, "0", "2")
    wait(lambda: shown(browser) == expected(FIRST, 2))


def choose(browser, had, wanted):
    """Changes the menu whose value is `had`."""
    browser.execute_script(
        "const [had, wanted] = arguments; const look = (node) => { for (const e of node.querySelectorAll('*')) {"
        " if (e.tagName === 'SELECT' && e.selectedOptions[0]?.text === had) {"
        " e.value = [...e.options].find((o) => o.text === wanted).value;"
        " e.dispatchEvent(new Event('change', {bubbles: true, composed: true})); return true; }"
        " if (e.shadowRoot && look(e.shadowRoot)) return true; } return false; }; look(document);",
        had,
        wanted,
    )


def test_the_page_shows_no_error(browser):
    assert not re.search(r"Traceback|Error", browser.find_element("tag name", "body").text)
