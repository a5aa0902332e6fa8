"""The length of a file, estimated from few of its bytes, to compare thousands of files by it.

It decodes nothing and uses no library, because the answer must be the same on every machine,
whatever is installed. Sources: the fmt chunk of RIFF WAVE, STREAMINFO (RFC 9639), the granule
position of a stream's last page (RFC 3533, RFC 7845), the movie header of ISO/IEC 14496-12.
"""

import struct
from io import FileIO
from pathlib import Path

from transcribe_cli.audio.containers import FLAC, HEAD_BYTES, MP4, OGG, WAV, Container, recognise

_BYTES_PER_S = {"aiff": 176_400, "caf": 176_400, "au": 88_200, "w64": 176_400, "rifx": 176_400}
_VIDEO_BYTES_PER_S = 250_000
_VIDEOS = frozenset("avi matroska asf flv mpeg mpegts mxf nut rm".split())
_COMPRESSED_BYTES_PER_S = 16_000
_LAST_PAGE_BYTES = 1 << 16  # no page of Ogg is longer
_MOST_BOXES = 1000
_OPUS_HZ = 48_000


def estimated_length_s(path: Path) -> float:
    """A file's length in seconds, by its header, else by its size and the usual bit rate.

    0 if it cannot be read, since it then takes no time.
    """
    try:
        if not path.is_file():  # opening a FIFO would wait for its writer
            return 0.0
        with FileIO(path) as file:
            size = file.seek(0, 2)
            file.seek(0)
            head = file.read(HEAD_BYTES)
            container = recognise(head)
            return _said_length_s(file, size, head, container) or size / _bytes_per_s(container)
    except (OSError, ValueError):
        return 0.0


def _said_length_s(file: FileIO, size: int, head: bytes, container: Container | None) -> float:
    """The length in seconds that the file itself gives; 0 if it gives none."""
    try:
        if container == WAV:
            return _of_wav(size, head)
        if container == FLAC:
            return _of_flac(head)
        if container == OGG:
            return _of_ogg(file, size, head)
        return _of_mp4(file, size) if container == MP4 else 0.0
    except struct.error:  # the file ends too early
        return 0.0


def _of_wav(size: int, head: bytes) -> float:
    at = head.find(b"fmt ")
    (bytes_per_s,) = struct.unpack_from("<I", head, at + 16)
    return size / bytes_per_s if at > 0 and bytes_per_s else 0.0


def _of_flac(head: bytes) -> float:
    (packed,) = struct.unpack_from(">Q", head, 18)  # rate, channels, width of a sample, samples
    rate_hz, samples = packed >> 44, packed & ((1 << 36) - 1)
    return samples / rate_hz if rate_hz else 0.0


def _of_ogg(file: FileIO, size: int, head: bytes) -> float:
    rate_hz = _OPUS_HZ
    if (at := head.find(b"\x01vorbis")) > 0:
        (rate_hz,) = struct.unpack_from("<I", head, at + 12)
    elif b"OpusHead" not in head:
        return 0.0
    file.seek(max(0, size - _LAST_PAGE_BYTES))
    tail = file.read(_LAST_PAGE_BYTES)
    (samples,) = struct.unpack_from("<q", tail, tail.rindex(b"OggS") + 6)
    return max(0, samples) / rate_hz if rate_hz else 0.0


def _of_mp4(file: FileIO, size: int) -> float:
    """The length by the movie header, which may be at the end of the file."""
    at, end = 0, size
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            break
        file.seek(at)
        start = file.read(40)
        box_bytes, name = struct.unpack_from(">I4s", start)
        inside = 8
        if box_bytes == 1:
            (box_bytes,) = struct.unpack_from(">Q", start, 8)
            inside = 16
        if name == b"mvhd":
            form, fields = (">IQ", 28) if start[8] == 1 else (">II", 20)
            units_per_s, units = struct.unpack_from(form, start, fields)
            return units / units_per_s if units_per_s else 0.0
        at += inside if name == b"moov" else max(box_bytes or end, inside)
    return 0.0


def _bytes_per_s(container: Container | None) -> int:
    if container is None:
        return _COMPRESSED_BYTES_PER_S
    if container.demuxer in _VIDEOS:
        return _VIDEO_BYTES_PER_S
    return _BYTES_PER_S.get(container.demuxer, _COMPRESSED_BYTES_PER_S)
