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
from browser import CONTRAST, TOO_WIDE, as_printed, as_seen, chromium_window
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
    found = browser.find_elements("css selector", ".sg-explanation:not(.sg-pictures)")
    return text_of(found[0].get_attribute("innerHTML")) if found else ""


def text_of(html):
    parser = Text()
    parser.feed(html)
    return " ".join("".join(parser.text).split())


def expected(*arguments, **options):
    return text_of(sg.explain(*arguments, **options)._repr_html_())


def press(browser, slider, *keys):
    from selenium.webdriver import Keys

    for key in keys:
        sliders(browser)[slider].send_keys(getattr(Keys, key))


def sliders(browser):
    """The handles of all sliders: of the logits, the label smoothing, and the number of classes."""
    return browser.execute_script(
        "const found = []; const look = (node) => { for (const e of node.querySelectorAll('*')) {"
        " if (e.getAttribute('role') === 'slider') found.push(e); if (e.shadowRoot) look(e.shadowRoot); } };"
        " look(document); return found;"
    )


@pytest.fixture(params=["a vector", "many classes"])
def page(request, chromium, tmp_path):
    """Chromium, showing an explanation from a file."""
    file = tmp_path / "page.html"
    file.write_text(EXPLANATIONS[request.param].to_html(), encoding="utf-8")
    as_seen(chromium, 1280)
    chromium.get(file.as_uri())
    chromium.execute_async_script("document.fonts.load('1em \"softgrad math\"').then(arguments[0])")
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


def test_every_text_has_contrast_and_is_printed_dark_on_white(page):
    for scheme in ("light", "dark"):
        as_seen(page, 1280, scheme)
        assert page.execute_script(CONTRAST) >= 4.5
    as_printed(page)
    text, ground = brightness(page, ".sg-explanation")
    assert text < 150 < 600 < ground
    marks = "[...document.querySelectorAll('.sg-bar, .sg-heat td')]"
    assert set(page.execute_script(f"return {marks}.map((e) => getComputedStyle(e).printColorAdjust)")) == {"exact"}


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


def test_formulas_have_the_font_of_the_page(page):
    loaded = "return [...document.fonts].map((font) => [font.family, font.status].join())"
    assert page.execute_script(loaded) == ["softgrad math,loaded"]
    family = "return getComputedStyle(document.querySelector('math')).fontFamily"
    assert page.execute_script(family).startswith('"softgrad math"')


def test_a_symbol_is_marked_everywhere_while_the_pointer_is_on_it(page):
    from selenium.webdriver import ActionChains

    marked = (
        "return [...document.querySelectorAll(`.sg-s-${arguments[0]}`)].map((e) => getComputedStyle(e).backgroundColor)"
    )
    assert set(page.execute_script(marked, "p")) == {"rgba(0, 0, 0, 0)"}
    ActionChains(page).move_to_element(page.find_element("css selector", ".sg-answer .sg-s-p")).perform()
    colours = page.execute_script(marked, "p")
    assert len(colours) > 50 and len(set(colours)) == 1 and colours[0] != "rgba(0, 0, 0, 0)"
    assert set(page.execute_script(marked, "z")) == {"rgba(0, 0, 0, 0)"}


def test_a_mistake_opens_without_a_script(page):
    folded = page.find_element("css selector", "details.sg-wrong")
    line = folded.find_element("tag name", "code")
    assert not line.is_displayed()
    folded.find_element("tag name", "summary").click()
    assert line.is_displayed()


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sliders_and_steps_have_the_same_background(chromium, url, scheme):
    as_seen(chromium, 1280, scheme)
    chromium.get(url)
    wait(lambda: shown(chromium))
    bright = [brightness(chromium, element)[1] for element in ("body", ".sg-explanation:not(.sg-pictures)")]
    assert [value > 400 for value in bright] == [scheme == "light"] * 2


def test_the_page_opens_with_three_logits(browser):
    assert wait(lambda: shown(browser) == expected(FIRST, 0))


def test_moving_a_slider_updates_every_number(browser):
    before = shown(browser)
    press(browser, 1, "ARROW_RIGHT", "ARROW_RIGHT")
    wait(lambda: shown(browser) == expected([2.0, 1.2, 0.1], 0))
    assert shown(browser) != before
    press(browser, 0, "HOME")
    wait(lambda: shown(browser) == expected([-6.0, 1.2, 0.1], 0))


def test_label_smoothing_is_that_of_explain(browser):
    press(browser, 3, "ARROW_RIGHT", "ARROW_RIGHT")
    wait(lambda: shown(browser) == expected(FIRST, 0, label_smoothing=0.1))


def test_sliders_and_pictures_stay_in_sight_and_follow_while_dragging(browser):
    from selenium.webdriver import ActionChains

    browser.execute_script("document.querySelector('.sg-contents li:last-child a').scrollIntoView()")
    browser.execute_script("document.querySelector('#App').scrollTop = 3000")
    panel = "const b = document.querySelector('.sg-pictures').getBoundingClientRect(); return [b.top, b.bottom]"
    top, bottom = browser.execute_script(panel)
    assert 0 <= top < bottom < 600  # of 1000
    pictures = browser.find_element("css selector", ".sg-pictures")
    before = pictures.text
    assert "The Jacobian" in before
    handle = sliders(browser)[1]
    ActionChains(browser).click_and_hold(handle).move_by_offset(20, 0).perform()  # and not released
    wait(lambda: browser.find_element("css selector", ".sg-pictures").text != before)
    ActionChains(browser).move_by_offset(10, 0).release().perform()


def test_no_picture_is_cut_in_a_narrow_window(browser):
    as_seen(browser, 900)
    cut = """return [...document.querySelectorAll('.marimo-cell:has(.sg-in-sight), .sg-pictures .sg-wide')]
        .filter(one => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight)
        .map(one => one.className)"""
    assert browser.execute_script("return innerWidth") == 900
    assert browser.execute_script(cut) == []


@pytest.mark.thorough
def test_more_classes_have_more_sliders(browser):
    press(browser, 4, "ARROW_RIGHT")
    wait(lambda: shown(browser) == expected([*FIRST, 0.0], 0))


@pytest.mark.thorough
@pytest.mark.parametrize("loss", ["squared error", "Kullback-Leibler divergence"])
def test_the_menu_changes_the_loss(browser, loss):
    choose(browser, "cross-entropy", loss)
    wait(lambda: shown(browser) == expected(FIRST, 0, loss={"s": "squared_error", "K": "kl_divergence"}[loss[0]]))


@pytest.mark.thorough
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


def test_no_number_is_cut_on_a_phone(chromium, tmp_path):
    """A number beside a bar may be as long as 4.47878 times 10 to the -5."""
    file = tmp_path / "page.html"
    file.write_text(sg.explain([0.3, -1.2, 2.5, 0.1, 7.0, -3.0], 1).to_html(), encoding="utf-8")
    as_seen(chromium, WIDTHS["phone"])
    chromium.get(file.as_uri())
    cut = "[...document.querySelectorAll('.sg-answer td')].filter((e) => e.scrollWidth > e.clientWidth).length"
    assert chromium.execute_script(f"return {cut}") == 0
    style = "return getComputedStyle(document.querySelector('.sg-contents ol')).listStyleType"
    assert chromium.execute_script(style) == "decimal"
