"""Samples that need no decoder: of a WAV file, of a pipe, of a program that decodes for us."""

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from transcribe_cli.audio.convert import PcmConverter
from transcribe_cli.audio.source import SourceEvent, SourceWarning
from transcribe_cli.audio.wav import WavHeader, WavSamples
from transcribe_cli.errors import AudioError

BLOCK_S = 0.25
_MOST_BLOCK_BYTES = 1 << 20
_LEAST_HZ, _MOST_HZ = 1000, 1_000_000


class BadRate(AudioError):
    """A rate that is a damaged header's: to resample from it could take all memory."""


class ByteStream(Protocol):
    """Bytes that come one after the other."""

    def read(self, count: int, /) -> bytes:
        """At most so many; empty at the end."""

    def close(self) -> None:
        """Give the stream back; harmless twice."""


class PcmSource:
    """A source whose samples are read as they are.

    16-bit mono at the session's rate passes bit for bit, and takes neither libsndfile nor numpy,
    whose imports are most of a short run.

    Args:
        header: what the samples look like.
        stop: called when the source is told to stop.
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
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        check_rate(name, header.rate_hz)
        self.name = name
        self.kind = kind
        self.live = kind != "file"
        self.path = path
        self.length_s: float | None = length_s
        self._stream = stream
        self._samples = WavSamples(stream, header.data_bytes)
        self._header = header
        self._rate_hz = rate_hz
        self._stop = stop
        self._stopped = threading.Event()

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The samples, in blocks of `BLOCK_S` at most.

        Raises:
            AudioError: the disk fails.
        """
        header = self._header
        converter = PcmConverter(
            header, self._rate_hz, lambda text: report(SourceWarning(f"'{self.name}': {text}"))
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
            if self._samples.missing_bytes >= header.frame_bytes:
                report(SourceWarning(f"'{self.name}' ends before its header says it does"))

    def stop(self) -> None:
        """End `blocks` before the next block."""
        self._stopped.set()
        self._stop()

    def close(self) -> None:
        """Give back the stream."""
        self.stop()
        self._stream.close()


def check_rate(name: str, rate_hz: int) -> None:
    """Check the rate that a header names.

    Raises:
        BadRate: it is no rate of audio.
    """
    if not _LEAST_HZ <= rate_hz <= _MOST_HZ:
        raise BadRate(
            f"'{name}' has {rate_hz} samples a second, by its header: that is no audio.",
            "check what wrote it",
        )
