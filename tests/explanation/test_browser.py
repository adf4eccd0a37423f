"""The page of `softgrad explore` in Chromium: a slider is moved, and the numbers are those of `sg.explain`.

Run by `pytest -m browser`, where marimo, selenium, Chromium and its driver are installed (CONTRIBUTING says how).
"""

import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

import softgrad as sg
from explanation.test_forms import Text

pytestmark = pytest.mark.browser
STARTS = 60  # seconds
FIRST = [2.0, 1.0, 0.1]


@pytest.fixture(scope="module")
def url():
    """The address of the page, served until the tests are done."""
    pytest.importorskip("marimo")
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
    until = time.monotonic() + STARTS
    while time.monotonic() < until:
        if found := happens():
            return found
        time.sleep(0.2)
    raise TimeoutError(f"not within {STARTS} seconds")


@pytest.fixture
def browser(url):
    """Chromium, with the page open and its first explanation shown."""
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,2000"):
        options.add_argument(argument)
    options.binary_location = "/usr/bin/chromium"
    service = webdriver.ChromeService(executable_path="/usr/bin/chromedriver")
    with webdriver.Chrome(options=options, service=service) as browser:
        browser.get(url)
        wait(lambda: shown(browser))
        yield browser


def shown(browser):
    """The words and numbers of the explanation on the page; "" before there is one."""
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


def test_it_opens_with_three_logits(browser):
    assert wait(lambda: shown(browser) == expected(FIRST, 0))


def test_a_slider_moves_every_number(browser):
    before = shown(browser)
    sliders = ["classes", "share", *(f"z_{i}" for i in range(3))]
    press(browser, sliders.index("z_1"), "ARROW_RIGHT", "ARROW_RIGHT")
    wait(lambda: shown(browser) == expected([2.0, 1.2, 0.1], 0))
    assert shown(browser) != before
    press(browser, sliders.index("z_0"), "HOME")
    wait(lambda: shown(browser) == expected([-6.0, 1.2, 0.1], 0))


def test_a_share_for_all_classes_makes_the_target_soft(browser):
    press(browser, 1, "ARROW_RIGHT", "ARROW_RIGHT")
    target = [0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3]
    wait(lambda: shown(browser) == expected(FIRST, target))


def test_more_classes_have_more_sliders(browser):
    press(browser, 0, "ARROW_RIGHT")
    wait(lambda: shown(browser) == expected([*FIRST, 0.0], 0))


@pytest.mark.parametrize("loss", ["squared error", "Kullback-Leibler divergence"])
def test_the_loss_is_chosen(browser, loss):
    choose(browser, "cross-entropy", loss)
    wait(lambda: shown(browser) == expected(FIRST, 0, loss={"s": "squared_error", "K": "kl_divergence"}[loss[0]]))


def test_the_target_is_chosen(browser):
    choose(browser, "0", "2")
    wait(lambda: shown(browser) == expected(FIRST, 2))


def choose(browser, had, wanted):
    """Sets the list that stands at `had`."""
    browser.execute_script(
        "const [had, wanted] = arguments; const look = (node) => { for (const e of node.querySelectorAll('*')) {"
        " if (e.tagName === 'SELECT' && e.selectedOptions[0]?.text === had) {"
        " e.value = [...e.options].find((o) => o.text === wanted).value;"
        " e.dispatchEvent(new Event('change', {bubbles: true, composed: true})); return true; }"
        " if (e.shadowRoot && look(e.shadowRoot)) return true; } return false; }; look(document);",
        had,
        wanted,
    )


def test_nothing_went_wrong_in_the_page(browser):
    assert not re.search(r"Traceback|Error", browser.find_element("tag name", "body").text)
