"""The pictures of the README are small, come in light and dark, and fetch nothing."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.program import ROOT

PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))


def test_each_picture_is_there_in_light_and_dark() -> None:
    names = {picture.stem.rpartition("-")[0] for picture in PICTURES}
    assert "live" in names
    assert {picture.name for picture in PICTURES} == {
        f"{name}-{mode}.svg" for name in names for mode in ("light", "dark")
    }


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small_and_fetches_nothing(picture: Path) -> None:
    svg = picture.read_text(encoding="utf-8")
    assert len(svg) < 30_000
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    addresses = set(re.findall(r"https?://[^\"')\s]+", svg))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|<image|<script|href=", svg)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_of_a_file_says_what_the_program_says(picture: Path) -> None:
    svg = picture.read_text(encoding="utf-8")
    assert "left" in svg  # the bar of something that has an end
    assert "listening" not in svg
    assert "transcribing" in svg or "replaying" in svg


def test_the_readme_shows_pictures_that_are_there() -> None:
    shown = re.findall(r"docs/pictures/[\w-]+\.svg", (ROOT / "README.md").read_text("utf-8"))
    assert shown
    assert all((ROOT / path).is_file() for path in shown)
