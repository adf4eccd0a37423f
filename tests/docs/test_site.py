"""The site has no broken links, loads nothing from other hosts, lists every public name, and typesets its formulas."""

import importlib.util
import re
import runpy
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

import softgrad as sg
from browser import TOO_WIDE, as_seen, chromium_window
from conftest import load

ROOT = Path(__file__).parents[2]
MODULES = {"functions": sg, "check": sg.check, "explanation": sg.explanation, "nn": sg.nn, "testing": sg.testing}
MODULES["data"] = sg.data
if importlib.util.find_spec("torch"):
    MODULES["torch"] = sg.torch
API = sorted((ROOT / "docs" / "api").glob("*.md"))
LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href"}  # the attributes that a browser loads at once


class Page(HTMLParser):
    """The links of a page, the resources that it loads, its tags and its anchors."""

    def __init__(self, path):
        super().__init__()
        self.links, self.resources, self.tags, self.anchors = [], [], set(), {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.anchors.add(attributes.get("id"))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if LOADED.get(tag) in attributes:
            self.resources.append(attributes[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    load("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return {path: Page(path) for path in folder.rglob("*.html")}


@pytest.fixture(scope="module")
def described():
    """What `docs/fill.py` says of the pages of the API."""
    load("mkdocs")
    return runpy.run_path(str(ROOT / "docs" / "fill.py"))


def is_internal(address):
    return not urlsplit(address).netloc


def test_no_link_is_broken(site):
    broken = []
    for path, page in site.items():
        if path.name == "404.html":  # it is shown under any address, so its links start at the root of the server
            continue
        for link in filter(is_internal, page.links):
            file, anchor = urldefrag(unquote(link))
            target = (path.parent / file).resolve() if file else path
            if not target.is_file() or (target in site and anchor not in site[target].anchors):
                broken.append(f"{path.name}: {link}")
    assert not broken


def test_nothing_is_loaded_from_other_hosts(site):
    resources = [address for page in site.values() for address in page.resources]
    assert len(resources) > len(site)
    assert all(map(is_internal, resources))


def test_no_text_is_mistaken_for_a_tag(site):
    tags = set.union(*(page.tags for page in site.values()))
    assert [tag for tag in tags if not tag.replace("-", "").isalnum()] == []  # <grad_output, y> is an inner product


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_described(site, module):
    described = {anchor.rpartition(".")[2] for page in site.values() for anchor in page.anchors if anchor}
    public = MODULES[module]
    defined = [name for name, value in vars(public).items() if getattr(value, "__module__", "") == public.__name__]
    names = getattr(public, "__all__", defined)
    assert [name for name in names if not name.startswith("_") and name not in described | MODULES.keys()] == []


@pytest.fixture(scope="module")
def chromium(site):
    with chromium_window() as window:
        yield window


def page_named(site, name):
    return next(path for path in site if path.as_posix().endswith(name))


@pytest.mark.browser
def test_search_works_without_a_server(site, chromium):
    as_seen(chromium, 1280)
    chromium.get(page_named(site, "quick-start.html").as_uri())
    box = chromium.find_element("css selector", "input.md-search__input")
    box.send_keys("softcap")
    found = until(lambda: chromium.find_elements("css selector", ".md-search-result__item a"))
    assert any("functions.html" in link.get_attribute("href") for link in found)
    loaded = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    assert [name for name in chromium.execute_script(loaded) if not name.startswith("file:")] == []


@pytest.mark.browser
@pytest.mark.parametrize("name", ["index.html", "performance.html", "api/functions.html", "api/nn.html"])
def test_a_page_fits_a_phone(site, chromium, name):
    as_seen(chromium, 390)
    chromium.get(page_named(site, name).as_uri())
    assert chromium.execute_script(TOO_WIDE) == 0


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "shown"), [("light", "entropy.png"), ("dark", "entropy-dark.png")])
def test_a_dark_page_has_dark_pictures(site, chromium, scheme, shown):
    as_seen(chromium, 1280, scheme)
    chromium.get(page_named(site, "performance.html").as_uri())
    chromium.execute_script("localStorage.clear(); location.reload()")
    pictures = until(lambda: chromium.find_elements("css selector", "img[src*=cross-entropy]"))
    visible = [picture.get_attribute("src") for picture in pictures if picture.is_displayed()]
    assert [shown in source for source in visible] == [True]


def until(found, seconds=10):
    """What `found` returns, once it is not empty."""
    end = time.monotonic() + seconds
    while not (result := found()) and time.monotonic() < end:
        time.sleep(0.05)
    return result


@pytest.mark.parametrize("page", API, ids=lambda page: page.stem)
def test_a_page_in_the_repository_lists_its_names(page, described):
    text = page.read_text()
    assert text == described["with_names"](page), "run python docs/fill.py"
    assert "- [`" in text


def test_every_formula_is_typeset(described):
    typesetting = runpy.run_path(str(ROOT / "docs" / "docstrings.py"))
    displayed, inline, plain = set(), set(), []
    for text in map(before_arguments, docstrings_of_the_api(described)):
        inline |= {found[0] for line in text.splitlines() for found in typesetting["IN_A_SENTENCE"].finditer(line)}
        for block in typesetting["DISPLAYED"].finditer(text + "\n"):
            cells = {cell for line in block[0].splitlines() for cell in typesetting["cells"](line)}
            displayed |= typesetting["LATEX"].keys() & cells
            plain += [cell for cell in cells - typesetting["LATEX"].keys() if re.search(r"^[^(].* (=|<-) ", cell)]
    assert plain == []  # each needs a line in docs/formulas.toml
    assert typesetting["LATEX"].keys() - displayed == set()
    assert typesetting["INLINE"].keys() - inline == set()


def docstrings_of_the_api(described):
    for page in API:
        for found in described["NAMES"].finditer(page.read_text()):
            for member in [described["source_of"](found[2]), *described["described"](found[2], found[3])]:
                inner = [inner for inner in member.members.values() if member.is_class and not inner.is_alias]
                yield from (each.docstring.value for each in [member, *inner] if each.docstring)


def before_arguments(docstring):
    return re.split(r"\n(?=[A-Z][a-z]+:\n )", docstring)[0]


def test_a_formula_in_a_sentence_is_typeset_and_code_is_not():
    load("latex2mathml")
    text = runpy.run_path(str(ROOT / "docs" / "docstrings.py"))["sentences"](
        "J^+ and `J^T`, <x, y>.\n\nArgs:\n    x: <x, J^T>"
    )
    assert text.startswith("<span><math ")  # a line of Markdown that starts with <math> is no part of a sentence
    assert text.count("<math") == 1
    assert text.endswith(" and `J^T`, &lt;x, y>.\n\nArgs:\n    x: <x, J^T>")


def test_a_formula_is_typeset_beside_its_note():
    load("latex2mathml")
    text = runpy.run_path(str(ROOT / "docs" / "docstrings.py"))["typeset"](
        "A loss:\n\n    dL/dp = p - t     the 1/2 <\n\nB"
    )
    assert text.count("<math") == 1
    assert "<mfrac>" in text
    assert "<td>the 1/2 &lt;</td>" in text
    assert text.endswith("</table></div>\n\nB")
