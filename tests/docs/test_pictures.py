"""The pictures of an explanation in the pages show what `sg.explain` says now."""

import re
import runpy
from pathlib import Path

import pytest

from conftest import load, program

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.browser
def test_the_pictures_of_an_explanation_can_be_drawn_again(tmp_path):
    """The test compares words: how they look depends on the fonts of the machine, and numbers on its last digits."""
    load("selenium"), program("chromium"), program("chromedriver")
    pictures = runpy.run_path(str(DOCS / "explanation_picture.py"))
    light, dark = pictures["draw"](tmp_path)
    assert brightness(light) > 200 > 80 > brightness(dark)
    for drawn in (light, dark):
        assert words_in(drawn) == words_in(DOCS / "images" / drawn.name), "run python docs/explanation_picture.py"
        assert "Only the diagonal of the Jacobian is used" in words_in(drawn)


def words_in(path):
    return " ".join(re.sub(r"[-\N{MINUS SIGN}\d.]+", "0", load("PIL.Image").open(path).text["Description"]).split())


def brightness(path):
    """The mean of the pixels, from 0 to 255."""
    return load("PIL.ImageStat").Stat(load("PIL.Image").open(path).convert("L")).mean[0]
