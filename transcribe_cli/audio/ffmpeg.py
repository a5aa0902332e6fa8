"""Media of a file or a pipe that ffmpeg decodes: it writes a WAV to a pipe, which is read as any.

ffmpeg may read only what the user named: no network, no playlist, no format that names files.
"""

import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from transcribe_cli.audio.media_tracks import WHITELISTS, choose_track, probe
from transcribe_cli.audio.pcm_source import PcmSource
from transcribe_cli.audio.source import SourceEvent, SourceNote, SourceWarning
from transcribe_cli.audio.wav import BadWav, read_header
from transcribe_cli.errors import AudioError
from transcribe_cli.system.child_process import child_variables

_ADVICE = "To ignore this"
_REPEATED = "Last message repeated"
_PICTURES = tuple(f"{codec}: " for codec in "h264 hevc mpeg2video mpeg4 vp8 vp9 av1 mjpeg".split())
_SOURCE = re.compile(r"^(file:.*|pipe:0): (?=[^:]*$)")  # ffmpeg's name of what it reads
_NEVER_BEGAN = (126, 127)  # exit codes of a loader that finds no library, or no memory for one
_MOST_SHORT_S, _MOST_SHORT_SHARE = 0.5, 0.01  # errors of this size in a container are usual


def is_installed() -> bool:
    """Whether ffmpeg is installed."""
    return shutil.which("ffmpeg") is not None


class FfmpegSource:
    """The audio that ffmpeg decodes from a file or a pipe.

    Args:
        given: ffmpeg's input options and `-i`.
        stdin: what ffmpeg reads, or a pipe to feed it by.
        channel: the channel to take, from 0; None: all, mixed; `EACH`: all, side by side.
        note: a note that is reported when the audio begins.
        heeds_complaints: ffmpeg's complaints mean damage. Not so for MP3, where it also complains
            if one file follows another.

    Attributes:
        faults: what is known to be wrong with the media.
        promised_s: the length that the headers give.

    Raises:
        AudioError: there is no audio that can be decoded here.
    """

    path: str | None = None
    is_cut = False  # we ended what ffmpeg is fed

    def __init__(
        self,
        given: list[str],
        rate_hz: int,
        *,
        name: str,
        kind: str,
        track: int = 0,
        stdin: int = subprocess.DEVNULL,
        length_s: float | None = None,
        channel: int | None = None,
        note: str | None = None,
        heeds_complaints: bool = True,
    ) -> None:
        self.kind = kind
        self.live = kind != "file"
        self._length_s = self.promised_s = length_s
        self._note = note
        self._heeds_complaints = heeds_complaints
        self._stopped = threading.Event()
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.process = subprocess.Popen(
            [
                *("ffmpeg", "-nostdin", "-v", "error", *WHITELISTS),
                # Unnamed channels must stay so: ffmpeg would guess which speakers they are for.
                *("-guess_layout_max", "0", *given, "-map", f"0:a:{track}"),
                *("-c:a", "pcm_f32le", "-f", "wav", "-flush_packets", "1", "pipe:1"),
            ],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=self._messages,  # no pipe: a damaged file fills one, and ffmpeg would block
            start_new_session=True,  # so that Ctrl+C does not reach it
            env=child_variables(),
        )
        self._track = track
        self._channel = channel
        self._rate_hz = rate_hz
        self._name = name
        self._pcm: PcmSource | None = None
        self.faults: list[str] = []

    @property
    def name(self) -> str:
        """The name for people."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = name
        if self._pcm is not None:
            self._pcm.name = name

    @property
    def length_s(self) -> float | None:
        """The duration in seconds; None if it is not known."""
        return self._length_s

    @property
    def channels(self) -> int:
        """The number of channels in its blocks; known once it has begun."""
        return 1 if self._pcm is None else self._pcm.channels

    def begin(self) -> None:
        """Wait until ffmpeg has found the audio.

        Raises:
            AudioError: ffmpeg finds no audio.
        """
        stdout = self.process.stdout
        assert stdout is not None
        try:
            header = read_header(stdout)
        except BadWav as e:
            stdout.close()  # so that ffmpeg does not block if it wrote something else
            said = self._said()
            self.close()
            if self.process.returncode in _NEVER_BEGAN:
                raise AudioError(
                    f"The program ffmpeg cannot start: {said}.",
                    "see whether 'ffmpeg -version' works, and whether memory is limited",
                ) from e
            what = "Standard input" if self.kind == "stdin" else f"'{self._name}'"
            if "matches no streams" in said and self._track:
                number = self._track + 1
                raise AudioError(
                    f"{what} has no audio track {number}.", "choose a lower --track"
                ) from e
            if "matches no streams" in said:
                raise AudioError(f"{what} has no audio track.", "check what wrote it") from e
            raise AudioError(
                f"{what} is no audio that is known here"
                + (f" (ffmpeg says: {said})." if said else "."),
                "check that all of it is there, and that it has an audio track",
            ) from e
        try:
            self._pcm = PcmSource(
                *(stdout, header, self._rate_hz),
                name=self._name,
                kind=self.kind,
                channel=self._channel,
            )
        except AudioError:  # there is no such channel
            stdout.close()
            self.close()
            raise

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The audio of the chosen track.

        Raises:
            AudioError: the media are damaged.
        """
        if self._pcm is None:
            self.begin()
        assert self._pcm is not None
        if self._note:
            report(SourceNote(self._note))
        given = 0
        for block in self._pcm.blocks(report):
            given += len(block)
            yield block
            if self._stopped.is_set():
                return
        if self._stopped.is_set() or self.is_cut:
            return
        if self.process.wait() != 0:
            raise AudioError(
                f"'{self.name}' is damaged (ffmpeg says: {self._said()}).",
                "what came before the damage is transcribed",
            )
        read_s = given / 2 / self.channels / self._rate_hz
        if is_short(read_s, self.promised_s):
            text = (
                f"'{self.name}' is damaged or cut off: {read_s:.1f} s of {self.promised_s:.1f} s "
            )
            said = self._said()
            text += "could be read" + (f" (ffmpeg says: {said})" if said else "")
            report(SourceWarning(text))
        elif faults := self.all_faults():
            for text in faults:
                report(SourceWarning(f"'{self.name}' {text}"))
        elif self._heeds_complaints and (said := self._said()):
            report(SourceWarning(f"'{self.name}' is damaged or cut off (ffmpeg says: {said})"))

    def all_faults(self) -> list[str]:
        """All that is wrong with the media; called when they have been read."""
        return self.faults

    def _said(self) -> str:
        self.process.wait()
        self._messages.seek(0)
        return last_complaint(self._messages.read().decode(errors="replace"))

    def stop(self) -> None:
        """End `blocks` before the next block."""
        self._stopped.set()
        if self._pcm is not None:
            self._pcm.stop()

    def close(self) -> None:
        """End ffmpeg."""
        self.stop()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._messages.close()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def last_complaint(said: str) -> str:
    """The last line of ffmpeg's messages that is about the audio. Pure.

    >>> last_complaint("[aac @ 0x55f9] Input buffer exhausted\\n    Last message repeated 2 times")
    'aac: Input buffer exhausted'
    """
    complaints = ""
    for line in said.splitlines():
        told = re.sub(r"^\[([^\]@]+) @ 0x[0-9a-f]+\] *", r"\1: ", line.strip())
        told = _SOURCE.sub("", told)
        if told and not told.startswith((_ADVICE, _REPEATED, *_PICTURES)):
            complaints = told
    return complaints


def is_short(read_s: float, promised_s: float | None) -> bool:
    """Whether so much less was read than the container promises that it is no usual error."""
    if promised_s is None:
        return False
    return promised_s - read_s > max(_MOST_SHORT_S, _MOST_SHORT_SHARE * promised_s)


def open_with_ffmpeg(
    path: Path,
    rate_hz: int,
    track: int | None = None,
    *,
    channel: int | None = None,
    knows_length: bool = True,
    heeds_complaints: bool = True,
) -> FfmpegSource:
    """A source for a file of any media that ffmpeg knows.

    Args:
        track: number of the audio track, from 1; None: the file's default one.
        channel: number of the channel, from 0; None: all of them, mixed.
        knows_length: the container's length can be trusted.
        heeds_complaints: as in `FfmpegSource`.

    Raises:
        AudioError: there is no such track, or no audio that can be decoded here.
    """
    tracks = probe(path)
    chosen, note = choose_track(tracks, track, path.name)
    length_s = tracks[chosen].duration_s if knows_length and chosen < len(tracks) else None
    source = FfmpegSource(
        ["-i", f"file:{path}"],
        rate_hz,
        name=path.name,
        kind="file",
        track=chosen,
        length_s=length_s,
        channel=channel,
        note=note,
        heeds_complaints=heeds_complaints,
    )
    source.path = str(path.resolve())
    source.begin()
    return source
