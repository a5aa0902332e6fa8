"""How a session's samples are sent: as they are, or as Ogg Opus, which is a tenth of the bytes.

PyAV, from the extra `opus`, has libopus for every platform. The pages are made by
`protocol/ogg_pages.py`, since PyAV's own muxer holds each page back until the next one is complete.
Source: page "Streaming API" reference (`encoding`: binary messages of `ogg_opus` are any slices of
the stream).
"""

import os
from typing import Any, Protocol

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.ogg_pages import FIRST, LAST, write_page
from transcribe_cli.settings.option_types import Encoding

BITS_PER_S = 24_000  # enough for speech: nobody hears what a higher rate adds
_CODEC_HZ = (8000, 12000, 16000, 24000, 48000)  # what libopus takes; others are resampled to 48000
_GRANULE_HZ = 48000
_PACKET_GRANULES = 960  # 20 ms
_PACKETS_A_PAGE = 42  # the longest packet of 20 ms, 1275 bytes, takes 6 of a page's 255 segments


class Encoder(Protocol):
    """One session's stream of audio."""

    def encode(self, samples: bytes) -> bytes:
        """Returns the encoded bytes of 16-bit mono samples; an incomplete packet waits."""

    def finish(self) -> bytes:
        """Returns the bytes of the samples that have waited, and the end of the stream."""


def check_encoding(encoding: str) -> None:
    """Check that audio can be sent in an encoding.

    Raises:
        UsageError: the program has no such encoding, or a package for it is not installed.
    """
    if encoding not in list(Encoding):
        raise UsageError(
            f"Audio is not sent as '{encoding}' here.", f"use --encoding {' or '.join(Encoding)}"
        )
    if encoding == Encoding.OGG_OPUS:
        try:
            import av  # noqa: F401 - importing it later would delay a session
        except ImportError as e:
            raise UsageError(
                f"--encoding {encoding} needs the package 'av' ({e}).",
                "install it: pip install 'aai-stream[opus]'",
            ) from e


def make_encoder(encoding: str, rate_hz: int) -> Encoder | None:
    """Returns a new encoder for one session; None if samples are sent as they are."""
    return OggOpusEncoder(rate_hz) if encoding == Encoding.OGG_OPUS else None


class OggOpusEncoder:
    """An Ogg Opus stream, headers first; each call returns whole pages.

    The codec looks 6.5 ms ahead, so its audio comes out later by that; decoders correct it.
    """

    def __init__(self, rate_hz: int) -> None:
        from av import CodecContext

        codec: Any = CodecContext.create("libopus", "w")
        codec.sample_rate = rate_hz if rate_hz in _CODEC_HZ else _GRANULE_HZ
        codec.layout = "mono"
        codec.format = "s16"
        codec.bit_rate = BITS_PER_S
        codec.options = {"application": "voip"}
        codec.open()
        self._codec = codec
        self._rate_hz = rate_hz
        self._taken = 0  # frames
        self._packets = 0
        self._pages = 0
        self._serial = int.from_bytes(os.urandom(4))
        head: bytes = codec.extradata
        self._skipped = int.from_bytes(head[10:12], "little")  # the codec's delay, at 48 kHz
        vendor = b"aai-stream"
        tags = b"OpusTags" + len(vendor).to_bytes(4, "little") + vendor + bytes(4)
        self._header = self._page([head], FIRST, 0) + self._page([tags], 0, 0)

    def encode(self, samples: bytes) -> bytes:
        from av import AudioFrame

        frame: Any = AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
        frame.sample_rate = self._rate_hz
        frame.pts = self._taken
        plane = frame.planes[0]
        plane.update(samples.ljust(plane.buffer_size, b"\0"))  # the buffer is aligned, so longer
        self._taken += len(samples) // 2
        return self._paged(self._codec.encode(frame), last=False)

    def finish(self) -> bytes:
        return self._paged(self._codec.encode(None), last=True)

    def _paged(self, encoded: list[Any], *, last: bool) -> bytes:
        pages, self._header = self._header, b""
        packets = [bytes(packet) for packet in encoded]
        while packets or last:
            some, packets = packets[:_PACKETS_A_PAGE], packets[_PACKETS_A_PAGE:]
            self._packets += len(some)
            granule = self._packets * _PACKET_GRANULES
            if last and not packets:  # the granule of the audio's end, inside the last packet
                granule = self._skipped + self._taken * _GRANULE_HZ // self._rate_hz
                return pages + self._page(some, LAST, granule)
            pages += self._page(some, 0, granule)
        return pages

    def _page(self, packets: list[bytes], flags: int, granule: int) -> bytes:
        page = write_page(packets, flags, granule, self._serial, self._pages)
        self._pages += 1
        return page
