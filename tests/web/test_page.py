"""The media in a page, found by yt-dlp."""

import sys
from pathlib import Path

import pytest

from tests.audio.tones import taken, tone, write
from tests.requirements import require_package
from tests.web.site import Site
from transcribe_cli.errors import AudioError
from transcribe_cli.web import page
from transcribe_cli.web.address_source import open_address
from transcribe_cli.web.page import find_media

PAGE = """<!DOCTYPE html><html><head><title>A talk</title></head>
<body><audio src="/talk.wav?key=1" type="audio/wav"></audio></body></html>"""


@pytest.mark.long
def test_media_in_a_page_are_heard(site: Site) -> None:
    require_package("yt_dlp")
    write(site.folder / "talk.wav", tone(16000, 1.0), 16000)
    (site.folder / "page.html").write_text(PAGE)
    notes: list[str] = []
    source = open_address(f"{site.url}/page.html", 16000, notes.append)
    samples, _ = taken(source)

    assert len(samples) == 32000
    assert source.name == f"{site.url}/page.html"
    assert notes[0].startswith("found in the page by yt-dlp: A talk")
    assert site.asked[-1][1]["referer"] == f"{site.url}/page.html"


@pytest.mark.long
def test_public_page_leads_yt_dlp_to_no_private_address(site: Site) -> None:
    require_package("yt_dlp")
    (site.folder / "page.html").write_text(PAGE)
    with pytest.raises(AudioError, match="without media") as refused:
        find_media(f"{site.url}/page.html", "page", is_public=True)

    assert "private network" in refused.value.hint
    assert not site.asked


def test_without_yt_dlp_a_page_is_told_how_to_be_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (site.folder / "page.html").write_text(PAGE)
    with pytest.raises(AudioError, match="is a page, not audio") as refused:
        open_address(f"{site.url}/page.html", 16000)
    assert "aai-stream[web]" in refused.value.hint


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time; time.sleep(60)", "within"),
        ("print('no JSON')", "cannot be used"),
        ('print(\'{"url": null, "problem": "ERROR: Unsupported URL"}\')', "without media"),
    ],
)
def test_worker_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(page, "_LIMIT_S", 0.5 if "sleep" in code else 60.0)
    monkeypatch.setattr(page, "_COMMAND", [sys.executable, "-c", code])
    with pytest.raises(AudioError, match=said) as refused:
        find_media("https://a.example/", "page", is_public=True)
    assert refused.value.hint
