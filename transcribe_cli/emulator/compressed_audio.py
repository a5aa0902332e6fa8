"""Decodes the compressed audio of a session to the samples that engines hear.

Sources: page "Streaming API" reference (`opus`: a raw packet in each binary message; `ogg_opus`:
any slices of the stream; `aac`: ADTS; `sample_rate` is ignored), RFC 7845 (what is skipped at the
beginning of an Opus stream and cut at its end). PyAV decodes, as it does on the live service, whose
Error repeats its words.
"""

from typing import Any, Protocol

from transcribe_cli.protocol.ogg_pages import FIRST, LAST, BadOgg, Page, PageReader

DECODED_HZ = 16000
COMPRESSED = ("opus", "ogg_opus", "aac")
_OPUS_HZ = 48000
_MOST_BYTES_A_MESSAGE = 600 * 2 * DECODED_HZ  # ten minutes: of so few bytes, nobody's speech
_LONGEST_ADTS_BYTES = 8191  # of one frame: ISO 14496-3, a length of 13 bits
_INVALID = "[Errno 1094995529] Invalid data found when processing input"


class BadAudio(ValueError):
    """What came is not the audio that was announced; `str()` is the service's wording."""


class AudioDecoder(Protocol):
    """Decodes one session's audio."""

    def decode(self, data: bytes) -> bytes:
        """The samples that a binary message completes: 16-bit, mono, at `DECODED_HZ`.

        Raises:
            BadAudio: nothing after it can be decoded.
        """

    def finish(self) -> bytes:
        """The samples that were held back."""


def missing_package() -> str | None:
    """Why nothing can be decoded on this machine, in words; None: it can be."""
    try:
        import av  # noqa: F401
    except ImportError as e:
        return f"the local service decodes it with the package 'av' ({e})"
    return None


def make_decoder(encoding: str) -> AudioDecoder | None:
    """The decoder of an encoding; None for one that is not compressed."""
    if encoding == "ogg_opus":
        return OggOpusDecoder()
    return PacketDecoder(encoding) if encoding in COMPRESSED else None


class PacketDecoder:
    """Decodes packets of Opus, one in each message, or ADTS, in any slices."""

    def __init__(self, codec: str) -> None:
        from av import AudioResampler, CodecContext

        self._name = "Opus" if codec == "opus" else "AAC"
        decoder: Any = CodecContext.create(codec, "r")
        decoder.layout = "mono"
        if codec == "opus":
            decoder.sample_rate = _OPUS_HZ
        self._codec = decoder
        self._resampler: Any = AudioResampler("s16", "mono", DECODED_HZ)
        self._in_step = codec == "opus"  # a client that reconnects may go on within a frame of AAC
        self._unread = 0  # bytes since the last packet that was decoded

    def decode(self, data: bytes) -> bytes:
        from av import FFmpegError, Packet

        if not data:
            return b""
        self._unread += len(data)
        samples = bytearray()
        for packet in [Packet(data)] if self._name == "Opus" else self._codec.parse(data):
            try:
                for frame in self._codec.decode(packet):
                    frame.pts = None  # a packet without a time
                    samples += _samples(self._resampler.resample(frame))
            except FFmpegError as e:
                if self._in_step:
                    raise _bad(f"{self._name} packet", str(e)) from e
            else:
                self._in_step, self._unread = True, 0
        if self._unread > _LONGEST_ADTS_BYTES:  # the parser would wait for a frame for ever
            raise _bad("AAC packet", f"{_INVALID}: 'avcodec_send_packet()'")
        return bytes(samples)

    def finish(self) -> bytes:
        return _samples(self._resampler.resample(None))


class OggOpusDecoder:
    """Decodes an Ogg Opus stream, or several, one after the other."""

    def __init__(self) -> None:
        self._reader = PageReader()
        self._packets = PacketDecoder("opus")
        self._headers_left = 0  # packets of a stream that hold no audio
        self._begun = False
        self._skip = 0  # bytes that are not heard: the codec's delay
        self._given = 0  # bytes of this stream
        self._skipped_granules = 0

    def decode(self, data: bytes) -> bytes:
        samples = bytearray()
        try:
            for page in self._reader.feed(data):
                samples += self._page(page)
                if len(samples) > _MOST_BYTES_A_MESSAGE:
                    raise BadOgg("it never ends")
        except BadOgg as e:
            raise _bad("Ogg Opus stream", _INVALID) from e
        return bytes(samples)

    def finish(self) -> bytes:
        return self._heard(self._packets.finish())

    def _page(self, page: Page) -> bytes:
        samples = bytearray()
        if page.flags & FIRST:
            samples += self._heard(self._packets.finish())
            self._packets = PacketDecoder("opus")
            self._headers_left, self._begun = 2, True
        if not self._begun:
            raise BadOgg("it does not begin")
        for packet in page.packets:
            if self._headers_left:
                self._header(packet)
            else:
                samples += self._heard(self._packets.decode(packet))
        if page.flags & LAST:
            samples += self._heard(self._packets.finish())
            self._packets, self._begun = PacketDecoder("opus"), False
            heard = 2 * (max(0, page.granule - self._skipped_granules) * DECODED_HZ // _OPUS_HZ)
            over = max(0, self._given - heard)
            if over:
                del samples[-over:]
        return bytes(samples)

    def _header(self, packet: bytes) -> None:
        magic = (b"OpusTags", b"OpusHead")[self._headers_left - 1]
        if not packet.startswith(magic):
            raise BadOgg("it is not Opus")
        self._headers_left -= 1
        if magic == b"OpusHead":
            self._skipped_granules = int.from_bytes(packet[10:12], "little")
            self._skip = 2 * (self._skipped_granules * DECODED_HZ // _OPUS_HZ)
            self._given = 0

    def _heard(self, samples: bytes) -> bytes:
        skipped = min(self._skip, len(samples))
        self._skip -= skipped
        self._given += len(samples) - skipped
        return samples[skipped:]


def _samples(frames: list[Any]) -> bytes:
    return b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in frames)


def _bad(what: str, why: str) -> BadAudio:
    return BadAudio(f"User Input Validation Error: Failed to decode {what}: {why}")
