"""`file https://…`: media at an address, fetched while they arrive, and read like a pipe.

The first bytes tell what is there: media, a playlist of HLS, a feed or a page.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from transcribe_cli.audio.containers import (
    is_playlist,
    is_text,
    what_else,
)
from transcribe_cli.audio.source import Source, SourceEvent, channels_of
from transcribe_cli.audio.stdin import look, open_container
from transcribe_cli.errors import AudioError
from transcribe_cli.web import hls, podcast_feed
from transcribe_cli.web.fetch import FetchedAnswer, Fetcher, Refused, Unreachable
from transcribe_cli.web.hls_source import open_hls
from transcribe_cli.web.http_pipe import HttpPipe, answer_version, is_radio
from transcribe_cli.web.live_source import LiveSource, NetworkPipe, Part
from transcribe_cli.web.untrusted import join

_HEAD_WAIT_S = 2.0
_MOST_STEPS = 5  # such as from a feed to a page to a playlist
_PLAYLISTS = ("audio/x-mpegurl", "audio/mpegurl", "application/x-mpegurl", "audio/x-scpls")
_PAGES = ("text/html", "application/xhtml+xml")
_CUT = "what came before that is transcribed"


class AddressSource:
    """Media at an address that have an end.

    Args:
        path: the address, if it may be read again; else None.

    Attributes:
        version: identifies what is at the address, if it can be read again; else None.
    """

    kind = "address"

    def __init__(
        self, inner: Source, pipe: HttpPipe, stopped: threading.Event, path: str | None
    ) -> None:
        self.name = pipe.name
        self.path = path if pipe.version is not None else None
        self.version: dict[str, Any] | None = pipe.version if path is not None else None
        self.live = pipe.is_endless
        self.channels = channels_of(inner)
        self._inner = inner
        self._pipe = pipe
        self._stopped = stopped

    @property
    def length_s(self) -> float | None:
        """The duration in seconds; None if it is not known."""
        return self._inner.length_s

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The decoded audio.

        Raises:
            AudioError: the media are damaged or cut off; the blocks before are good.
        """
        problem = None
        try:
            for block in self._inner.blocks(report):
                while not self._pipe.told.empty():
                    report(self._pipe.told.get())
                yield block
        except AudioError as e:
            problem = e
        if self._pipe.problem is not None:
            raise AudioError(f"'{self.name}' was cut off: {self._pipe.problem}.", _CUT) from problem
        if problem is not None:
            raise problem

    def stop(self) -> None:
        """End `blocks` soon."""
        self._stopped.set()
        self._inner.stop()
        self._pipe.stop()

    def close(self) -> None:
        """Close the connection."""
        self.stop()
        self._inner.close()
        self._pipe.close()


class AddressOpener:
    """Opens what is at an address, following playlists, feeds and pages.

    Args:
        note: called with what was chosen, and if nothing can be heard before all has come.
        track: number of the audio track, from 1; None: the default one, or the first.
        channel: number of the channel, from 0; None: all of them, mixed.
        is_public: refuse private networks, also for the address itself.
    """

    def __init__(
        self,
        address: str,
        rate_hz: int,
        note: Callable[[str], None] = lambda text: None,
        *,
        track: int | None = None,
        channel: int | None = None,
        is_public: bool = False,
    ) -> None:
        self.fetcher = Fetcher(address, is_public=is_public)
        self.rate_hz = rate_hz
        self.note = note
        self._track = track
        self._channel = channel
        self._steps = 0

    def open(self, address: str) -> Source:
        """A source for media at an address, or for the media that a list or page there names.

        Raises:
            AudioError: it cannot be fetched, or holds no media that are known here.
        """
        with contextlib.ExitStack() as opened:
            answer = self.fetcher.get(address)
            radio = is_radio(answer)
            came_at = time.monotonic()
            pipe = HttpPipe(self.fetcher, address, answer)
            opened.callback(pipe.close)
            head, container = look(pipe, _HEAD_WAIT_S)
            if container is None and pipe.problem is None:
                return self._named_by(pipe, head, answer)
            inner = self.decoded(pipe)
            opened.pop_all()
        if not radio:
            return AddressSource(inner, pipe, self.fetcher.stopped, self._path_of(address))
        return LiveSource(
            self.fetcher.name,
            Part(inner, pipe, came_at),
            lambda: self._again(address),
            self.rate_hz,
            stop=self.fetcher.stopped.set,
        )

    def _path_of(self, address: str) -> str | None:
        """The address, if it holds nothing secret and names the media itself; else None."""
        return address if not self._steps and address == self.fetcher.name else None

    def _named_by(self, pipe: HttpPipe, head: bytes, answer: FetchedAnswer) -> Source:
        """A source for what a playlist, a feed or a page names."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise AudioError(f"'{pipe.name}' leads from list to list without end.", "name the last")
        kind = (answer.headers.get_content_type() or "").lower()
        if hls.is_hls(head):
            text = _whole(pipe, hls.MOST_BYTES).decode("utf-8", "replace")
            return open_hls(self.fetcher, answer.url, text, self.rate_hz, self.decoded)
        if is_playlist(head) or (kind in _PLAYLISTS and is_text(head)):
            text = _whole(pipe, hls.MOST_BYTES).decode("utf-8", "replace")
            if (first := first_address(text)) is not None:
                return self.open(join(answer.url, first))
        if podcast_feed.is_feed(head):
            episode = podcast_feed.newest_episode(_whole(pipe, podcast_feed.MOST_BYTES), answer.url)
            self.note(f"the newest episode of {pipe.name}: {episode.title or 'without a title'}")
            return self.open(episode.address)
        if (manifest := manifest_of(head)) is not None:
            raise AudioError(
                f"'{pipe.name}' is a playlist of {manifest}, which is not read here.",
                "ffmpeg -i ADDRESS -f wav - | aai-stream file -",
            )
        if kind in _PAGES or is_text(head):
            pipe.close()
            return self._in_page(answer.url)
        raise _no_media(pipe.name, head)

    def _in_page(self, address: str) -> Source:
        from transcribe_cli.web.page import find_media

        fetcher = self.fetcher
        found = find_media(address, fetcher.name, is_public=fetcher.is_public)
        fetcher.headers |= found.headers
        self.note(f"found in the page by yt-dlp: {found.title or 'without a title'}")
        return self.open(found.address)

    def _again(self, address: str) -> Part:
        """A radio's next part."""
        answer = self.fetcher.get(address)
        came_at = time.monotonic()
        pipe = HttpPipe(self.fetcher, address, answer)
        with contextlib.ExitStack() as opened:
            opened.callback(pipe.close)
            inner = self.decoded(pipe)
            opened.pop_all()
        return Part(inner, pipe, came_at)

    def decoded(self, pipe: NetworkPipe) -> Source:
        """A source that decodes a pipe of media.

        Raises:
            AudioError: the media cannot be decoded here.
        """
        head, container = look(pipe, _HEAD_WAIT_S)
        try:
            if container is None:
                raise _no_media(pipe.name, head)
            return open_container(
                *(pipe, container, head, self.rate_hz, self.note),
                track=self._track,
                channel=self._channel,
            )
        except AudioError as e:
            if pipe.problem is None:
                raise
            told = f"'{pipe.name}' was cut off: {pipe.problem}."
            raise AudioError(told, "try again later") from e


def open_address(
    address: str,
    rate_hz: int,
    note: Callable[[str], None] = lambda text: None,
    *,
    track: int | None = None,
    channel: int | None = None,
    is_public: bool = False,
) -> Source:
    """A source for an address; arguments as in `AddressOpener`.

    Raises:
        AudioError: it cannot be fetched, or holds no media that are known here.
    """
    opener = AddressOpener(
        address, rate_hz, note, track=track, channel=channel, is_public=is_public
    )
    return opener.open(urlsplit(address)._replace(fragment="").geturl())


def version_at(address: str) -> dict[str, Any] | None:
    """`AddressSource.version` of what is at an address now, by a request for its first byte.

    None if it must not be read again, or if its server does not give a version.

    Raises:
        AudioError: it leads to an address that is not fetched.
    """
    fetcher = Fetcher(address)
    if address != fetcher.name:
        return None
    try:
        answer = fetcher.get(address, {"Range": "bytes=0-0"})
    except (Refused, Unreachable):  # opening it explains why, or succeeds
        return None
    with contextlib.closing(answer):
        return answer_version(answer)


def _whole(pipe: HttpPipe, most_bytes: int) -> bytes:
    """All of a list, cut at `most_bytes`.

    Raises:
        AudioError: the connection was cut off.
    """
    data = b""
    while len(data) < most_bytes and (part := pipe.read(most_bytes - len(data))):
        data += part
    if pipe.problem is not None:
        raise AudioError(f"'{pipe.name}' was cut off: {pipe.problem}.", "try again later")
    return data


def first_address(text: str) -> str | None:
    """The first address in a list of radio stations, M3U or PLS; None without one.

    >>> first_address("[playlist]\\nFile1=http://radio.example/live\\n")
    'http://radio.example/live'
    """
    for line in text.lstrip("\ufeff").splitlines():
        line = line.strip()
        name, equals, value = line.partition("=")
        if equals and name.lower().startswith("file") and name[4:].isdecimal():
            line = value.strip()
        elif line.startswith(("#", "[")) or not line.lower().startswith(("http://", "https://")):
            continue
        return line
    return None


def manifest_of(head: bytes) -> str | None:
    """The kind of streaming that an XML manifest is for; None if it is no known manifest.

    >>> manifest_of(b'<?xml version="1.0"?><MPD profiles="x">')
    'DASH'
    """
    kinds = {b"<MPD": "DASH", b"<SmoothStreamingMedia": "Smooth Streaming"}
    return next((name for tag, name in kinds.items() if tag in head), None)


def _no_media(name: str, head: bytes) -> AudioError:
    if not head:
        return AudioError(f"'{name}' is empty.", "open it in a browser")
    if (kind := what_else(head)) is not None:
        what = f"is {kind}"
    elif is_playlist(head):
        what = "is a playlist"
    else:
        what = "is a page or text" if is_text(head) else "holds no media known here"
    return AudioError(
        f"'{name}' {what}.", "open it in a browser, and find the address of the media"
    )
