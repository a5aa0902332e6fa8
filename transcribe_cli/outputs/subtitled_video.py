"""`-o talk.mkv`: a copy of the video that is transcribed, with its subtitles as a track of it."""

import io
import subprocess
from pathlib import Path
from typing import Any

from transcribe_cli.audio.muxing import (
    CONTAINERS,
    copy_with_subtitles,
    has_ffmpeg_and_ffprobe,
    plan_copy,
)
from transcribe_cli.errors import AudioError, UsageError
from transcribe_cli.outputs.atomic_file import WrittenAtEnd, check_replaceable
from transcribe_cli.outputs.captions import CaptionsOutput
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.protocol.iso_639_2 import iso_639_2
from transcribe_cli.protocol.models import find_model
from transcribe_cli.recordings.fingerprint import is_file_of
from transcribe_cli.system.atomic_replace import replacement
from transcribe_cli.transcript.turn_totals import TurnTotals

_INTERRUPTED = "its writing was interrupted"


class SubtitledVideoOutput:
    """Collects the captions of one recording, and writes the copy when it is closed.

    What was there stays until the copy is whole.

    Raises:
        UsageError: the file cannot be written, or there is no ffmpeg.
    """

    def __init__(self, path: Path, *, non_speech: bool) -> None:
        check_ffmpeg(path)
        check_replaceable(path)
        self.name = str(path)
        self._path = path
        self._subtitles = io.BytesIO()
        at_end = WrittenAtEnd(self._subtitles, self.name, owned=False)
        self._captions = CaptionsOutput(at_end, "srt", non_speech=non_speech)
        self._totals = TurnTotals()
        self._start: dict[str, Any] = {}
        self._has_failed = self._is_cancelled = False
        self._ffmpeg: subprocess.Popen[bytes] | None = None

    def write(self, record: Record) -> None:
        """Take a record."""
        self._captions.write(record)
        if record.type == "Recording":
            self._start = record.body
        elif record.type == "Error":
            self._has_failed = True
        elif record.update is not None and record.update.final:
            self._totals.add(record.update)

    def close(self) -> None:
        """Write the copy, unless nothing was transcribed. May be called twice.

        Raises:
            OSError: it cannot be written, or the video is not what was transcribed.
        """
        start, self._start = self._start, {}
        if not start or (self._has_failed and not self._totals.turns):
            return
        self._captions.close()
        media = Path(str(start.get("path")))
        if not is_file_of(media, start.get("file")):
            raise OSError(f"'{media}' has changed since it was transcribed")
        excerpt = start.get("excerpt")
        excerpt = excerpt if isinstance(excerpt, dict) else {}
        form = CONTAINERS[self._path.suffix.lower()]
        try:
            plan = plan_copy(media, form, excerpt.get("track"))
        except AudioError as e:
            raise OSError(e.message.removesuffix(".")) from e
        with replacement(self._path) as beside:
            try:
                copy_with_subtitles(
                    *(media, self._subtitles.getvalue(), beside, plan),
                    language=iso_639_2(language_of(start, self._totals), form),
                    begins_s=excerpt.get("start", 0) / 1000,
                    started=self._began,
                )
            except OSError as e:
                raise (OSError(_INTERRUPTED) if self._is_cancelled else e) from e

    def cancel(self) -> None:
        """Have `close` fail soon, on whichever thread it is."""
        self._is_cancelled = True
        if self._ffmpeg is not None:
            self._ffmpeg.kill()

    def _began(self, ffmpeg: subprocess.Popen[bytes]) -> None:
        self._ffmpeg = ffmpeg
        if self._is_cancelled:
            ffmpeg.kill()


def check_ffmpeg(path: Path) -> None:
    """Find out that a copy cannot be written, before anything is opened.

    Raises:
        UsageError: there is no ffmpeg.
    """
    if not has_ffmpeg_and_ffprobe():
        raise UsageError(
            f"-o '{path}' is a copy of a video, which takes ffmpeg and ffprobe.",
            "install ffmpeg, or ask for captions beside the video: .srt",
        )


def language_of(start: dict[str, Any], totals: TurnTotals) -> str | None:
    """The language that a recording is in, as far as it is known: most of it, as it was heard, else
    the one that was asked for, else the only one of the model. Pure.

    Args:
        start: the `Recording` record's fields.
    """
    if totals.language_ms:
        return max(totals.language_ms, key=totals.language_ms.__getitem__)
    parameters = start.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    asked = parameters.get("language_code") or parameters.get("language_codes")
    if isinstance(asked, list):
        asked = asked[0] if len(asked) == 1 else None
    if isinstance(asked, str):
        return asked
    model = find_model(str(start.get("model")))
    return model.languages[0] if model is not None and len(model.languages) == 1 else None
