"""Samples that need no decoder: of a WAV file, of a pipe, or of a program that decodes for us."""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from transcribe_cli.audio.format import EACH
from transcribe_cli.audio.source import SourceEvent, SourceWarning
from transcribe_cli.audio.wav import WavHeader, WavSamples
from transcribe_cli.errors import AudioError

if TYPE_CHECKING:
    from transcribe_cli.audio.convert import Converter, Samples

BLOCK_S = 0.25
_MOST_BLOCK_BYTES = 1 << 20
_LEAST_HZ, _MOST_HZ = 1000, 1_000_000


class BadRate(AudioError):
    """A damaged header's rate: resampling from it could take all memory."""


class NoSuchChannel(AudioError):
    """The source has too few channels for what was asked for."""


class ByteStream(Protocol):
    """A stream of bytes."""

    def read(self, count: int, /) -> bytes:
        """Returns at most `count` bytes; empty at the end."""

    def close(self) -> None:
        """Close the stream; another call does nothing."""


class PcmSource:
    """A source that reads its samples without decoding.

    16-bit mono at the session's rate passes bit for bit, and needs neither libsndfile nor numpy,
    whose imports would be most of a short run.

    Args:
        header: the format of the samples.
        channel: the channel to take, from 0; None: all, mixed; `EACH`: all, side by side.
        stop: called when the source is told to stop.

    Attributes:
        channels: number of channels in the blocks.
    """

    def __init__(
        self,
        stream: ByteStream,
        header: WavHeader,
        rate_hz: int,
        *,
        name: str,
        kind: str,
        path: str | None = None,
        length_s: float | None = None,
        channel: int | None = None,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        check_rate(name, header.rate_hz)
        check_channel(name, header.channels, channel)
        self.channels = header.channels if channel == EACH else 1
        self.name = name
        self.kind = kind
        self.live = kind != "file"
        self.path = path
        self.length_s: float | None = length_s
        self._stream = stream
        self._samples = WavSamples(stream, header)
        self._header = header
        self._rate_hz = rate_hz
        self._channel = channel
        self._stop = stop
        self._stopped = threading.Event()

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The samples, in blocks of at most `BLOCK_S`.

        Raises:
            AudioError: the disk fails.
        """
        header = self._header
        converter = PcmConverter(
            header,
            self._rate_hz,
            lambda text: report(SourceWarning(f"'{self.name}': {text}")),
            channel=self._channel,
        )
        frames = max(1, round(header.rate_hz * BLOCK_S))
        count = min(frames * header.frame_bytes, _MOST_BLOCK_BYTES)
        while not self._stopped.is_set():
            try:
                data = self._samples.read(count)
            except OSError as e:
                raise AudioError(
                    f"'{self.name}' is damaged: {e.strerror or e}.",
                    "what came before the damage is transcribed",
                ) from e
            if not data:
                break
            if block := converter.convert(data):
                yield block
        if not self._stopped.is_set():
            if tail := converter.flush():
                yield tail
            if self._samples.has_other:
                report(
                    SourceWarning(
                        f"'{self.name}' is several files in one, and only the first is read: their "
                        "samples differ, so give each by itself"
                    )
                )
            elif self._samples.missing_bytes >= header.frame_bytes:
                report(SourceWarning(f"'{self.name}' ends before its header says it does"))

    def stop(self) -> None:
        """End `blocks` before the next block."""
        self._stopped.set()
        self._stop()

    def close(self) -> None:
        """Close the stream."""
        self.stop()
        self._stream.close()


def check_rate(name: str, rate_hz: int) -> None:
    """Check the rate that a header names.

    Raises:
        BadRate: audio cannot have this rate.
    """
    if not _LEAST_HZ <= rate_hz <= _MOST_HZ:
        raise BadRate(
            f"'{name}' is no audio: its header says {rate_hz} Hz.",
            "check what wrote it",
        )


def check_channel(name: str, channels: int, channel: int | None) -> None:
    """Check that a source has the wanted channel, counted from 0.

    Raises:
        NoSuchChannel: it has fewer channels; or only one, if each is to be kept apart.
    """
    if channel == EACH and channels < 2:
        raise NoSuchChannel(
            f"'{name}' has one channel, and no sides to keep apart.",
            "leave out --channels each; --speaker-labels tells voices apart",
        )
    if channel is not None and channel >= channels:
        raise NoSuchChannel(
            f"'{name}' has {channels} channel{'s' if channels > 1 else ''}, and no right one.",
            "leave out --channels",
        )


class PcmConverter:
    """Turns the bytes of interleaved PCM into s16le at one rate, mono or side by side.

    Samples that are in this form already pass unchanged. A frame cut by the end of a block is kept
    for the next one.
    """

    def __init__(
        self,
        source: WavHeader,
        to_hz: int,
        warn: Callable[[str], None] = lambda text: None,
        *,
        channel: int | None = None,
    ) -> None:
        self._source = source
        self._frame_bytes = source.frame_bytes
        self._rest = b""
        plain = source.encoding == "<i2" and source.rate_hz == to_hz
        plain = plain and (source.channels == 1 or channel == EACH)
        self._converter = None if plain else _converter(source, to_hz, warn, channel)

    def convert(self, data: bytes) -> bytes:
        """The converted samples of all whole frames so far."""
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        if self._converter is None:
            return data[:whole]
        return self._converter.convert(_to_float(data[:whole], self._source))

    def flush(self) -> bytes:
        """Returns the last samples of the resampler."""
        return b"" if self._converter is None else self._converter.flush()


def _converter(
    source: WavHeader, to_hz: int, warn: Callable[[str], None], channel: int | None
) -> "Converter":
    from transcribe_cli.audio.convert import Converter

    return Converter(
        *(source.rate_hz, to_hz, source.mask, warn), channel=channel, channels=source.channels
    )


def _to_float(data: bytes, source: WavHeader) -> "Samples":
    import numpy as np

    if source.encoding == "u1":
        values = (np.frombuffer(data, "u1").astype(np.float32) - 128) / 128
    elif source.encoding == "i24":
        # Each 3 bytes become the upper 3 of 4, which keeps the sign.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        values = wide.view("<i4").reshape(-1).astype(np.float32) / 2**31
    elif source.encoding.startswith("<i"):
        bits = 8 * int(source.encoding[-1])
        values = np.frombuffer(data, source.encoding).astype(np.float32) / 2 ** (bits - 1)
    else:
        values = np.frombuffer(data, source.encoding).astype(np.float32)
    frames: Samples = values.reshape(-1, source.channels).astype(np.float32, copy=False)
    return frames
