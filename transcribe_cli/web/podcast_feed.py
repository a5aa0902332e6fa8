"""Finds the newest episode with sound in a podcast's feed. Pure.

Source: "RSS 2.0 Specification" (enclosure), RFC 4287 (Atom: a link whose rel is "enclosure").
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from xml.etree import ElementTree  # nosec B405
from xml.etree.ElementTree import Element  # nosec B405

from transcribe_cli.errors import AudioError
from transcribe_cli.web.untrusted import join

MOST_BYTES = 32 << 20  # a daily programme's feed may have every episode with all its notes
_ATOM = "{http://www.w3.org/2005/Atom}"
_MEDIA = "{http://search.yahoo.com/mrss/}content"
_NEVER = datetime.min.replace(tzinfo=UTC)


class Episode(NamedTuple):
    """An episode in a feed."""

    address: str
    title: str
    published: datetime


def is_feed(head: bytes) -> bool:
    """Whether a page is a feed, by its first bytes."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    looks_like_xml = start.startswith((b"<?xml", b"<rss", b"<feed", b"<rdf:RDF", b"<!--"))
    return looks_like_xml and any(tag in start for tag in (b"<rss", b"<feed", b"<rdf:RDF"))


def newest_episode(data: bytes, base: str) -> Episode:
    """The episode with the latest date; the first one if none has a date.

    Args:
        base: the feed's own address.

    Raises:
        AudioError: there is no episode with sound, or the data are no feed.
    """
    if b"<!ENTITY" in data:
        raise AudioError("The feed declares entities, which are not read.", "name its episode")
    try:
        root = ElementTree.fromstring(data)  # nosec B314: no entities, and so many bytes at most
    except (ElementTree.ParseError, LookupError, ValueError) as e:
        raise AudioError(f"The feed is damaged: {e}.", "name the episode itself") from e
    items = [*root.iter("item"), *root.iter("{http://purl.org/rss/1.0/}item")]
    entries = list(root.iter(f"{_ATOM}entry"))
    episodes = [e for e in (*map(_of_item, items), *map(_of_entry, entries)) if e is not None]
    if not episodes:
        raise AudioError("The feed has no episode with sound.", "name the address of the sound")
    newest = max(episodes, key=lambda episode: episode.published)  # the first of equals
    return newest._replace(address=join(base, newest.address))


def _of_item(item: Element) -> Episode | None:
    for sound in (*item.iter("enclosure"), *item.iter(_MEDIA)):
        address = (sound.get("url") or "").strip()
        if address and _is_heard(sound.get("type") or sound.get("medium") or ""):
            return Episode(address, _text(item, "title"), _date(_text(item, "pubDate")))
    return None


def _of_entry(entry: Element) -> Episode | None:
    for link in entry.iter(f"{_ATOM}link"):
        address = (link.get("href") or "").strip()
        if link.get("rel") == "enclosure" and address and _is_heard(link.get("type") or ""):
            when = _text(entry, f"{_ATOM}published") or _text(entry, f"{_ATOM}updated")
            return Episode(address, _text(entry, f"{_ATOM}title"), _date(when))
    return None


def _is_heard(kind: str) -> bool:
    return not kind or kind.startswith(("audio", "video", "application/octet-stream"))


def _text(element: Element, name: str) -> str:
    found = element.find(name)
    return "" if found is None else " ".join("".join(found.itertext()).split())


def _date(text: str) -> datetime:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            when = read(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return _NEVER
