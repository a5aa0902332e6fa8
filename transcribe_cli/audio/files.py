"""Audio files: what libsndfile reads, and other media through ffmpeg where it is installed."""

import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from transcribe_cli.audio.plain_wav_source import open_plain
from transcribe_cli.audio.source import Source, SourceEvent, SourceWarning
from transcribe_cli.errors import AudioError
from transcribe_cli.settings.environment import child_variables

BLOCK_S = 0.25
_UNKNOWN_FRAMES = 1 << 62
_UNKNOWN_SIZE = 0xFFFFFFFF
_FFMPEG_HINT = "if it is a video, m4a, aac or webm file, install ffmpeg; else convert it to WAV"


def open_file(path: Path, rate_hz: int) -> Source:
    """A source for a path, whichever way it can be read.

    Raises:
        AudioError: it is missing, a directory, unreadable, empty, or holds no audio.
    """
    _check(path)
    if plain := open_plain(path, rate_hz, _block_frames(rate_hz)):
        return plain
    import soundfile

    try:
        file = _in_order(soundfile.SoundFile)(str(path))
    except soundfile.LibsndfileError as e:
        if shutil.which("ffmpeg"):
            return FfmpegFile(path, rate_hz)
        raise AudioError(f"'{path}' is no audio that can be read here.", _FFMPEG_HINT) from e
    if file.frames == 0:
        file.close()
        raise AudioError(
            f"'{path}' holds no audio, by its header.",
            f"if there is some after all, pipe it in: cat '{path}' | aai-stream file -",
        )
    return AudioFile(file, path, rate_hz)


def _block_frames(rate_hz: int) -> int:
    return max(1, round(rate_hz * BLOCK_S))


def _in_order(sound_file: Any) -> Any:
    """libsndfile's class without its seeks: they fail in a FLAC that was written to a pipe."""
    return type("_InOrder", (sound_file,), {"seekable": lambda _: False})


def _check(path: Path) -> None:
    try:
        if path.is_dir():
            raise AudioError(f"'{path}' is a directory.", "name the files in it")
        if path.exists() and not path.is_file():
            # To open it would take its first bytes away.
            raise AudioError(
                f"'{path}' is no file, but a pipe or a device.",
                f"pipe it in: cat '{path}' | aai-stream file -",
            )
        with path.open("rb") as file:
            if not file.read(1):
                raise AudioError(f"'{path}' is empty.", "check what wrote it")
    except FileNotFoundError as e:
        raise AudioError(f"There is no file '{path}'.", "check the name and the folder") from e
    except OSError as e:
        raise AudioError(
            f"'{path}' cannot be read: {e.strerror or e}.", "check its permissions"
        ) from e


def _ends_early(extra_info: str) -> bool:
    """libsndfile notes a header that promises more than there is, and reads what there is."""
    found = re.search(r"(?:data|SSND) : (\d+) \(should be (\d+)\)", extra_info)
    if found is None:
        return False
    promised, there = map(int, found.groups())
    return there < promised < _UNKNOWN_SIZE


class AudioFile:
    """A file that libsndfile reads."""

    kind = "file"
    live = False
    length_s: float | None
    path: str | None

    def __init__(self, file: Any, path: Path, rate_hz: int) -> None:
        self.name = path.name
        self.path = str(path.resolve())
        # A FLAC that was written to a pipe does not know how long it is.
        self.length_s = file.frames / file.samplerate if file.frames < _UNKNOWN_FRAMES else None
        self._file = file
        self._rate_hz = rate_hz
        self._stopped = threading.Event()

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The file's audio in blocks of `BLOCK_S`."""
        import soundfile

        from transcribe_cli.audio.convert import MonoConverter

        file = self._file
        if _ends_early(file.extra_info):
            report(SourceWarning(f"'{self.name}' ends before its header says it does"))
        count = _block_frames(file.samplerate)
        # 16-bit mono at the right rate goes through bit for bit; all else goes through floats,
        # because libsndfile does not scale float files that are read as integers.
        plain = file.subtype == "PCM_16" and file.channels == 1
        plain = plain and file.samplerate == self._rate_hz
        converter = None if plain else MonoConverter(file.samplerate, self._rate_hz)
        while not self._stopped.is_set():
            try:
                if converter is None:
                    block = file.read(count, dtype="int16").astype("<i2", copy=False).tobytes()
                    ended = not block
                else:
                    frames = file.read(count, dtype="float32", always_2d=True)
                    block = converter.convert(frames)
                    ended = not len(frames)
            except soundfile.LibsndfileError as e:
                raise AudioError(
                    f"'{self.name}' is damaged: {e}.", "what came before the damage is transcribed"
                ) from e
            if ended:
                break
            yield block
        if converter is not None and not self._stopped.is_set():
            yield converter.flush()

    def stop(self) -> None:
        """End `blocks` before the next block."""
        self._stopped.set()

    def close(self) -> None:
        """Close the file."""
        self.stop()
        self._file.close()


class FfmpegFile:
    """A file that ffmpeg reads: any media with an audio track, from this machine only."""

    kind = "file"
    live = False
    length_s: float | None = None
    path: str | None

    def __init__(self, path: Path, rate_hz: int) -> None:
        self.name = path.name
        self.path = str(path.resolve())
        self._path = path
        self._stopped = threading.Event()
        self._block_bytes = 2 * round(rate_hz * BLOCK_S)
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            # Local files only: a playlist must not make ffmpeg fetch something.
            [
                *"ffmpeg -nostdin -v error -protocol_whitelist file,pipe,crypto,data -i".split(),
                f"file:{path}",
                *f"-map 0:a:0 -f s16le -ac 1 -ar {rate_hz} pipe:1".split(),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._messages,  # no pipe: a damaged file fills one, and ffmpeg would wait
            start_new_session=True,  # Ctrl+C is ours to handle
            env=child_variables(),
        )
        assert self._process.stdout is not None
        self._first = self._process.stdout.read(self._block_bytes)
        if not self._first:
            said = self._said()
            self.close()
            raise AudioError(
                f"'{path}' is no audio that can be read here"
                + (f" (ffmpeg says: {said})." if said else "."),
                "check that it has an audio track",
            )

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The first audio track, in blocks of `BLOCK_S`."""
        assert self._process.stdout is not None
        block = self._first
        while block and not self._stopped.is_set():
            yield block
            block = self._process.stdout.read(self._block_bytes)
        if not self._stopped.is_set() and self._process.wait() != 0:
            raise AudioError(
                f"'{self.name}' is damaged (ffmpeg says: {self._said()}).",
                "what came before the damage is transcribed",
            )

    def _said(self) -> str:
        self._process.wait()
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def stop(self) -> None:
        """End `blocks` before the next block."""
        self._stopped.set()

    def close(self) -> None:
        """End ffmpeg."""
        self.stop()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._messages.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
