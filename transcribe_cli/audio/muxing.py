"""Copies media files with one more subtitle track, by ffmpeg, without encoding anything again."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from transcribe_cli.audio.containers import KNOWN_DEMUXERS
from transcribe_cli.errors import AudioError
from transcribe_cli.system.child_process import child_variables

CONTAINERS = {".mkv": "matroska", ".mp4": "mp4", ".mov": "mov"}
"""ffmpeg's names of the containers that can be written, by file suffix."""

_TEXT = frozenset("subrip ass ssa webvtt mov_text text".split())
_SUBTITLES = {"matroska": "srt", "mp4": "mov_text", "mov": "mov_text"}
_COPIED = {
    "matroska": frozenset("subrip ass ssa webvtt text".split()),
    "mp4": frozenset(["mov_text"]),
    "mov": frozenset(["mov_text"]),
}
_LIMIT_S = 60.0
_TRIAL_S = "0.1"
_ONE_CUE = b"1\n00:00:00,000 --> 00:00:01,000\n.\n\n"


class Stream(NamedTuple):
    """A stream of a file; `kind` and `codec` are ffmpeg's names."""

    number: int
    kind: str
    codec: str

    def __str__(self) -> str:
        return f"{self.number} ({self.kind}, {self.codec})"


class CopyPlan(NamedTuple):
    """How a file is copied.

    Attributes:
        form: the container's name.
        left_out: the streams that the container cannot hold.
        offset_s: time from the beginning of the file to the beginning of its audio.
    """

    form: str
    streams: tuple[Stream, ...]
    left_out: tuple[Stream, ...]
    offset_s: float

    @property
    def arguments(self) -> list[str]:
        """ffmpeg's options for the streams of the copy; the new track is its last one."""
        kept = [stream for stream in self.streams if stream not in self.left_out]
        subtitles = [stream for stream in kept if stream.kind == "subtitle"]
        chosen = [part for stream in kept for part in ("-map", f"0:{stream.number}")]
        codecs = ["-c", "copy"]
        written = _SUBTITLES[self.form]
        for number, stream in enumerate(subtitles):
            if stream.codec in _TEXT and stream.codec not in _COPIED[self.form]:
                codecs += [f"-c:s:{number}", written]
        new = len(subtitles)
        codecs += [f"-c:s:{new}", written, f"-disposition:s:{new}", "0" if new else "default"]
        return [*chosen, "-map", "1", *codecs]

    @property
    def new_subtitle(self) -> int:
        """The new track's number among the subtitle tracks, from 0."""
        kept = [stream for stream in self.streams if stream not in self.left_out]
        return sum(stream.kind == "subtitle" for stream in kept)


def has_ffmpeg_and_ffprobe() -> bool:
    """Whether ffmpeg and ffprobe are installed."""
    return all(map(shutil.which, ("ffmpeg", "ffprobe")))


def plan_copy(media: Path, form: str, track: int | None = None) -> CopyPlan:
    """Find out how a file can be copied into a container of this form.

    Args:
        track: the audio track that the subtitles belong to, from 1; None: the default one.

    Raises:
        AudioError: the container cannot hold the audio or video, or the file holds no media.
    """
    probed = _probe(media)
    streams = tuple(
        Stream(s["index"], s.get("codec_type", "data"), s.get("codec_name", "unknown"))
        for s in probed.get("streams", ())
    )
    if not streams:
        raise AudioError(f"'{media}' holds no media that ffmpeg knows.", "check what wrote it")
    offset_s = audio_offset_s(probed, track)
    problem = ""
    for left_out in _attempts(streams):
        plan = CopyPlan(form, streams, left_out, offset_s)
        problem = _copy(media, _ONE_CUE, Path(os.devnull), plan, ["-t", _TRIAL_S])
        if not problem:
            return plan
    raise AudioError(
        f"'{media}' cannot be copied into {form} (ffmpeg says: {problem}).",
        "choose another suffix: .mkv holds nearly everything",
    )


def audio_offset_s(probed: dict[str, Any], track: int | None) -> float:
    """Time from the beginning of a file to that of an audio track, by ffprobe's output. Pure."""
    tracks = [s for s in probed.get("streams", ()) if s.get("codec_type") == "audio"]
    if track is None:
        is_default = [bool(s.get("disposition", {}).get("default")) for s in tracks]
        track = is_default.index(True) + 1 if any(is_default) else 1
    if track > len(tracks):
        return 0.0
    starts = (tracks[track - 1].get("start_time"), probed.get("format", {}).get("start_time"))
    try:
        audio_s, file_s = (float(start or 0) for start in starts)
    except ValueError:
        return 0.0
    return max(0.0, audio_s - file_s)


def copy_with_subtitles(
    media: Path,
    subtitles: bytes,
    target: Path,
    plan: CopyPlan,
    *,
    language: str | None = None,
    begins_s: float = 0.0,
    started: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
) -> None:
    """Write the copy.

    Args:
        subtitles: the content of a SubRip file.
        target: a file that does not exist yet.
        language: its ISO 639-2 code.
        begins_s: the time in the audio at which the subtitles' clock begins.
        started: called with the ffmpeg process, which may be killed.

    Raises:
        OSError: the copy cannot be written.
    """
    tags = []
    if language is not None:
        tags = [f"-metadata:s:s:{plan.new_subtitle}", f"language={language}"]
    problem = _copy(media, subtitles, target, plan, tags, begins_s, started)
    if problem:
        raise OSError(f"ffmpeg says: {problem}")


def _copy(
    media: Path,
    subtitles: bytes,
    target: Path,
    plan: CopyPlan,
    options: list[str],
    begins_s: float = 0.0,
    started: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
) -> str:
    """Run ffmpeg; returns what went wrong, empty if nothing did."""
    given = [*_whitelists("file"), "-i", f"file:{media}", "-itsoffset"]
    given += [f"{plan.offset_s + begins_s:.6f}", *_whitelists("pipe", "srt")]
    given += ["-f", "srt", "-i", "pipe:0"]
    with subprocess.Popen(
        [
            *("ffmpeg", "-nostdin", "-v", "error", *given, *plan.arguments, *options),
            *(
                "-strict",
                "experimental",
                "-fflags",
                "+bitexact",
                "-f",
                plan.form,
                "-y",
                f"file:{target}",
            ),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # so that Ctrl+C does not reach it
        env=child_variables(),
    ) as ffmpeg:
        started(ffmpeg)
        try:
            _, said = ffmpeg.communicate(subtitles)
        finally:
            ffmpeg.kill()  # does nothing if it has ended
    if ffmpeg.returncode == 0:
        return ""
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else f"exit code {ffmpeg.returncode}"


def _attempts(streams: tuple[Stream, ...]) -> list[tuple[Stream, ...]]:
    """The streams to leave out: none, then those seldom held, picture subtitles, both kinds."""
    seldom = tuple(s for s in streams if s.kind not in ("video", "audio", "subtitle"))
    pictures = tuple(s for s in streams if s.kind == "subtitle" and s.codec not in _TEXT)
    return list(dict.fromkeys([(), seldom, pictures, (*seldom, *pictures)]))


def _probe(media: Path) -> dict[str, Any]:
    import msgspec

    asked = "format=start_time:stream=index,codec_type,codec_name,start_time"
    asked += ":stream_disposition=default"
    command = [*("ffprobe", "-v", "quiet", *_whitelists("file"), "-of", "json")]
    command += ["-show_entries", asked, "-i", f"file:{media}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT_S,
            start_new_session=True,
            env=child_variables(),
        )
        found: dict[str, Any] = msgspec.json.decode(done.stdout)
        return found
    except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError):
        return {}


def _whitelists(protocol: str, *demuxers: str) -> list[str]:
    """Options that keep ffmpeg from opening anything but the file itself."""
    return [
        *("-protocol_whitelist", protocol),
        *("-format_whitelist", ",".join(demuxers or KNOWN_DEMUXERS)),
    ]
