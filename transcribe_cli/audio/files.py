"""Opens audio files: WAV with our own reader, many with libsndfile, other media with ffmpeg."""

from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from transcribe_cli.audio.pcm_source import BadRate, NoSuchChannel, PcmSource
from transcribe_cli.audio.source import Source
from transcribe_cli.audio.wav import BadWav, begins_wav, ends_samples, read_header
from transcribe_cli.errors import AudioError

if TYPE_CHECKING:
    from transcribe_cli.audio.sndfile_source import SndfileSource

_HEAD_BYTES = 4096
_WITHOUT_HEADER = frozenset(
    ".raw .pcm .s16 .s16le .sw .sln .ul .ulaw .mulaw .al .alaw .g711".split()
)
_FIRST_ONLY = (
    "is several files in one, and only the first is read here: install ffmpeg for all of it"
)


def open_file(
    path: Path, rate_hz: int, track: int | None = None, channel: int | None = None
) -> Source:
    """A source for a path, with the reader that can read it.

    Args:
        track: number of the audio track, from 1; None: the file's default one.
        channel: number of the channel, from 0; None: all of them, mixed.

    Raises:
        AudioError: the file is missing, a directory, unreadable, empty, or holds no audio.
    """
    tag_bytes, head = _head_of(path)
    if head[8:12] == b"WAVE" and track in (None, 1) and (wav := _open_wav(path, rate_hz, channel)):
        return wav

    # Imported here, because most runs do not need them.
    from transcribe_cli.audio import ffmpeg
    from transcribe_cli.audio.concatenated_files import is_concatenated, promised_by_mp3s, unheard
    from transcribe_cli.audio.containers import FLAC, MP3, is_playlist, recognise
    from transcribe_cli.audio.flac_source import FlacSource, is_read_here

    container = recognise(head) or (MP3 if tag_bytes else None)
    if is_playlist(head):
        raise AudioError(
            f"'{path}' is a playlist: it names other files, and holds no audio.",
            "name the files themselves",
        )
    if container is None and path.suffix.lower() in _WITHOUT_HEADER:
        raise AudioError(
            f"'{path}' holds no audio that is known here.",
            "for samples of 16 bits without a header: aai-stream file --raw - < FILE",
        )
    several = is_concatenated(path, container)
    if container == FLAC and is_read_here(head, track):
        with ExitStack() as opened:
            file = opened.enter_context(FileIO(path))
            file.seek(tag_bytes)
            flac = FlacSource(
                *(file, rate_hz, channel), name=path.name, kind="file", alone=not several
            )
            opened.pop_all()
        flac.path = str(path.resolve())
        return flac
    faults = unheard(path, container)
    if track is None and (found := _open_sndfile(path, rate_hz, several, channel)):
        found.faults += faults
        return found
    if not ffmpeg.is_installed():
        raise AudioError(f"'{path}' cannot be asked for its track {track}.", "install ffmpeg")
    source = ffmpeg.open_with_ffmpeg(
        *(path, rate_hz, track),
        channel=channel,
        knows_length=not several,
        heeds_complaints=container != MP3 or not several,
    )
    source.faults += faults
    if several and container == MP3:
        source.promised_s = promised_by_mp3s(path)
    return source


def _open_wav(path: Path, rate_hz: int, channel: int | None) -> PcmSource | None:
    """A source for a WAV whose samples need no decoder; None for any other."""
    file = FileIO(path)
    try:
        header = read_header(file)
        there_bytes = path.stat().st_size - file.tell()
        if not there_bytes // header.frame_bytes:
            raise AudioError(f"'{path}' holds no audio.", "check what wrote it")
        size, is_all = _true_size(file, header.data_bytes)
        header = header._replace(data_bytes=size)
        data_bytes = min(size or there_bytes, there_bytes) if is_all else there_bytes
        return PcmSource(
            file,
            header,
            rate_hz,
            name=path.name,
            kind="file",
            path=str(path.resolve()),
            length_s=data_bytes // header.frame_bytes / header.rate_hz,
            channel=channel,
        )
    except BadWav:
        file.close()
        return None
    except BaseException:
        file.close()
        raise


def _true_size(file: FileIO, size: int | None) -> tuple[int | None, bool]:
    """The size of the samples, and whether no other WAV follows them.

    The size is None where the header's is wrong or unknown.

    Args:
        file: stands before the first sample.
        size: the size in the header; None: unknown.
    """
    if size is None:
        return None, True
    at = file.tell()
    file.seek(at + size)
    after = file.read(9)
    file.seek(at)
    return (size if ends_samples(after, size) else None), not begins_wav(after, size)


def _open_sndfile(
    path: Path, rate_hz: int, several: bool, channel: int | None
) -> "SndfileSource | None":
    """A source that uses libsndfile; None if ffmpeg is installed and reads the file better.

    Args:
        several: the file consists of several.

    Raises:
        AudioError: libsndfile cannot read it, and ffmpeg is not installed.
    """
    from transcribe_cli.audio import ffmpeg
    from transcribe_cli.audio.sndfile_source import SndfileSource

    try:
        source = SndfileSource(path, rate_hz, channel)
    except AudioError as e:
        if ffmpeg.is_installed() and not isinstance(e, BadRate | NoSuchChannel):
            return None
        raise
    # libsndfile does not say which speaker a channel is for.
    if (several or source.file_channels > 2) and ffmpeg.is_installed():
        source.close()
        return None
    if several:
        source.faults.append(_FIRST_ONLY)
    elif ffmpeg.is_installed():
        source.instead = lambda: ffmpeg.open_with_ffmpeg(path, rate_hz, channel=channel)
    return source


def _head_of(path: Path) -> tuple[int, bytes]:
    """The length of the tags at the beginning, and the first bytes of the media after them."""
    try:
        if path.is_dir():
            raise AudioError(f"'{path}' is a directory.", "name the files in it")
        if path.exists() and not path.is_file():
            # Opening a pipe would take its first bytes away.
            raise AudioError(
                f"'{path}' is no file, but a pipe or a device.",
                "pipe it in: cat FILE | aai-stream file -",
            )
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            tag_bytes = 0
            while head.startswith(b"ID3"):
                from transcribe_cli.audio.containers import id3_bytes

                tag_bytes += id3_bytes(head[:10])
                file.seek(tag_bytes)
                head = file.read(_HEAD_BYTES)
    except FileNotFoundError as e:
        raise AudioError(f"There is no file '{path}'.", "check the name and the folder") from e
    except OSError as e:
        raise AudioError(
            f"'{path}' cannot be read: {e.strerror or e}.", "check its name and its permissions"
        ) from e
    if not head and not tag_bytes:
        raise AudioError(f"'{path}' is empty.", "check what wrote it")
    return tag_bytes, head
