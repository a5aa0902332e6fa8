"""A copy of a video with its subtitles."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.audio.media import ffmpeg
from tests.outputs.run_records import recording
from tests.outputs.turn_records import WHEN, record
from transcribe_cli.audio.muxing import CopyPlan, Stream, audio_offset_s
from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.subtitled_video import SubtitledVideoOutput, language_of
from transcribe_cli.protocol.iso_639_2 import iso_639_2
from transcribe_cli.protocol.languages import PRO_LANGUAGES, WHISPER_LANGUAGES
from transcribe_cli.protocol.messages import Word
from transcribe_cli.recordings.fingerprint import fingerprint_of
from transcribe_cli.transcript.turn_totals import TurnTotals

PICTURE = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=4")
SUBTITLES = "1\n00:00:01,000 --> 00:00:02,000\nOlder.\n\n"
SAID = record("Hi.", words=[Word(start=2000, end=3000, text="Hi.")], language_code="de")


def video(path: Path, *options: str, audio_from_s: float = 0.0) -> Path:
    """Four seconds of a test picture, with a tone that may begin later."""
    tone = ("-itsoffset", str(audio_from_s), "-f", "lavfi", "-i", "sine=440:r=16000:d=2")
    ffmpeg(*PICTURE, *tone, "-c:v", "mpeg4", "-c:a", "flac", *options, path)
    return path


def of_file(path: Path, **fields: Any) -> Record:
    return recording(path.name, path=str(path), file=fingerprint_of(path), **fields)


def written(target: Path, *records: Record) -> Path:
    output = SubtitledVideoOutput(target, non_speech=True)
    for made in records:
        output.write(made)
    output.close()
    output.close()
    return target


def streams(path: Path) -> list[dict[str, Any]]:
    command = [
        "ffprobe",
        "-v",
        "error",
        "-show_streams",
        "-show_chapters",
        "-of",
        "json",
        str(path),
    ]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return [*found["streams"], *found["chapters"]]


def read_subtitles(path: Path, number: int = 0) -> str:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:s:{number}", "-f", "srt", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def md5_of_streams(path: Path, *which: str) -> bytes:
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(path),
        *which,
        "-c",
        "copy",
        "-f",
        "streamhash",
        "-",
    ]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("suffix", "codec", "language"),
    [(".mkv", "subrip", "ger"), (".mp4", "mov_text", "deu"), (".MOV", "mov_text", "ger")],
)
@pytest.mark.first(1)
def test_subtitles_are_a_track_of_the_copy_and_nothing_is_encoded_again(
    tmp_path: Path, suffix: str, codec: str, language: str
) -> None:
    source = video(tmp_path / "talk.mp4", "-c:a", "aac")
    copy = written(tmp_path / f"copy{suffix}", of_file(source), SAID)

    picture, sound, subtitles = streams(copy)
    assert (picture["codec_name"], sound["codec_name"]) == ("mpeg4", "aac")
    assert (subtitles["codec_name"], subtitles["tags"]["language"]) == (codec, language)
    assert subtitles["disposition"]["default"] == 1
    assert "Hi." in read_subtitles(copy)
    media = ("-map", "0:v", "-map", "0:a")
    assert md5_of_streams(copy, *media) == md5_of_streams(source, *media)


@pytest.mark.long
def test_other_tracks_chapters_and_attachments_are_kept(tmp_path: Path) -> None:
    (tmp_path / "old.srt").write_text(SUBTITLES)
    (tmp_path / "font.ttf").write_bytes(b"no font")
    (tmp_path / "meta").write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=One\n"
    )
    tone = ("-f", "lavfi", "-i", "sine=440:r=16000:d=2")
    ffmpeg(
        *(*PICTURE, *tone, *tone, "-i", tmp_path / "old.srt", "-i", tmp_path / "meta"),
        *("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_metadata", "4"),
        *("-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=font/ttf"),
        *("-c:v", "mpeg4", "-c:a", "flac", tmp_path / "talk.mkv"),
    )
    copy = written(tmp_path / "copy.mkv", of_file(tmp_path / "talk.mkv"), SAID)

    kinds = [stream.get("codec_type", "chapter") for stream in streams(copy)]
    assert sorted(kinds) == sorted(
        ["video", "audio", "audio", "subtitle", "attachment", "subtitle", "chapter"]
    )
    assert "Older." in read_subtitles(copy, 0)
    assert "Hi." in read_subtitles(copy, 1)

    # MP4 has no attachments, and texts of its own kind.
    smaller = written(tmp_path / "copy.mp4", of_file(tmp_path / "talk.mkv"), SAID)
    kinds = [s["codec_name"] for s in streams(smaller) if s.get("codec_type") == "subtitle"]
    assert kinds == ["mov_text", "mov_text"]


def test_subtitles_stand_where_they_are_spoken_in_the_file(tmp_path: Path) -> None:
    late = video(tmp_path / "late.mkv", audio_from_s=0.5)
    excerpt = {"start": 250}

    # 3 s after the first sample of the part, which is 0.25 s after that of the track.
    copy = written(tmp_path / "copy.mkv", of_file(late, excerpt=excerpt), SAID)

    assert "00:00:03,750 -->" in read_subtitles(copy)


def test_offset_of_the_audio_is_that_of_the_track_that_was_heard() -> None:
    def track(start: str, default: int) -> dict[str, Any]:
        return {"codec_type": "audio", "start_time": start, "disposition": {"default": default}}

    probed = {"streams": [track("1.4", 0), track("1.9", 1)], "format": {"start_time": "1.4"}}

    assert audio_offset_s(probed, None) == pytest.approx(0.5)
    assert audio_offset_s(probed, 1) == 0
    assert audio_offset_s({"streams": [], "format": {}}, None) == 0


def test_only_texts_of_another_kind_are_written_anew() -> None:
    old = (Stream(0, "video", "h264"), Stream(1, "subtitle", "mov_text"))
    left_out = (Stream(2, "data", "bin_data"),)

    arguments = CopyPlan("matroska", (*old, *left_out), left_out, 0.0).arguments

    assert arguments[:6] == ["-map", "0:0", "-map", "0:1", "-map", "1"]
    assert arguments[6:] == ["-c", "copy", "-c:s:0", "srt", "-c:s:1", "srt", *arguments[12:]]


def test_copy_is_whole_or_not_there(tmp_path: Path) -> None:
    source, target = video(tmp_path / "talk.mkv"), tmp_path / "copy.mkv"
    target.write_bytes(b"mine")
    begun = SubtitledVideoOutput(target, non_speech=True)
    begun.write(of_file(source))
    begun.write(SAID)
    source.write_bytes(source.read_bytes()[:-1])
    with pytest.raises(OSError, match="has changed since"):
        begun.close()
    source.write_bytes(b"no video at all")
    with pytest.raises(OSError, match="no media"):
        written(target, of_file(source), SAID)

    assert target.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.mkv", "talk.mkv"]


def test_what_could_not_be_transcribed_is_not_copied(tmp_path: Path) -> None:
    source, target = video(tmp_path / "talk.mkv"), tmp_path / "copy.mkv"
    error = Record(WHEN, "Error", {"exit_code": 5, "message": "", "hint": ""})

    written(target, of_file(source), error)

    assert not target.exists()


def test_place_that_cannot_be_replaced_is_refused_before_anything_is_heard(tmp_path: Path) -> None:
    for place in ("none/x.mkv", "."):
        with pytest.raises(UsageError):
            SubtitledVideoOutput(tmp_path / place, non_speech=True)


def test_language_is_the_one_that_was_heard_or_asked_for_or_the_only_one() -> None:
    heard = TurnTotals(language_ms={"en": 10, "es": 20})
    english = {"model": "universal-streaming-english", "parameters": {}}

    assert language_of(english, heard) == "es"
    assert language_of({"parameters": {"language_code": "fr"}}, TurnTotals()) == "fr"
    assert language_of({"parameters": {"language_codes": ["fr", "de"]}}, TurnTotals()) is None
    assert language_of(english, TurnTotals()) == "en"
    assert language_of({"model": "u3-rt-pro", "parameters": {}}, TurnTotals()) is None


def test_every_language_of_the_models_has_three_letters() -> None:
    for code in (*PRO_LANGUAGES, *WHISPER_LANGUAGES):
        assert len(iso_639_2(code, "matroska") or "") == 3, code
    assert iso_639_2("multi", "mp4") is iso_639_2(None, "mp4") is None


def test_a_copy_that_is_cancelled_leaves_what_was_there(tmp_path: Path) -> None:
    media, target = video(tmp_path / "a.mkv"), tmp_path / "b.mkv"
    target.write_bytes(b"old")
    output = SubtitledVideoOutput(target, non_speech=True)
    output.write(of_file(media))
    output.write(SAID)
    output.cancel()

    with pytest.raises(OSError, match="its writing was interrupted"):
        output.close()
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mkv", "b.mkv"]
