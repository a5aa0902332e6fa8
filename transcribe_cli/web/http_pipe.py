"""The body of an answer as a pipe; after a broken connection a Range request continues it."""

import time
from collections.abc import Callable
from typing import Any

from transcribe_cli.audio.source import SourceNote
from transcribe_cli.errors import AudioError
from transcribe_cli.web.fetch import CutOff, FetchedAnswer, Fetcher, Refused, Unreachable
from transcribe_cli.web.live_source import NetworkPipe
from transcribe_cli.web.untrusted import count

_WAITS_S = (0.2, 1.0, 2.0, 5.0, 10.0, 20.0)  # before each try to continue
_LIVE_SERVERS = ("icecast", "shoutcast")


def is_radio(answer: FetchedAnswer) -> bool:
    """Whether the answer is an endless stream, by the headers of radio servers."""
    if answer.left_bytes is not None:
        return False
    server = (answer.headers.get("Server") or "").lower()
    names = (name.lower() for name in answer.headers)
    return server.startswith(_LIVE_SERVERS) or any(n.startswith(("icy-", "ice-")) for n in names)


def answer_version(answer: FetchedAnswer) -> dict[str, Any] | None:
    """`bytes` and `version`, which identify what is at an address.

    None if the server does not give both. Source: RFC 9110, sections 8.8 and 14.4.
    """
    total = answer.left_bytes
    if answer.status == 206:
        total = count((answer.headers.get("Content-Range") or "").rpartition("/")[2])
    version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
    return None if total is None or version is None else {"bytes": total, "version": version}


class HttpPipe(NetworkPipe):
    """The bytes at an address.

    Attributes:
        is_endless: the server gives no length.
        version: as in `answer_version`.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        address: str,
        answer: FetchedAnswer,
    ) -> None:
        super().__init__(fetcher.name)
        self.is_endless = answer.left_bytes is None
        self._fetcher = fetcher
        self._address = address
        self._answer = answer
        self._is_radio = is_radio(answer)
        self.version = answer_version(answer)
        self._total_bytes = answer.left_bytes
        self._mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        self._at = 0
        self._tries = 0
        self._body = answer.read
        if title_every := count(answer.headers.get("icy-metaint") or ""):
            self._body = WithoutTitles(
                answer.read,
                title_every,
                lambda title: self.told.put(SourceNote(f"{self.name} plays: {title}")),
            ).read

    def stop(self) -> None:
        """End reads within a fraction of a second."""
        super().stop()
        self._answer.stop()

    def close(self) -> None:
        """Close the connection."""
        self.stop()
        self._answer.close()

    def _read_some(self, count: int) -> bytes:
        while not self._is_over:
            try:
                data = self._body(count)
            except CutOff as e:
                self._go_on(str(e))
                continue
            self._at += len(data)
            if data:
                self._tries = 0
            return data
        return b""

    @property
    def _is_over(self) -> bool:
        return self.is_stopped or self.problem is not None

    def _go_on(self, reason: str) -> None:
        """Request the rest of the body; if there is none, set `problem` to the reason."""
        self._answer.close()
        while not self._is_over:
            if self._is_radio or self._tries == len(_WAITS_S):
                self.problem = reason
            elif not self._stopped.wait(_WAITS_S[self._tries]):
                self._tries += 1
                try:
                    answer = self._rest()
                except (Refused, Unreachable) as e:
                    if isinstance(e, Refused) and not e.may_pass:
                        self.problem = reason
                    continue
                except AudioError as e:
                    self.problem = e.message.rstrip(".")
                    continue
                if answer is None:
                    self.problem = f"{reason}, and its server gives no parts"
                    continue
                self._answer, self._body = answer, answer.read
                self.told.put(SourceNote(f"{self.name} was cut off ({reason}), and goes on"))
                return

    def _rest(self) -> FetchedAnswer | None:
        """The answer with the bytes from here on; None if the server sends something else.

        Source: RFC 9110, section 14.
        """
        headers = {"Range": f"bytes={self._at}-"}
        if self._mark and not self._mark.startswith("W/"):
            headers["If-Range"] = self._mark
        answer = self._fetcher.get(self._address, headers)
        version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        unit, _, extent = (answer.headers.get("Content-Range") or "").partition(" ")
        first, _, total = extent.partition("-")[0], *extent.partition("/")[1:]
        is_rest = answer.status == 206 and unit == "bytes" and first == str(self._at)
        if total.isdecimal() and self._total_bytes is not None:
            is_rest = is_rest and total == str(self._total_bytes)
        if is_rest and version == self._mark:
            return answer
        answer.close()
        return None

    def _comes_before(self, deadline: float) -> bool:
        return time.monotonic() < deadline


class WithoutTitles:
    """Removes the titles from a radio's stream.

    After every `every` bytes of audio comes a byte, which times 16 is the length of a text such as
    `StreamTitle='News';StreamUrl='';` and zeros (SHOUTcast's metadata protocol, as in Icecast).

    Args:
        read: reads the stream.
        every: number of bytes of audio between two titles.
        tell: called with each title that differs from the last one.
    """

    def __init__(
        self, read: Callable[[int], bytes], every: int, tell: Callable[[str], None]
    ) -> None:
        self._read = read
        self._every = every
        self._left = every
        self._tell = tell
        self._title = ""

    def read(self, count: int) -> bytes:
        """Returns at most `count` bytes of audio."""
        if not self._left:
            self._pass_title()
            self._left = self._every
        data = self._read(min(count, self._left))
        self._left -= len(data)
        return data

    def _pass_title(self) -> None:
        size = self._exactly(1)
        text = self._exactly(size[0] * 16) if size else b""
        title = title_of(text)
        if title and title != self._title:
            self._title = title
            self._tell(title)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count and (part := self._read(count - len(data))):
            data += part
        return data


def title_of(text: bytes) -> str:
    """The title in such a text, in UTF-8 or, from old servers, in Latin-1.

    >>> title_of(b"StreamTitle='It's news';StreamUrl='';" + bytes(11))
    "It's news"
    """
    _, _, rest = text.rstrip(b"\0").partition(b"StreamTitle='")
    title = rest.partition(b"';")[0]
    try:
        return title.decode().strip()
    except UnicodeDecodeError:
        return title.decode("latin-1").strip()
