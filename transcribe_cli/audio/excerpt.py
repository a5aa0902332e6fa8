"""A part of a source: a track and channel of it, from a start time, for a duration."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.source import (
    Source,
    SourceEvent,
    channels_of,
    event_within,
    version_of,
)
from transcribe_cli.errors import AudioError


class Range(NamedTuple):
    """A stretch from `start_s` on, for `duration_s`; None: to the end.

    Attributes:
        track: number of the audio track in a file, from 1; None: the default one.
        channel: number of the channel, from 0; None: all, mixed; `EACH`: all, side by side.
    """

    start_s: float = 0.0
    duration_s: float | None = None
    track: int | None = None
    channel: int | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self == EVERYTHING


EVERYTHING = Range()


class Excerpt:
    """A source that begins exactly at `start_s` of another source.

    Audio before the start is decoded and dropped. This works with every file and every pipe, and
    takes a second for an hour of audio.
    """

    def __init__(self, source: Source, part: Range, audio: AudioFormat) -> None:
        self.name, self.kind, self.live = source.name, source.kind, source.live
        self.path = source.path
        self.version = version_of(source)
        self.channels = channels_of(source)
        self._source = source
        audio = audio._replace(channels=self.channels)
        self._skip = audio.frames(part.start_s) * audio.frame_bytes
        self._most = None
        if part.duration_s is not None:
            self._most = audio.frames(part.duration_s) * audio.frame_bytes
        self._part = part
        self._bytes_per_s = audio.rate_hz * audio.frame_bytes

    @property
    def length_s(self) -> float | None:
        """The length of the stretch in seconds; None if the source's length is not known."""
        whole_s, part = self._source.length_s, self._part
        if whole_s is None:
            return None
        left_s = max(0.0, whole_s - part.start_s)
        return left_s if part.duration_s is None else min(left_s, part.duration_s)

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The blocks of the stretch; gaps are reported only as far as they lie in it.

        Raises:
            AudioError: the source broke, or ends before the stretch begins.
        """
        skip, left = self._skip, self._most
        given = cut = 0

        def pass_on(event: SourceEvent) -> None:
            told = event_within(event, given / self._bytes_per_s, cut / self._bytes_per_s)
            if told is not None:
                report(told)

        for block in self._source.blocks(pass_on):
            if skip >= len(block):
                skip -= len(block)
                continue
            block, skip = block[skip:], 0
            if left is not None:
                cut = max(0, len(block) - left)
                block = block[:left]
                left -= len(block)
            given += len(block)
            yield block
            if left == 0:
                self._source.stop()
                return
        if not given and self._skip:
            raise AudioError(
                f"'{self.name}' ends before {self._part.start_s:g} s.", "choose an earlier --start"
            )

    def stop(self) -> None:
        """End `blocks` soon."""
        self._source.stop()

    def close(self) -> None:
        """Close the source."""
        self._source.close()
