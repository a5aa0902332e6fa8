"""Ogg pages from packets, and packets from pages: the form of Opus as `ogg_opus`. Pure.

Sources: RFC 3533 (pages), RFC 7845 (Opus in them). A stream begins with a page that holds only the
packet `OpusHead`, and a page that holds `OpusTags`; all others hold audio. A page's granule
position counts samples at 48 kHz up to the end of its last packet.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

CONTINUED, FIRST, LAST = 0x01, 0x02, 0x04
MOST_SEGMENTS = 255
_MOST_PACKET_BYTES = 1 << 16  # the longest Opus packet has 61,298; a longer one is not audio

_MAGIC = b"OggS"
_HEAD = struct.Struct("<4sBBqIIIB")
_CRC_AT = 22
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class BadOgg(ValueError):
    """The bytes are not an Ogg stream; `str()` says why."""


class Page(NamedTuple):
    """A complete page.

    Attributes:
        flags: the sum of those of `CONTINUED`, `FIRST` and `LAST` that hold.
        granule: samples at 48 kHz so far; -1 if no packet ends on the page.
        serial: the stream's number.
        packets: the packets that end on the page; the first may have begun on an earlier one.
    """

    flags: int
    granule: int
    serial: int
    packets: list[bytes]


def write_page(packets: Sequence[bytes], flags: int, granule: int, serial: int, at: int) -> bytes:
    """One page of whole packets; `at` counts the stream's pages, from 0.

    Raises:
        ValueError: the packets need more than the 255 segments that a page has.
    """
    lacing = bytearray()
    for packet in packets:
        lacing += b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))
    if len(lacing) > MOST_SEGMENTS:
        raise ValueError(f"{len(lacing)} segments do not fit on a page")
    head = _HEAD.pack(_MAGIC, 0, flags, granule, serial, at, 0, len(lacing))
    page = bytearray().join((head, lacing, *packets))
    page[_CRC_AT : _CRC_AT + 4] = _crc(page).to_bytes(4, "little")
    return bytes(page)


class PageReader:
    """Finds the pages in a stream of bytes, wherever the stream is cut."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._rest = b""  # the beginning of a packet that continues on the next page

    def feed(self, data: bytes) -> list[Page]:
        """Take bytes, and return the pages that are complete now.

        Raises:
            BadOgg: the bytes are not Ogg, or damaged.
        """
        self._data += data
        pages = []
        while (page := self._take()) is not None:
            pages.append(page)
        return pages

    def _take(self) -> Page | None:
        data = self._data
        if not _MAGIC.startswith(data[:4]) and data[:4] != _MAGIC:
            raise BadOgg("no Ogg page")
        if len(data) < _HEAD.size:
            return None
        _, version, flags, granule, serial, _, crc, segments = _HEAD.unpack_from(data)
        lacing = data[_HEAD.size : _HEAD.size + segments]
        start = _HEAD.size + segments
        if len(data) < start + sum(lacing) or len(lacing) < segments:
            return None
        page, self._data = data[: start + sum(lacing)], data[start + sum(lacing) :]
        page[_CRC_AT : _CRC_AT + 4] = bytes(4)
        if version or crc != _crc(page):
            raise BadOgg("a damaged Ogg page")
        return Page(flags, granule, serial, self._packets(flags, page[start:], lacing))

    def _packets(self, flags: int, body: bytearray, lacing: bytearray) -> list[bytes]:
        packet = bytearray(self._rest if flags & CONTINUED else b"")
        packets, at = [], 0
        for size in lacing:
            packet += body[at : at + size]
            at += size
            if size < 255:
                packets.append(bytes(packet))
                packet.clear()
        if len(packet) > _MOST_PACKET_BYTES:
            raise BadOgg("an Ogg packet without end")
        self._rest = bytes(packet)
        return packets


def _crc(data: bytes | bytearray) -> int:
    """The checksum of RFC 3533: zlib's with the bits reversed, and without its inversions."""
    mirrored = zlib.crc32(data.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
