"""The audio tracks of a file or a stream, as ffprobe lists them, and the choice of one.

`ffmpeg.py` decodes the chosen one.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from transcribe_cli.audio.containers import KNOWN_DEMUXERS
from transcribe_cli.errors import AudioError
from transcribe_cli.system.child_process import child_variables

_PROBE_LIMIT_S = 60.0
WHITELISTS = [
    *("-protocol_whitelist", "file,pipe"),
    *("-format_whitelist", ",".join(KNOWN_DEMUXERS)),
]
"""ffmpeg may read only what the user named: no network, no playlist, no format that names files."""


class Track(NamedTuple):
    """One audio track of a file.

    Attributes:
        duration_s: the container's value; None if it gives none, or only a guess.
    """

    description: str
    is_default: bool
    duration_s: float | None


def probe(path: Path) -> list[Track]:
    """The audio tracks of a file; empty if ffprobe is missing or does not know the file."""
    return _probe(["-i", f"file:{path}"])


def probe_head(head: bytes, demuxer: str) -> list[Track]:
    """The audio tracks of a stream with these first bytes; empty if they do not show them."""
    if demuxer in _OF_ONE_TRACK:
        return []
    return _probe(["-f", demuxer, "-i", "pipe:0"], head)


def _probe(given: list[str], head: bytes | None = None) -> list[Track]:
    import msgspec

    if shutil.which("ffprobe") is None:
        return []
    asked = "format=format_name,duration:stream=codec_type,codec_name,channels,duration"
    asked += ":stream_tags=language,title,DURATION:stream_disposition=default"
    try:
        done = subprocess.run(
            [
                *("ffprobe", "-v", "quiet", *WHITELISTS, "-of", "json"),
                *("-show_entries", asked, *given),
            ],
            input=head or b"",
            capture_output=True,
            timeout=_PROBE_LIMIT_S,
            start_new_session=True,
            env=child_variables(),
        )
        return tracks_of(msgspec.json.decode(done.stdout))
    except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError):
        return []


# ffprobe guesses their length from the bit rate, or from the position of the last timestamp.
_GUESSED = frozenset("aac ac3 eac3 amr dts loas mp3 mpeg mpegts flv".split())
_OF_ONE_TRACK = frozenset("aac ac3 eac3 amr dts loas mp3 ogg flac".split())


def tracks_of(probed: dict[str, Any]) -> list[Track]:
    """The audio tracks in ffprobe's output for a file. Pure."""
    streams = probed.get("streams", [])
    form = probed.get("format", {})
    guessed = form.get("format_name") in _GUESSED
    alone = all(stream.get("codec_type") == "audio" for stream in streams)
    tracks = []
    for stream in streams:
        if stream.get("codec_type") != "audio":
            continue
        tags = {name.lower(): str(value) for name, value in stream.get("tags", {}).items()}
        duration = stream.get("duration") or tags.get("duration")
        if duration is None and alone:
            duration = form.get("duration")
        words = (stream.get("codec_name"), tags.get("language"), tags.get("title"))
        tracks.append(
            Track(
                " ".join([*filter(None, words), f"{stream.get('channels', '?')} ch"]),
                bool(stream.get("disposition", {}).get("default")),
                None if guessed or duration is None else _seconds(str(duration)) or None,
            )
        )
    return tracks


def _seconds(duration: str) -> float | None:
    """Seconds of a duration such as 12.5 or 00:00:12.5; None if it is neither."""
    total = 0.0
    try:
        for part in duration.split(":"):
            total = total * 60 + float(part)
    except ValueError:
        return None
    return total


def choose_track(tracks: list[Track], asked: int | None, name: str) -> tuple[int, str | None]:
    """The track to take, counted from 0, and a note about it for the user.

    Args:
        asked: the wanted track, counted from 1; None: the file's default one.

    Raises:
        AudioError: there is no such track.
    """
    if asked is not None:
        if tracks and asked > len(tracks):
            raise AudioError(
                f"'{name}' has no audio track {asked}.", f"it has {_listed(tracks) or 'none'}"
            )
        return asked - 1, None
    if len(tracks) < 2:
        return 0, None
    chosen = next((n for n, track in enumerate(tracks) if track.is_default), 0)
    return chosen, (
        f"'{name}' has tracks {_listed(tracks)}: {chosen + 1} is transcribed; "
        "--track N takes another"
    )


def _listed(tracks: list[Track]) -> str:
    return ", ".join(f"{n} ({track.description})" for n, track in enumerate(tracks, 1))
