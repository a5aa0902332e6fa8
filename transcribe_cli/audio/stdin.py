"""Standard input: decoded while it arrives if its first bytes are known; else raw s16le mono."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from transcribe_cli.audio import ffmpeg
from transcribe_cli.audio.containers import (
    FLAC,
    HEAD_BYTES,
    MP3,
    MP4,
    NEED_SEEKING,
    WAV,
    Container,
    id3_bytes,
    index_is_last,
    is_playlist,
    is_text,
    recognise,
    what_else,
)
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.flac_source import FlacSource, is_read_here
from transcribe_cli.audio.pcm_source import PcmSource
from transcribe_cli.audio.pipe import READ_BYTES, Pipe, StdinPipe
from transcribe_cli.audio.piped_media import Streamed
from transcribe_cli.audio.raw_samples import what_is_unlikely
from transcribe_cli.audio.source import Source, SourceEvent, channels_of
from transcribe_cli.audio.wav import BadWav, WavHeader, read_header
from transcribe_cli.errors import AudioError

_EMPTY = f"{StdinPipe.named} holds no audio."
_HEAD_WAIT_S = 0.2
_MOST_HEADER_BYTES = 1 << 20
_RAW_HEAD_BYTES = 1 << 15  # 2 s of mu-law, which may begin with silence


def open_stdin(
    stream: IO[bytes],
    rate_hz: int,
    note: Callable[[str], None] = lambda text: None,
    *,
    track: int | None = None,
    channel: int | None = None,
    raw: bool = False,
) -> Source:
    """A source for a binary stream.

    Args:
        note: called with a text if nothing can be heard before all input has come.
        track: number of the audio track, from 1; None: the default one, or the first.
        channel: number of the channel, from 0; None: all of them, mixed.
        raw: the input is s16le mono at `rate_hz`, whatever it looks like.

    Raises:
        AudioError: the input is a terminal, is empty, or cannot be read here.
    """
    if stream.isatty():
        raise AudioError(
            "Standard input is a terminal, not audio.",
            "pipe audio into it: arecord -f S16_LE -r 16000 | aai-stream file -",
        )
    pipe = StdinPipe(stream)
    head = pipe.peek(HEAD_BYTES, _HEAD_WAIT_S)
    if not head:
        raise AudioError(_EMPTY, "check the program before the pipe")
    container = None
    if not raw:
        head, container = look(pipe, _HEAD_WAIT_S)
    if container is None:
        if not raw:
            _check_raw(pipe.peek(_RAW_HEAD_BYTES, 0.0))
        return _pcm(pipe, WavHeader(rate_hz, 1, "<i2", None), rate_hz, channel)
    return open_container(pipe, container, head, rate_hz, note, track=track, channel=channel)


def look(pipe: Pipe, wait_s: float) -> tuple[bytes, Container | None]:
    """The first bytes of a pipe after any tags, and their container; None if it is not known."""
    head = pipe.peek(HEAD_BYTES, wait_s)
    has_tags = False
    while head.startswith(b"ID3"):  # tags may come before any media
        has_tags = True
        pipe.skip(id3_bytes(head[:10]))
        head = pipe.peek(HEAD_BYTES, wait_s)
    return head, recognise(head) or (MP3 if has_tags else None)


def open_container(
    pipe: Pipe,
    container: Container,
    head: bytes,
    rate_hz: int,
    note: Callable[[str], None],
    *,
    track: int | None = None,
    channel: int | None = None,
) -> Source:
    """A source for a pipe of known media that begins with `head`.

    Raises:
        AudioError: the media cannot be decoded here.
    """
    if container == WAV and (header := _wav_header(pipe)):
        return _pcm(pipe, header, rate_hz, channel)
    if container == FLAC and is_read_here(head, track):
        return FlacSource(*(pipe, rate_hz, channel), name=pipe.name, kind=pipe.kind, stop=pipe.stop)
    if _can_stream(pipe.name, container, head, note):
        return Streamed(pipe, container, rate_hz, track, channel)
    return _Spooled(pipe, rate_hz, track, channel)


def _pcm(pipe: Pipe, header: WavHeader, rate_hz: int, channel: int | None) -> PcmSource:
    if len(pipe.peek(header.frame_bytes)) < header.frame_bytes:  # no session needs to be billed
        raise AudioError(f"{pipe.named} holds no audio.", "check what wrote it")
    return PcmSource(
        pipe, header, rate_hz, name=pipe.name, kind=pipe.kind, channel=channel, stop=pipe.stop
    )


def _wav_header(pipe: Pipe) -> WavHeader | None:
    """The header of a WAV of plain samples; None for one that must be decoded."""
    kept = _Kept(pipe)
    try:
        return read_header(kept)
    except BadWav:
        pipe.unread(bytes(kept.data))
        return None


def _can_stream(name: str, container: Container, head: bytes, note: Callable[[str], None]) -> bool:
    """Whether the media can be decoded while they arrive; if not, `note` is called with why."""
    if not ffmpeg.is_installed():
        note(f"{name} is {container.name}: without ffmpeg nothing is heard before its end")
    elif container == MP4 and index_is_last(head) is not False:
        note(f"{name} is MP4 with its index at the end: nothing is heard before that has come")
    elif container in NEED_SEEKING:
        note(f"{name} is {container.name}: nothing is heard before its end")
    else:
        return True
    return False


def _check_raw(head: bytes) -> None:
    """Refuse input that is not samples, before it is sent as noise.

    Raises:
        AudioError: it is text, or looks like nothing that a microphone gives.
    """
    hint = "if it is 16-bit mono samples at --sample-rate after all, say --raw"
    if (kind := what_else(head)) is not None:
        what = f"is {kind}, not audio"
    elif is_playlist(head) or is_text(head):
        what = "is text, not audio"
    elif (unlikely := what_is_unlikely(head)) is not None:
        what = unlikely
        hint = "give it a header: ffmpeg -f mulaw -ar 8000 -i - -f wav - (s16le: --raw)"
    else:
        return
    raise AudioError(f"Standard input {what}.", hint)


class _Kept:
    """A reader that keeps the bytes it has returned."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self.data = bytearray()

    def read(self, count: int, /) -> bytes:
        """As the pipe's `read`; returns nothing once there is more than a header may have."""
        if len(self.data) > _MOST_HEADER_BYTES:
            return b""
        part = self._pipe.read(count)
        self.data += part
        return part


class _Spooled:
    """A container on a pipe that must be complete: it is copied to a temporary file and read there.

    All input is read before a session is opened, since a session is billed while it waits.
    """

    live = False
    path: str | None = None

    def __init__(self, pipe: Pipe, rate_hz: int, track: int | None, channel: int | None) -> None:
        self.name, self.kind = pipe.name, pipe.kind
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="aai-stream-"))
            path = Path(folder) / "stdin"
            with path.open("wb") as file:
                while data := pipe.read(READ_BYTES):
                    file.write(data)
            try:
                self._inner = open_file(path, rate_hz, track, channel)
            except AudioError as e:
                told = e.message.replace(str(path), path.name).replace(f"'{path.name}'", pipe.named)
                raise AudioError(told, e.hint) from e
            self._inner.name = pipe.name
            self.channels = channels_of(self._inner)
            stack.callback(self._inner.close)
            self._open = stack.pop_all()

    @property
    def length_s(self) -> float | None:
        """The duration in seconds; None if it is not known."""
        return self._inner.length_s

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The decoded audio."""
        return self._inner.blocks(report)

    def stop(self) -> None:
        """End the reading."""
        self._inner.stop()

    def close(self) -> None:
        """Remove the temporary file."""
        self._open.close()
