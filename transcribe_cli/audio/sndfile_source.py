"""Audio files that libsndfile reads."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from transcribe_cli.audio.ffmpeg import is_short
from transcribe_cli.audio.format import EACH
from transcribe_cli.audio.pcm_source import BLOCK_S, check_channel, check_rate
from transcribe_cli.audio.source import Source, SourceEvent, SourceWarning
from transcribe_cli.errors import AudioError
from transcribe_cli.system.stderr_redirect import libraries_are_silent

_UNKNOWN_FRAMES = 1 << 62
_UNKNOWN_SIZE = 0xFFFFFFFF
_MOST_BLOCK_VALUES = 1 << 20
_GOES_ON = "install ffmpeg to hear what follows the damage"
_HINT = "install ffmpeg for video, m4a, aac or webm; convert other kinds to WAV"


class Damaged(AudioError):
    """A source is damaged and cannot be read on."""


class SndfileSource:
    """A file that libsndfile reads.

    Args:
        channel: the channel to take, from 0; None: all, mixed; `EACH`: all, side by side.
        content: a binary file that is read instead of the path, which then only names it.
        masks: by number of channels, which speakers they are for, as in WAVE_FORMAT_EXTENSIBLE.

    Attributes:
        channels: number of channels in the blocks.
        faults: what else is wrong with the file; reported at its beginning.
        instead: opens a source that reads on behind damage, which libsndfile cannot.
        begins_s: the time of its first sample in all that is heard, in seconds.

    Raises:
        AudioError: the file holds no audio that libsndfile can read.
    """

    kind = "file"
    live = False
    length_s: float | None
    path: str | None

    def __init__(
        self,
        path: Path,
        rate_hz: int,
        channel: int | None = None,
        content: object = None,
        masks: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        import soundfile

        self.name = path.name
        self.path = str(path.resolve())
        self.faults: list[str] = []
        self.instead: Callable[[], Source] | None = None
        self.begins_s = 0.0
        self._rate_hz = rate_hz
        self._channel = channel
        self._masks = masks
        self._stopped = threading.Event()
        with contextlib.ExitStack() as stack:
            # libmpg123 prints its complaints about a file.
            stack.enter_context(libraries_are_silent())
            # soundfile's seeks are switched off: they fail in a FLAC that was written to a pipe.
            in_order = type("_InOrder", (soundfile.SoundFile,), {"seekable": lambda _: False})
            try:
                self._file: Any = in_order(str(path) if content is None else content)
            except (soundfile.LibsndfileError, TypeError) as e:  # TypeError for `.raw`
                raise AudioError(f"'{path}' is no audio that is known here.", _HINT) from e
            stack.callback(self._file.close)
            check_rate(path.name, self._file.samplerate)
            check_channel(path.name, self._file.channels, channel)
            self.channels = self._file.channels if channel == EACH else 1
            if self._file.frames == 0:
                raise AudioError(f"'{path}' holds no audio, by its header.", _HINT)
            self._in_use = stack.pop_all()
        # A FLAC that was written to a pipe does not contain its length.
        frames = self._file.frames
        self.length_s = frames / self._file.samplerate if frames < _UNKNOWN_FRAMES else None

    @property
    def file_channels(self) -> int:
        """The number of channels in the file."""
        return int(self._file.channels)

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The file's audio in blocks of at most `BLOCK_S`.

        Raises:
            Damaged: when the damage is reached, if `instead` is None.
        """
        import numpy as np
        import soundfile

        from transcribe_cli.audio.convert import Converter

        file = self._file
        if _ends_early(file.extra_info):
            report(SourceWarning(f"'{self.name}' ends before its header says it does"))
        for text in self.faults:
            report(SourceWarning(f"'{self.name}' {text}"))
        count = min(round(file.samplerate * BLOCK_S), _MOST_BLOCK_VALUES // file.channels)
        # 16-bit mono at the right rate goes through bit for bit; all else goes through floats,
        # because libsndfile does not scale float files that are read as integers.
        plain = file.subtype == "PCM_16" and file.channels == 1
        plain = plain and file.samplerate == self._rate_hz
        converter = None
        if not plain:
            converter = Converter(
                file.samplerate,
                self._rate_hz,
                self._masks.get(file.channels, 0),
                warn=lambda text: report(SourceWarning(f"'{self.name}': {text}")),
                channel=self._channel,
                channels=file.channels,
            )
        read = given = 0
        fault: Exception | None = None
        while fault is None and not self._stopped.is_set():
            frames = np.zeros((count, file.channels), "int16" if converter is None else "float32")
            try:
                frames = file.read(out=frames)
            except soundfile.LibsndfileError as e:
                fault = e
                frames = frames[: max(0, file.tell() - read)]
            if not len(frames):
                break
            read += len(frames)
            if converter is None:
                block = frames.astype("<i2", copy=False).tobytes()
            else:
                block = converter.convert(frames)
            given += len(block)
            yield block
        if self._stopped.is_set():
            return
        if converter is not None:
            block = converter.flush()
            given += len(block)
            yield block
        if fault is None:
            missing = 0 if self.length_s is None else file.frames - read
            if self.length_s is not None and missing > file.samplerate * BLOCK_S:
                report(_cut_off(self.name, read / file.samplerate, self.length_s))
            return
        at_s = self.begins_s + read / file.samplerate
        if self.instead is None:
            said = str(fault).removeprefix("Error : ")
            raise Damaged(f"'{self.name}' is damaged at {at_s:.1f} s: {said}.", _GOES_ON) from fault
        report(damaged(self.name, at_s))
        with contextlib.closing(self.instead()) as source:
            for block in behind(given, source):
                if self._stopped.is_set():
                    return
                given += len(block)
                yield block
        if self.length_s is not None:
            given_s = given / 2 / self.channels / self._rate_hz
            tell_if_short(self.name, given_s, self.length_s, report)

    def stop(self) -> None:
        """End `blocks` before the next block."""
        self._stopped.set()

    def close(self) -> None:
        """Close the file."""
        self.stop()
        self._in_use.close()


def behind(given: int, source: Source) -> Iterator[bytes]:
    """The audio of another reader of the same file, without its first `given` bytes."""
    for block in source.blocks(lambda event: None):  # the damage has been reported already
        if len(block) > given:
            yield block[given:]
        given = max(0, given - len(block))


def damaged(name: str, at_s: float) -> SourceWarning:
    """The warning for damage behind which audio is still heard."""
    return SourceWarning(f"'{name}' is damaged at {at_s:.1f} s: words may be missing there")


def tell_if_short(
    name: str, read_s: float, length_s: float, report: Callable[[SourceEvent], None]
) -> None:
    """Report if less was read than the container promises."""
    if is_short(read_s, length_s):
        report(_cut_off(name, read_s, length_s))


def _cut_off(name: str, read_s: float, length_s: float) -> SourceWarning:
    return SourceWarning(
        f"'{name}' is damaged or cut off: {read_s:.1f} s of {length_s:.1f} s could be read"
    )


def _ends_early(extra_info: str) -> bool:
    """Whether the header promises more than there is, as libsndfile notes in `extra_info`."""
    found = re.search(r"(?:data|SSND) : (\d+) \(should be (\d+)\)", extra_info)
    if found is None:
        return False
    promised, there = map(int, found.groups())
    return there < promised < _UNKNOWN_SIZE
