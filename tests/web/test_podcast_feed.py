"""Feeds of podcasts, and lists of radio stations."""

import pytest

from tests.audio.tones import taken, tone, write
from tests.web.site import Site
from transcribe_cli.errors import AudioError
from transcribe_cli.web.address_source import first_address, open_address
from transcribe_cli.web.podcast_feed import is_feed, newest_episode

BASE = "https://pod.example/feed.xml"
RSS = b"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel>
<title>Talks</title>
<item><title>Old</title><pubDate>Mon, 02 Nov 2026 08:00:00 GMT</pubDate>
  <enclosure url="old.mp3" type="audio/mpeg" length="1"/></item>
<item><title>  New &amp;
  good </title><pubDate>Tue, 03 Nov 2026 08:00:00 +0100</pubDate>
  <enclosure url="new.jpg" type="image/jpeg" length="1"/>
  <enclosure url="/sound/talk.wav" type="audio/x-wav" length="1"/></item>
<item><title>Newer words</title><pubDate>Wed, 04 Nov 2026 08:00:00 GMT</pubDate></item>
</channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Talks</title>
<entry><title>New</title><updated>2026-11-03T08:00:00Z</updated>
  <link rel="alternate" href="page.html"/>
  <link rel="enclosure" type="audio/mpeg" href="new.mp3"/></entry>
<entry><title>Old</title><updated>2026-11-02T08:00:00Z</updated>
  <link rel="enclosure" type="audio/mpeg" href="old.mp3"/></entry></feed>"""


def test_newest_episode_with_sound_is_found() -> None:
    episode = newest_episode(RSS, BASE)
    assert (episode.title, episode.address) == ("New & good", "https://pod.example/sound/talk.wav")
    assert newest_episode(ATOM, BASE).address == "https://pod.example/new.mp3"
    assert is_feed(RSS)
    assert is_feed(ATOM)
    assert not is_feed(b"<!DOCTYPE html><html><body><p>&lt;rss&gt;")


def test_first_episode_is_the_newest_where_none_has_a_date() -> None:
    items = b"".join(b'<item><enclosure url="%d.mp3"/></item>' % n for n in range(3))
    assert newest_episode(b"<rss><channel>%s</channel></rss>" % items, BASE).address.endswith(
        "/0.mp3"
    )


@pytest.mark.parametrize("date", ["Mon, 02 Nov 99999999999 08:00:00 GMT", "9" * 5000])
def test_date_that_is_none_is_older_than_any(date: str) -> None:
    odd = b"<item><pubDate>%s</pubDate><enclosure url='odd.mp3'/></item>" % date.encode()
    feed = RSS.replace(b"<item>", odd + b"<item>", 1)
    assert newest_episode(feed, BASE).title == "New & good"


def test_link_that_makes_no_sense_is_left_for_who_asks_for_it() -> None:
    feed = b"<rss><item><enclosure url='http://[a/b.mp3'/></item></rss>"
    assert newest_episode(feed, BASE).address == "http://[a/b.mp3"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<rss><channel></channel></rss>", "no episode"),
        (b"<rss><channel>", "is damaged"),
        (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "b">]><rss>&a;</rss>', "entities"),
        (b'<?xml version="1.0" encoding="no-such"?><rss/>', "is damaged"),
    ],
)
def test_feed_that_cannot_be_read_is_told(data: bytes, said: str) -> None:
    with pytest.raises(AudioError, match=said) as refused:
        newest_episode(data, BASE)
    assert refused.value.hint


def test_address_of_a_feed_gives_its_newest_episode(site: Site) -> None:
    (site.folder / "sound").mkdir()
    write(site.folder / "sound" / "talk.wav", tone(16000, 1.0), 16000)
    (site.folder / "feed.xml").write_bytes(RSS)
    notes: list[str] = []
    source = open_address(f"{site.url}/feed.xml", 16000, notes.append)
    samples, _ = taken(source)

    assert len(samples) == 32000
    assert notes == [f"the newest episode of {site.url}/feed.xml: New & good"]
    assert source.name == f"{site.url}/feed.xml"


def test_list_of_stations_leads_to_its_first(site: Site) -> None:
    write(site.folder / "talk.wav", tone(16000, 1.0), 16000)
    for name, text in (
        ("a.pls", f"[playlist]\nNumberOfEntries=1\nFile1={site.url}/talk.wav\nTitle1=x\n"),
        ("b.m3u", f"#EXTM3U\n#EXTINF:-1,Radio\n{site.url}/talk.wav\n"),
    ):
        (site.folder / name).write_text(text)
        samples, _ = taken(open_address(f"{site.url}/{name}", 16000))
        assert len(samples) == 32000
    assert first_address("#EXTM3U\n/etc/passwd\n") is None


def test_list_that_names_itself_is_given_up(site: Site) -> None:
    (site.folder / "a.m3u").write_text(f"#EXTM3U\n{site.url}/a.m3u\n")
    with pytest.raises(AudioError, match="without end"):
        open_address(f"{site.url}/a.m3u", 16000)
