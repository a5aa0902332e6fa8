"""What a source is before it is open; finds those of `file` in its arguments, folders and lists."""

import codecs
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import transcribe_cli
from transcribe_cli.audio.excerpt import Range
from transcribe_cli.audio.format import EACH
from transcribe_cli.audio.source import Source
from transcribe_cli.errors import AudioError, UsageError
from transcribe_cli.protocol.endpoint import without_credentials
from transcribe_cli.settings.file_options import FileOptions
from transcribe_cli.settings.option_types import Channels

STDIN = "-"
SAMPLE = Path(transcribe_cli.__file__).parent / "sample" / "meeting.wav"
"""What `file --sample` transcribes; `samples/meeting.txt` has its words."""
_LIST = "it holds one path a line, in UTF-8"
_MEDIA = frozenset(
    ".aac .aif .aifc .aiff .amr .au .caf .flac .m4a .m4b .m4v .mka .mkv .mov .mp2 .mp3 .mp4 .mpga "
    ".oga .ogg .opus .rf64 .snd .w64 .wav .webm .wma".split()
)

_CHANNELS = {Channels.LEFT: 0, Channels.RIGHT: 1, Channels.EACH: EACH}


class SourceSpec(NamedTuple):
    """Which source to transcribe; it is not open yet.

    Attributes:
        name: a file's name, "stdin" or "mic"; kind: "file", "stdin", "address" or "mic".
        path: of a file, or an address without fragment, as it was given.
        tracks: what the channels of its log are, where it is not a microphone or a file alone.
        each: sessions of its own hear each of these.
    """

    name: str
    kind: str
    open: Callable[[], Source]
    path: str | None = None
    tracks: tuple[str, ...] = ()
    each: bool = False


class Sources(NamedTuple):
    """What to transcribe, in order.

    Attributes:
        paths: files, addresses, or `-` for standard input.
        many: a list, a folder or more than one file was named; then files that are complete
            already are not transcribed again.
    """

    paths: list[str]
    many: bool


def find_sources(paths: Sequence[str], from_list: str | None, stdin: BinaryIO) -> Sources:
    """Replace folders by the media files in them, and a list by the files that it names.

    Raises:
        UsageError: nothing is named, or the list cannot be read.
        AudioError: a folder holds no media.
    """
    found: list[str] = []
    folders = False
    for path in paths:
        if path != STDIN and os.path.isdir(path):  # noqa: PTH112 - raises nothing
            folders = True
            found += _media_in(Path(path))
        else:
            found.append(path)
    if from_list is not None:
        found += _read_list(from_list, stdin)
    if not found:
        raise UsageError(
            "There is nothing to transcribe.",
            "name a file or a folder; - is stdin, --sample what comes with the program",
        )
    if found.count(STDIN) > 1 or (from_list == STDIN and STDIN in found):
        raise UsageError("Standard input can be read once only.", "name - once")
    return Sources(found, folders or from_list is not None or len(found) > 1)


def names_of(paths: Sequence[str]) -> list[str]:
    """A name for each source: the file's name, with as much of its path as makes it unique.

    >>> names_of(["mon/talk.wav", "tue/talk.wav", "a/intro.wav"])
    ['mon/talk.wav', 'tue/talk.wav', 'intro.wav']
    """
    parts = [_parts_of(path) for path in paths]
    names = [""] * len(paths)
    together: dict[tuple[str, ...], list[int]] = {
        (): list(range(len(paths)))
    }  # those that have so many last parts in common
    size = 0
    while together:
        size += 1
        closer: dict[tuple[str, ...], list[int]] = {}
        for index in (index for group in together.values() for index in group):
            closer.setdefault(parts[index][-size:], []).append(index)
        together = {}
        for last, group in closer.items():
            whole = {parts[index] for index in group}
            if len(whole) == 1:
                for index in group:
                    names[index] = "/".join(last)
            else:
                together[last] = group
    return names


def _parts_of(path: str) -> tuple[str, ...]:
    if path == STDIN:
        return ("stdin",)
    if "://" in path:
        return (without_credentials(path),)
    anchor, *others = Path(path).absolute().parts
    drive = anchor.rstrip("/\\")
    return (drive, *others) if drive else tuple(others)


def _media_in(folder: Path) -> list[str]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as e:
        raise AudioError(
            f"'{folder}' cannot be read: {e.strerror or e}.", "check its permissions"
        ) from e
    media = [str(path) for path in inside if path.suffix.lower() in _MEDIA and path.is_file()]
    if not media:
        raise AudioError(f"'{folder}' is a directory without audio files.", "name another one")
    return media


def _read_list(name: str, stdin: BinaryIO) -> list[str]:
    """One path a line; blank lines and `#` comments do not count.

    As `find -print0` makes it, each path is as it is, with NUL after it. None need be UTF-8.
    """
    try:
        data = stdin.read() if name == STDIN else Path(name).read_bytes()
    except OSError as e:
        raise UsageError(f"The list '{name}' cannot be read: {e.strerror or e}.", _LIST) from e
    text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if is_utf16 or ("\0" in text and not text.endswith("\0")):
        raise UsageError(f"The list '{name}' cannot be read: it is no text.", _LIST)
    if "\0" in text:
        return [path for path in text.split("\0") if path]
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def pace_of(options: FileOptions) -> float | None:
    """How many seconds of audio a second; None for as fast as it goes."""
    if options.pace is None:
        return None if options.local else 1.0
    from transcribe_cli.settings.durations import parse_pace

    return parse_pace(options.pace)


def part_of(options: FileOptions) -> Range:
    """Which part of each file is transcribed."""
    part = Range(track=options.track, channel=_CHANNELS.get(options.channels))
    start, duration = options.start, options.duration
    if start is None and duration is None:
        return part
    from transcribe_cli.settings.durations import parse_duration

    return part._replace(
        start_s=0.0 if start is None else parse_duration(start, "--start", least_s=0.0),
        duration_s=None if duration is None else parse_duration(duration, "--duration"),
    )
