"""HLS as a source: its segments in order, with the playlist's own count of what is missing."""

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from transcribe_cli.audio.source import Source
from transcribe_cli.errors import AudioError
from transcribe_cli.web import hls
from transcribe_cli.web.decryption import KEY_BYTES, decrypted
from transcribe_cli.web.fetch import CutOff, Fetcher, Refused, Unreachable
from transcribe_cli.web.hls import MediaPlaylist, Segment, Stretch
from transcribe_cli.web.live_source import GIVE_UP_S, GaveUp, LiveSource, NetworkPipe, Part

_MOST_SEGMENT_BYTES = 64 << 20  # the largest segments of films in 4K have a quarter of it
_MOST_VARIANTS = 3  # how many lists may lead to further lists
_BROWSER = "open it in a browser"
_CAME = "what came before that is transcribed"
_NOT_GIVEN = "its server did not give"
_NOT_OPENED = "its key does not open"
_TRIES = 3  # for a segment that its server does not have
_PATIENT_TRIES = 10  # for a segment that its server may give later: 38 s
_WAITS_S = (0.2, 1.0, 2.0, 5.0)
_SOONEST_S = 0.5  # the least time between two requests for a playlist


def open_hls(
    fetcher: Fetcher,
    address: str,
    text: str,
    rate_hz: int,
    decoder: Callable[[NetworkPipe], Source],
) -> LiveSource:
    """A source for the media that a playlist lists.

    Args:
        address: the playlist's address, after redirects.
        text: the playlist.
        decoder: makes a source from a pipe.

    Raises:
        AudioError: the playlist lists no media, or none that can be read here.
    """
    stream = _Stream(fetcher, address, text)
    live = not stream.playlist.is_over

    def next_part() -> Part | None:
        ready = stream.look()
        if ready is None:
            return None
        pipe = _SegmentsPipe(stream, ready.segment)
        try:
            inner = decoder(pipe)
        except BaseException:
            pipe.close()
            raise
        return Part(inner, pipe, time.monotonic(), ready.missing_s)

    first = next_part()
    if first is None:
        raise AudioError(f"'{fetcher.name}' lists nothing to hear.", _BROWSER)
    return LiveSource(
        fetcher.name,
        first,
        next_part,
        rate_hz,
        stop=fetcher.stopped.set,
        live=live,
    )


class _Ready(NamedTuple):
    """A segment whose data have come.

    Attributes:
        missing_s: how much audio is missing before it.
    """

    segment: Segment
    data: bytes
    missing_s: float


class _Stream:
    """The playlist, fetched again while it grows, and the next segment."""

    def __init__(self, fetcher: Fetcher, address: str, text: str) -> None:
        self.fetcher = fetcher
        variants = 0
        while (variant := hls.choose_variant(text, address)) is not None:
            if variants == _MOST_VARIANTS:
                raise AudioError(f"'{fetcher.name}' lists nothing but lists.", _BROWSER)
            variants += 1
            address, text = self._read(variant)
        self._address = address
        self.playlist: MediaPlaylist = hls.read_media(text, address)
        live_edge = None if self.playlist.is_over else self.playlist.live_edge
        first = self.playlist.segments[0].number if self.playlist.segments else 0
        self._is_live = live_edge is not None
        self._next = first if live_edge is None else live_edge
        self._lost: Counter[str] = Counter()  # number of lost segments, by reason
        self._keys: dict[str, bytes] = {}  # by address
        self._key_worked = False  # a key has opened a segment
        self._asked_at = time.monotonic()
        self._ready: _Ready | None = None
        self._failed: GaveUp | None = None

    def _read(self, address: str) -> tuple[str, str]:
        answer = self.fetcher.get(address)
        try:
            text = answer.read_all(hls.MOST_BYTES).decode("utf-8", "replace")
        except CutOff as e:
            raise Unreachable(f"'{self.fetcher.name}' was cut off: {e}.", "try again later") from e
        finally:
            answer.close()
        if not text.lstrip("\ufeff").startswith("#EXTM3U"):
            raise AudioError(f"'{self.fetcher.name}' leads to no playlist.", "try again later")
        return answer.url, text

    def look(self) -> _Ready | None:
        """The next segment to hear; None at the end.

        It waits for the segment, and keeps it until `take`.

        Raises:
            GaveUp: nothing came for `GIVE_UP_S`, nothing can be decrypted, or a programme that is
                over lacks segments.
        """
        if self._failed is not None:
            raise self._failed
        try:
            self._look()
        except GaveUp as e:
            self._failed = e
            raise
        return self._ready

    def _look(self) -> None:
        missing_s = 0.0
        give_up_at = time.monotonic() + GIVE_UP_S
        while self._ready is None:
            segment = self._listed(give_up_at)
            if segment is None:
                self._tell_lost()
                return
            # Segments that were skipped had this segment's length, unless the numbering restarted.
            passed_s = (segment.number - self._next) * segment.duration_s
            missing_s += passed_s if passed_s <= GIVE_UP_S else 0.0
            self._next = segment.number + 1
            data = None if segment.is_missing else self._fetch(segment)
            if data is None:
                missing_s += segment.duration_s
            else:
                self._ready = _Ready(segment, data, missing_s)

    def _tell_lost(self) -> None:
        """Raise GaveUp if a programme that is over lacks segments; live, each `Gap` reports it."""
        if self._lost and not self._is_live and not self.fetcher.stopped.is_set():
            of = f"of {len(self.playlist.segments)} segments"
            lost = " and ".join(f"{why} {count} {of}" for why, count in self._lost.items())
            raise GaveUp(
                f"'{self.fetcher.name}' was not heard whole: {lost}.",
                "what came is transcribed; try again later",
            )

    def take(self) -> bytes:
        """The data of the segment that `look` returned; they are given once."""
        assert self._ready is not None
        data, self._ready = self._ready.data, None
        return data

    def _listed(self, give_up_at: float) -> Segment | None:
        """The next segment in the playlist; None at the end, and when stopped."""
        while not self.fetcher.stopped.is_set():
            if self._is_live and time.monotonic() >= give_up_at:
                minutes = f"{GIVE_UP_S / 60:.0f} minutes"
                told = f"'{self.fetcher.name}' has given nothing for {minutes}."
                raise GaveUp(told, f"try again later; {_CAME}")
            for segment in self.playlist.segments:
                if segment.number >= self._next:
                    return segment
            if self.playlist.is_over:
                break
            self._reload(give_up_at)
        return None

    def _reload(self, give_up_at: float) -> None:
        """Fetch the playlist again, once that is due: section 6.3.4 of RFC 8216."""
        pause_s = max(_SOONEST_S, self.playlist.target_s / 2)
        wait_s = self._asked_at + pause_s - time.monotonic()
        if self.fetcher.stopped.wait(max(0.0, wait_s)):
            return
        self._asked_at = time.monotonic()
        try:
            playlist = hls.read_media(*reversed(self._read(self._address)))
        except AudioError as e:
            passes = isinstance(e, Unreachable) or (isinstance(e, Refused) and e.may_pass)
            if not passes or time.monotonic() >= give_up_at:
                raise GaveUp(e.message, e.hint) from e
            return
        segments = playlist.segments
        if segments and segments[-1].number + len(segments) < self._next:
            self._next = segments[0].number  # the numbering has restarted
        self.playlist = playlist

    def _fetch(self, segment: Segment) -> bytes | None:
        return self.fetch(segment.media)

    def fetch(self, stretch: Stretch) -> bytes | None:
        """The decrypted bytes of a stretch; None if the server does not give them after some tries,
        or if they alone cannot be decrypted.

        Raises:
            GaveUp: no server has answered for `GIVE_UP_S`, the address is not fetched, or no key
                opens anything.
        """
        data = self._fetched(stretch.address, stretch.offset, stretch.size_bytes)
        if data is None and not self.fetcher.stopped.is_set():
            self._lost[_NOT_GIVEN] += 1
        if data is None or stretch.key is None:
            return data
        key = self._key(stretch.key.address)
        if key is None:
            return None
        plain = decrypted(data, key, stretch.key.vector)
        if plain is not None:
            self._key_worked = True
        elif not self._key_worked:
            raise self._encrypted("is another one")
        else:
            self._lost[_NOT_OPENED] += 1
        return plain

    def _key(self, address: str) -> bytes | None:
        """The key; None if a live stream's next key is not given, since it may come soon."""
        if address not in self._keys:
            key = self._fetched(address, 0, None) or b""
            if len(key) != KEY_BYTES:
                if self._is_live and self._key_worked:
                    return None
                raise self._encrypted("is not given")
            self._keys = {address: key}  # only one is in use at a time
        return self._keys[address]

    def _encrypted(self, its_key: str) -> GaveUp:
        return GaveUp(
            f"'{self.fetcher.name}' is encrypted, and its key {its_key}.",
            "let it play where you are logged in, and record that: aai-stream mic --system",
        )

    def _fetched(self, address: str, offset: int, size_bytes: int | None) -> bytes | None:
        headers = {}
        if size_bytes is not None:
            headers["Range"] = f"bytes={offset}-{offset + size_bytes - 1}"
        refusals = tries = 0
        give_up_at = time.monotonic() + GIVE_UP_S
        while not self.fetcher.stopped.is_set():
            try:
                answer = self.fetcher.get(address, headers)
                try:
                    is_part = answer.status == 206
                    most = size_bytes if is_part and size_bytes else _MOST_SEGMENT_BYTES
                    data = answer.read_all(min(most, _MOST_SEGMENT_BYTES))
                finally:
                    answer.close()
                if size_bytes is not None and not is_part:  # the server has sent the whole file
                    return data[offset : offset + size_bytes]
                return data
            except Refused as e:
                refusals += 1
                if refusals >= (_PATIENT_TRIES if e.may_pass else _TRIES):
                    break
            except (Unreachable, CutOff) as e:
                if time.monotonic() >= give_up_at:
                    said = e.message.rstrip(".") if isinstance(e, Unreachable) else str(e)
                    raise GaveUp(f"'{self.fetcher.name}' was cut off: {said}.", _CAME) from e
            except AudioError as e:
                raise GaveUp(e.message, e.hint) from e
            self.fetcher.stopped.wait(_WAITS_S[min(tries, len(_WAITS_S) - 1)])
            tries += 1
        return None


class _SegmentsPipe(NetworkPipe):
    """Segments for one decoder: up to a missing one, or one that needs another head."""

    def __init__(self, stream: _Stream, first: Segment) -> None:
        super().__init__(stream.fetcher.name)
        self._stream = stream
        self._head = first.head
        self._data = b""
        self._begun = False
        self._over = False

    def _read_some(self, count: int) -> bytes:
        while not self._data and not self._over and not self.is_stopped:
            try:
                self._load()
            except AudioError as e:
                self.problem, self._over = e.message.rstrip("."), True
        part, self._data = self._data[:count], self._data[count:]
        return part

    def _load(self) -> None:
        ready = self._stream.look()
        if ready is None:
            self._over = True
            return
        if self._begun and ready.missing_s:
            self.problem, self._over = "some of it is missing", True
            return
        if self._begun and ready.segment.head != self._head:
            self._over = True
            return
        head = None if self._begun or self._head is None else self._stream.fetch(self._head)
        self._data = (head or b"") + without_id3(self._stream.take())
        self._begun = True

    def _comes_before(self, deadline: float) -> bool:
        return bool(self._data)  # the next segment may take long to come


def without_id3(data: bytes) -> bytes:
    """Audio without the ID3 tag before it, which holds its playing time (section 3.4)."""
    while data.startswith(b"ID3") and len(data) >= 10:
        size = 0
        for byte in data[6:10]:
            size = size << 7 | byte & 0x7F
        data = data[10 + size :]
    return data
