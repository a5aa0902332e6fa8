"""Files that consist of several (`cat a.mp3 b.mp3`, recordings of radio stations).

libsndfile reads only the first of them, and reports its length as that of the whole.
"""

import mmap
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from transcribe_cli.audio.containers import FLAC, MP3, MP4, OGG, Container, id3_bytes, mp3_length_s
from transcribe_cli.audio.flac_source import STREAM_START

_PAGE, _FIRST_PAGE = b"OggS\0", b"OggS\0\x02"  # RFC 3533: its flag 2 begins a stream
_TAGS_BYTES = 2048  # tags of at most this size may follow the audio
_XING_WITHIN = 200


def is_concatenated(path: Path, container: Container | None) -> bool:
    """Whether a file holds more than its first header describes."""
    if container not in (FLAC, MP3, OGG):
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if container == OGG:
            return _is_chained(data)
        if container == FLAC:
            first = STREAM_START.search(data)
            return first is not None and STREAM_START.search(data, first.end()) is not None
        return not _is_one_mp3(data)


_OGG_PAGE = re.compile(
    rb"OggS\0(.)(.{8})(.{4})(.{4})(?:.{4}\x01.(\x01vorbis|OpusHead|\x7fFLAC|Speex   ))?",
    re.DOTALL,
)
"""RFC 3533: flags, position, stream, page number; and the codec at the beginning of a stream."""
_BEGINS, _ENDS = 2, 4  # flags of a page
_LONGEST_MATCH = 36
_READ_BYTES = 1 << 20


class OggCheck:
    """Finds faults of an Ogg stream while its bytes pass."""

    def __init__(self) -> None:
        self._tail = b""
        self._codecs: set[bytes] = set()  # of the streams that begin before any audio
        self._later: set[bytes] = set()
        self._has_audio = False
        self._has_end = False
        self._numbers: dict[bytes, int] = {}  # number of each stream's last page with audio
        self._lacks_pages = False

    def see(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        seen = self._tail + data
        for page in _OGG_PAGE.finditer(seen):
            flags, position, stream, number, codec = page[1][0], *page.groups()[1:]
            self._has_end = bool(flags & _ENDS)
            self._count(stream, int.from_bytes(number, "little"), any(position))
            if not flags & _BEGINS:
                self._has_audio = True
            elif codec:
                (self._later if self._has_audio else self._codecs).add(codec)
        self._tail = seen[-_LONGEST_MATCH:]

    def _count(self, stream: bytes, number: int, has_audio: bool) -> None:
        """Check that a page follows the last one; in a radio's stream the first need not."""
        if not has_audio:
            self._numbers.pop(stream, None)
        else:
            last = self._numbers.get(stream, number)
            self._lacks_pages |= number not in (last, last + 1)  # the last may be seen again
            self._numbers[stream] = number

    @property
    def faults(self) -> list[str]:
        """What is missing or not heard, in words, as far as the pages show it."""
        found = []
        if self._later - self._codecs:
            found.append(
                "is several files in one, and only the first is read: their codecs differ, so give "
                "each by itself"
            )
        if self._lacks_pages:
            found.append("is damaged: pages of it are missing, and with them words may be")
        if not self._has_end:
            found.append("has no last page: it may be cut off")
        return found


_XING = re.compile(b"Xing|Info")
_XING_BYTES = 12  # up to the number of frames
_XING_AT = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}
"""Offset of the Xing header in its frame, by whether it is MPEG-1 and whether it is mono."""


class Mp3Lengths:
    """Adds up the lengths of MP3s while their bytes pass, as their Xing headers give them.

    Attributes:
        promised_s: the sum; None before any header gave a length.
    """

    def __init__(self) -> None:
        self.promised_s: float | None = None
        self._tail = b""
        self._from = 0  # where the unsearched bytes begin

    def see(self, data: bytes) -> None:
        """Take the next bytes of the MP3s."""
        seen = self._tail + data
        until = max(0, len(seen) - _XING_BYTES + 1)
        for found in _XING.finditer(seen, self._from):
            if found.start() >= until:
                break
            length_s = _length_by(seen, found.start())
            if length_s is not None:
                self.promised_s = (self.promised_s or 0.0) + length_s
        kept = max(0, until - max(_XING_AT.values()))
        self._tail, self._from = seen[kept:], until - kept


def _length_by(data: bytes, at: int) -> float | None:
    """The length in seconds that a Xing header at `at` gives; None if it is no such header."""
    for (is_mpeg_1, is_mono), offset in _XING_AT.items():
        frame = data[at - offset : at + _XING_BYTES] if at >= offset else b""
        if not frame or (frame[1] >> 3 & 3 == 3, frame[3] >> 6 == 3) != (is_mpeg_1, is_mono):
            continue
        length_s = mp3_length_s(frame)
        if length_s is not None:
            return length_s
    return None


def promised_by_mp3s(path: Path) -> float | None:
    """The sum of the lengths of a file's MP3s, as their headers give them; None without any."""
    lengths = Mp3Lengths()
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            lengths.see(data)
    return lengths.promised_s


def unheard(path: Path, container: Container | None) -> list[str]:
    """The parts of a file that are not heard and that no decoder reports, in words."""
    if container == OGG:
        return _faults_of_ogg(path)
    if container is None or container.name not in _ENDS_OF:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = _ENDS_OF[container.name](data)
        head, after = data[:12], data[end : end + 12]
    if container == MP4:
        begins = after[4:8] == b"ftyp"
    else:
        begins = head[:4] == after[:4] and (head[8:] == after[8:] or head[:4] not in _FORMS)
    return [_ONLY_FIRST] if begins else []


_ONLY_FIRST = "is several files in one, and only the first is read: give each by itself"
_FORMS = (b"FORM", b"RIFF", b"RIFX")  # their type is at byte 8


def _end_of_chunk(data: mmap.mmap, order: Literal["big", "little"]) -> int:
    size = int.from_bytes(data[4:8], order)
    return 8 + size + size % 2


def _end_of_au(data: mmap.mmap) -> int:
    return int.from_bytes(data[4:8]) + int.from_bytes(data[8:12])


def _end_of_wave64(data: mmap.mmap) -> int:
    return int.from_bytes(data[16:24], "little")


def _end_of_caf(data: mmap.mmap) -> int:
    at = 8
    while at < len(data) and data[at : at + 4] != b"caff":
        at += 12 + int.from_bytes(data[at + 4 : at + 12])  # an unknown size goes past the end
    return at


def _end_of_mp4(data: mmap.mmap) -> int:
    """Where another MP4 begins with its `ftyp`; the file's end if none does."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        size = int.from_bytes(data[at + 8 : at + 16]) if size == 1 else size
        if size < 8:  # 0: to the end
            return len(data)
        at += size
        if data[at + 4 : at + 8] == b"ftyp":
            return at
    return at


_ENDS_OF: dict[str, Callable[[mmap.mmap], int]] = {
    "AIFF": lambda data: _end_of_chunk(data, "big"),
    "AVI": lambda data: _end_of_chunk(data, "little"),
    "big-endian WAV": lambda data: _end_of_chunk(data, "big"),
    "AU": _end_of_au,
    "Wave64": _end_of_wave64,
    "CAF": _end_of_caf,
    "MP4": _end_of_mp4,
}
"""By the container's name: where the first file ends, according to its header."""


def _faults_of_ogg(path: Path) -> list[str]:
    check = OggCheck()
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            check.see(data)
    return check.faults


def _is_chained(data: mmap.mmap) -> bool:
    """Whether a stream begins after another one has had audio."""
    at = 0
    while data[at : at + len(_FIRST_PAGE)] == _FIRST_PAGE:
        at = data.find(_PAGE, at + 1)
        if at < 0:
            return False
    return data.find(_FIRST_PAGE, at) > 0


def _is_one_mp3(data: mmap.mmap) -> bool:
    """Whether the Xing header, which encoders write, accounts for all that follows."""
    start = id3_bytes(data)
    if data[start : start + 1] != b"\xff":
        return False
    first = data[start : start + _XING_WITHIN]
    at = max(first.find(b"Xing"), first.find(b"Info"))
    if at < 0 or not first[at + 7] & 2:
        return False
    field = at + 8 + 4 * (first[at + 7] & 1)
    promised = int.from_bytes(first[field : field + 4], "big")
    return len(data) - start - promised < _TAGS_BYTES
