"""The audio tracks of a file or a stream, as ffprobe tells them, and which one is taken.

`ffmpeg.py` decodes it.
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
"""Nothing but what the user named is reached: no network, no playlist, nothing that names files."""


class Track(NamedTuple):
    """One audio track of a file.

    Attributes:
        duration_s: as its container says; None where it does not, or only guesses.
    """

    description: str
    is_default: bool
    duration_s: float | None


def probe(path: Path) -> list[Track]:
    """The audio tracks of a file; none where ffprobe is missing or knows nothing."""
    return _probe(["-i", f"file:{path}"])


def probe_head(head: bytes, demuxer: str) -> list[Track]:
    """The audio tracks of a stream that begins so; none where that does not show them."""
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


# Their length is worked out from the rate of bits, or from where the last timestamp stands.
_GUESSED = frozenset("aac ac3 eac3 amr dts loas mp3 mpeg mpegts flv".split())
_OF_ONE_TRACK = frozenset("aac ac3 eac3 amr dts loas mp3 ogg flac".split())


def tracks_of(probed: dict[str, Any]) -> list[Track]:
    """The audio tracks in what ffprobe says of a file. Pure."""
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
    """12.5 or 00:00:12.5 in seconds."""
    total = 0.0
    try:
        for part in duration.split(":"):
            total = total * 60 + float(part)
    except ValueError:
        return None
    return total


def choose_track(tracks: list[Track], asked: int | None, name: str) -> tuple[int, str | None]:
    """Which track to take, counted from 0, and what to tell the user of it.

    Args:
        asked: counted from 1; None: the one that the file calls its default.

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
