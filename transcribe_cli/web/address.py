"""`file https://…`: media at an address, fetched as they come and read as a pipe is.

What is there is told by its first bytes: media, a playlist of HLS, a feed, a page.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from transcribe_cli.audio.containers import (
    HEAD_BYTES,
    is_playlist,
    is_text,
    recognise,
    what_else,
)
from transcribe_cli.audio.source import Source, SourceEvent
from transcribe_cli.audio.stdin import Pipe, open_container
from transcribe_cli.errors import AudioError
from transcribe_cli.web.fetch import Fetcher
from transcribe_cli.web.http_pipe import HttpPipe, is_radio
from transcribe_cli.web.live_source import LiveSource, Part

_HEAD_WAIT_S = 2.0
_CUT = "what came before that is transcribed"


class AddressSource:
    """Media at an address that come to an end."""

    kind = "address"
    path: str | None = None

    def __init__(self, inner: Source, pipe: HttpPipe, stopped: threading.Event) -> None:
        self.name = pipe.name
        self.live = pipe.is_endless
        self._inner = inner
        self._pipe = pipe
        self._stopped = stopped

    @property
    def length_s(self) -> float | None:
        """Its duration, where that is known."""
        return self._inner.length_s

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The decoded audio.

        Raises:
            AudioError: it is damaged, or was cut off; what came before it is good.
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


class Opener:
    """Opens what is at an address, and what that leads to.

    Args:
        note: told what was chosen, and when nothing is heard before all of it has come.
        track: which of several audio tracks, counted from 1; None: the default one, or the first.
        channel: of several, counted from 0; None: all of them, mixed.
    """

    def __init__(
        self,
        address: str,
        rate_hz: int,
        note: Callable[[str], None] = lambda text: None,
        *,
        track: int | None = None,
        channel: int | None = None,
    ) -> None:
        self.fetcher = Fetcher(address)
        self.rate_hz = rate_hz
        self.note = note
        self._track = track
        self._channel = channel

    def open(self, address: str) -> Source:
        """A source for media at an address, or for what is named there.

        Raises:
            AudioError: it cannot be fetched, or holds no media that are known here.
        """
        with contextlib.ExitStack() as opened:
            answer = self.fetcher.get(address)
            opened.callback(answer.close)
            radio = is_radio(answer)
            came_at = time.monotonic()
            pipe = HttpPipe(self.fetcher, address, answer)
            opened.callback(pipe.close)
            inner = self._decoded(pipe)
            opened.pop_all()
        if not radio:
            return AddressSource(inner, pipe, self.fetcher.stopped)
        return LiveSource(
            self.fetcher.name,
            Part(inner, pipe, came_at),
            lambda: self._again(address),
            self.rate_hz,
            stop=self.fetcher.stopped.set,
        )

    def _again(self, address: str) -> Part:
        """A radio's next part."""
        answer = self.fetcher.get(address)
        came_at = time.monotonic()
        pipe = HttpPipe(self.fetcher, address, answer)
        with contextlib.ExitStack() as opened:
            opened.callback(pipe.close)
            inner = self._decoded(pipe)
            opened.pop_all()
        return Part(inner, pipe, came_at)

    def _decoded(self, pipe: HttpPipe) -> Source:
        head = pipe.peek(HEAD_BYTES, _HEAD_WAIT_S)
        container = recognise(head)
        if container is None:
            raise _no_media(pipe, head)
        try:
            return self.decoder(pipe, head)
        except AudioError as e:
            if pipe.problem is None:
                raise
            raise AudioError(
                f"'{pipe.name}' was cut off: {pipe.problem}.", "try again later"
            ) from e

    def decoder(self, pipe: Pipe, head: bytes) -> Source:
        """What decodes a pipe that begins so.

        Raises:
            AudioError: nothing does.
        """
        container = recognise(head)
        if container is None:
            raise AudioError(f"'{pipe.name}' holds no media known here.", "open it in a browser")
        return open_container(
            *(pipe, container, head, self.rate_hz, self.note),
            track=self._track,
            channel=self._channel,
        )


def open_address(
    address: str,
    rate_hz: int,
    note: Callable[[str], None] = lambda text: None,
    *,
    track: int | None = None,
    channel: int | None = None,
) -> Source:
    """A source for an address; arguments as of `Opener`.

    Raises:
        AudioError: it cannot be fetched, or holds no media that are known here.
    """
    opener = Opener(address, rate_hz, note, track=track, channel=channel)
    return opener.open(urlsplit(address)._replace(fragment="").geturl())


def _no_media(pipe: HttpPipe, head: bytes) -> AudioError:
    name = pipe.name
    if pipe.problem is not None:
        return AudioError(f"'{name}' was cut off: {pipe.problem}.", "try again later")
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
