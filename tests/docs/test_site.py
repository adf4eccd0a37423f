"""The site as it is built: no warning, no link that leads nowhere, nothing loaded from elsewhere, every public name."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

import softgrad as sg
from conftest import load

ROOT = Path(__file__).parents[2]
MODULES = {"functions": sg, "check": sg.check, "explanation": sg.explanation, "nn": sg.nn, "testing": sg.testing}
MODULES["data"] = sg.data
LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href"}  # what a browser fetches without being asked


class Page(HTMLParser):
    """What a page links to, what it loads, its tags and the places in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.tags, self.places = [], [], set(), {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.places.add(attributes.get("id"))
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if LOADS.get(tag) in attributes:
            self.loads.append(attributes[LOADS[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    load("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return {path: Page(path) for path in folder.rglob("*.html")}


def inside(address):
    return not urlsplit(address).netloc


def test_links_lead_somewhere(site):
    lost = []
    for path, page in site.items():
        if path.name == "404.html":  # shown under any address, so its links start at the server's root
            continue
        for link in filter(inside, page.links):
            file, place = urldefrag(unquote(link))
            aim = (path.parent / file).resolve() if file else path
            if not aim.is_file() or (aim in site and place not in site[aim].places):
                lost.append(f"{path.name}: {link}")
    assert not lost


def test_nothing_is_loaded_from_elsewhere(site):
    loads = [address for page in site.values() for address in page.loads]
    assert len(loads) > len(site)
    assert all(map(inside, loads))


def test_no_text_is_taken_for_a_tag(site):
    tags = set.union(*(page.tags for page in site.values()))
    assert [tag for tag in tags if not tag.replace("-", "").isalnum()] == []  # <grad_output, y> is an inner product


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_described(site, module):
    described = {place.rpartition(".")[2] for page in site.values() for place in page.places if place}
    public = MODULES[module]
    defined = [name for name, value in vars(public).items() if getattr(value, "__module__", "") == public.__name__]
    names = getattr(public, "__all__", defined)
    assert [name for name in names if not name.startswith("_") and name not in described | MODULES.keys()] == []
