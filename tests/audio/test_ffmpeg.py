"""Media through ffmpeg: the right track, all of it, and nothing that the user has not named."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.audio.media import ffmpeg, make_tone, make_tracks
from tests.audio.tones import taken, values
from transcribe_cli.audio.concatenated_files import is_concatenated
from transcribe_cli.audio.containers import recognise
from transcribe_cli.audio.ffmpeg import FfmpegSource, is_short
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.media_tracks import Track, choose_track, tracks_of
from transcribe_cli.audio.source import SourceNote, SourceWarning
from transcribe_cli.audio.stdin import open_stdin
from transcribe_cli.errors import AudioError

RATE_HZ = 16000
FRENCH = Track("aac fra 2 ch", False, 3.0)
ENGLISH = Track("aac eng 2 ch", True, 3.0)


def loudest_hz(audio: bytes) -> float:
    spectrum = np.abs(np.fft.rfft(values(audio)))
    return float(np.argmax(spectrum) / (len(audio) / 32000))


def audio_stream(**said: Any) -> dict[str, Any]:
    return {"codec_type": "audio", "codec_name": "aac", "channels": 2, **said}


def test_track_that_is_flagged_is_the_default_one_and_the_note_lists_them() -> None:
    assert choose_track([FRENCH, ENGLISH], None, "a.mkv") == (
        1,
        "'a.mkv' has tracks 1 (aac fra 2 ch), 2 (aac eng 2 ch): 2 is transcribed; "
        "--track N takes another",
    )


def test_first_track_is_taken_where_none_is_flagged() -> None:
    assert choose_track([FRENCH, FRENCH], None, "a.mkv")[0] == 0


def test_track_that_is_asked_for_is_taken_without_a_note() -> None:
    assert choose_track([FRENCH, ENGLISH], 1, "a.mkv") == (0, None)


def test_one_track_is_no_choice() -> None:
    assert choose_track([FRENCH], None, "a.mkv") == (0, None)
    assert choose_track([], None, "a.mkv") == (0, None)


def test_track_that_is_not_there_is_an_error_that_lists_those_that_are() -> None:
    with pytest.raises(AudioError) as refused:
        choose_track([FRENCH], 2, "a.mkv")

    assert refused.value.message == "'a.mkv' has no audio track 2."
    assert refused.value.hint == "it has 1 (aac fra 2 ch)"


@pytest.mark.parametrize(
    ("streams", "form", "duration_s"),
    [
        ([audio_stream(duration="3.5")], {"format_name": "mov,mp4"}, 3.5),
        ([audio_stream(tags={"DURATION": "00:01:02.500000000"})], {}, 62.5),
        ([audio_stream()], {"format_name": "ogg", "duration": "9"}, 9.0),
        ([audio_stream()], {"format_name": "mp3", "duration": "9"}, None),  # a guess
        ([audio_stream(), {"codec_type": "video"}], {"duration": "9"}, None),  # of the picture
        ([audio_stream(duration="N/A")], {}, None),
        ([audio_stream(duration="0.000")], {}, None),
    ],
)
def test_length_of_a_track_is_what_its_container_knows(
    streams: list[dict[str, Any]], form: dict[str, Any], duration_s: float | None
) -> None:
    (track,) = tracks_of({"streams": streams, "format": form})

    assert track.duration_s == duration_s


def test_track_is_described_by_codec_language_and_title() -> None:
    tags = {"language": "eng", "title": "Comments"}
    (track,) = tracks_of({"streams": [audio_stream(tags=tags, disposition={"default": 1})]})

    assert track == Track("aac eng Comments 2 ch", True, None)


@pytest.mark.parametrize(
    ("read_s", "promised_s", "short"),
    [(10.0, None, False), (9.6, 10.0, False), (9.4, 10.0, True), (3590, 3600, False)],
)
def test_less_than_promised_is_short_by_more_than_containers_are_wrong_by(
    read_s: float, promised_s: float | None, short: bool
) -> None:
    assert is_short(read_s, promised_s) is short


@pytest.mark.parametrize(("track", "hz"), [(None, 900), (1, 400), (3, 1600)])
@pytest.mark.first(1)
def test_default_track_or_the_one_asked_for_is_heard(
    track: int | None, hz: int, tmp_path: Path
) -> None:
    path = make_tracks(tmp_path / "a.mkv", 400, 900, 1600, default=1)
    audio, reports = taken(open_file(path, RATE_HZ, track))

    assert loudest_hz(audio) == pytest.approx(hz, abs=2)
    assert [type(report) for report in reports] == ([SourceNote] if track is None else [])


@pytest.mark.parametrize("suffix", ["mp3", "opus", "flac"])
@pytest.mark.first(1)
def test_files_one_after_the_other_in_one_file_are_all_heard(suffix: str, tmp_path: Path) -> None:
    first = make_tone(tmp_path / f"1.{suffix}", hz=400, seconds=2)
    second = make_tone(tmp_path / f"2.{suffix}", hz=900, seconds=2)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    audio, reports = taken(open_file(path, RATE_HZ))

    assert len(audio) / 32000 == pytest.approx(4, abs=0.3)
    assert loudest_hz(audio[:32000]) == pytest.approx(400, abs=2)
    assert loudest_hz(audio[-40000:]) == pytest.approx(900, abs=2)
    assert reports == []
    assert not is_concatenated(first, recognise(first.read_bytes()))


@pytest.mark.parametrize("damage", [100, 3000], ids=["in a page", "of whole pages"])
@pytest.mark.first(1)
def test_damage_in_one_of_several_ogg_files_is_told(damage: int, tmp_path: Path) -> None:
    whole = make_tone(tmp_path / "1.opus", seconds=5).read_bytes()
    at = len(whole) // 2
    path = tmp_path / "a.opus"
    path.write_bytes(whole + whole[:at] + bytes(damage) + whole[at + damage :])
    _, (report,) = taken(open_file(path, RATE_HZ))

    assert isinstance(report, SourceWarning)
    assert "is damaged" in report.text


@pytest.mark.parametrize("tag", ["0", "3"], ids=["without tags", "with tags"])
@pytest.mark.first(1)
def test_damage_in_one_of_several_mp3s_is_told(tag: str, tmp_path: Path) -> None:
    whole = make_tone(tmp_path / "1.mp3", "-id3v2_version", tag, seconds=5).read_bytes()
    at = len(whole) // 2
    path = tmp_path / "a.mp3"
    path.write_bytes(whole * 2 + whole[:at] + bytes(at // 2) + whole[at + at // 2 :])
    _, (by_name,) = taken(open_file(path, RATE_HZ))
    with path.open("rb") as stream:
        _, (by_pipe,) = taken(open_stdin(stream, RATE_HZ))

    for report in (by_name, by_pipe):
        assert isinstance(report, SourceWarning)
        assert "is damaged or cut off: 13." in report.text
        assert " of 15.1 s could be read" in report.text


def test_without_ffmpeg_it_is_told_that_only_the_first_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_tone(tmp_path / "1.opus")
    path = tmp_path / "a.opus"
    path.write_bytes(2 * first.read_bytes())
    monkeypatch.setenv("PATH", str(tmp_path))
    _, reports = taken(open_file(path, RATE_HZ))

    assert reports == [
        SourceWarning(
            "'a.opus' is several files in one, and only the first is read here: "
            "install ffmpeg for all of it"
        )
    ]


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.m4a", ["-movflags", "+faststart"]), ("a.mkv", ["-c:a", "aac"]), ("a.mp3", [])],
)
@pytest.mark.first(1)
def test_file_that_is_cut_off_is_told_with_what_could_be_read(
    name: str, options: list[str], tmp_path: Path
) -> None:
    path = make_tone(tmp_path / name, *options, seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    audio, reports = taken(open_file(path, RATE_HZ))

    assert 1 < len(audio) / 32000 < 2.5
    (told,) = reports
    assert isinstance(told, SourceWarning)
    assert f"'{name}' is damaged or cut off: " in told.text
    assert " s of 4.0 s could be read" in told.text


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that a playlist names."""
    return make_tone(tmp_path_factory.mktemp("other") / "other.ts")


@pytest.mark.parametrize("name", ["a.m3u8", "a.mkv", "a.txt"])
@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:1,\n{}\n", "ffconcat version 1.0\nfile '{}'\n"])
def test_playlist_reaches_no_other_file_whatever_its_name(
    text: str, name: str, tmp_path: Path, other: Path
) -> None:
    (tmp_path / name).write_text(text.format(other))

    with pytest.raises(AudioError) as refused:
        open_file(tmp_path / name, RATE_HZ)

    assert "is a playlist" in refused.value.message


def test_playlist_that_hides_behind_its_suffix_is_not_followed_by_ffmpeg(
    tmp_path: Path, other: Path
) -> None:
    path = tmp_path / "a.m3u8"
    path.write_text(f"\n#EXT-X\n#EXTM3U\n#EXTINF:1,\n{other}\n")

    with pytest.raises(AudioError):
        open_file(path, RATE_HZ)


def test_speech_in_the_centre_of_a_film_counts(tmp_path: Path) -> None:
    layout = "pan=5.1|FC=c0"
    path = make_tone(tmp_path / "film.m4a", "-af", layout, "-c:a", "aac", "-b:a", "384k")
    plain = make_tone(tmp_path / "plain.m4a")
    (film, _), (mono, _) = taken(open_file(path, RATE_HZ)), taken(open_file(plain, RATE_HZ))
    middle = slice(8000, 24000)  # AAC begins and ends as it likes
    level_db = 20 * np.log10(
        np.abs(values(film[middle])).max() / np.abs(values(mono[middle])).max()
    )

    assert level_db == pytest.approx(-3, abs=0.5)


def test_raw_samples_by_name_say_how_to_have_them_read(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(range(256)) * 100)

    with pytest.raises(AudioError) as refused:
        open_file(tmp_path / "a.raw", RATE_HZ)

    assert "--raw" in refused.value.hint


def test_wav_that_is_named_raw_is_a_wav(tmp_path: Path) -> None:
    make_tone(tmp_path / "a.wav").rename(tmp_path / "a.raw")

    assert len(taken(open_file(tmp_path / "a.raw", RATE_HZ))[0]) == 32000


@pytest.mark.parametrize("kind", ["au", "caf"])
@pytest.mark.first(1)
def test_size_that_a_header_does_not_know_is_no_end(kind: str, tmp_path: Path) -> None:
    path = make_tone(tmp_path / f"a.{kind}", "-c:a", "pcm_s16be")
    data = bytearray(path.read_bytes())
    if kind == "au":
        data[8:12] = bytes(4)
    else:
        at = data.index(b"data") + 4
        data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)

    assert len(taken(open_file(path, RATE_HZ))[0]) == pytest.approx(32000, abs=64)


def test_picture_and_attachment_are_no_audio(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(bytes(100))
    attached = ("-attach", str(tmp_path / "font.ttf"), "-metadata:s:t", "mimetype=font/ttf")
    path = make_tone(tmp_path / "a.mkv", *attached)
    source = open_file(path, RATE_HZ)

    assert isinstance(source, FfmpegSource)
    assert len(taken(source)[0]) / 32000 == pytest.approx(1, abs=0.1)


def test_tracks_of_several_programs_are_all_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    tone_of = ("-f", "lavfi", "-i")
    ffmpeg(
        *(*tone_of, "sine=400:d=1", *tone_of, "sine=900:d=1", "-map", "0", "-map", "1"),
        *("-program", "title=A:st=0", "-program", "title=B:st=1", path),
    )
    (note,) = taken(open_file(path, RATE_HZ))[1]

    assert isinstance(note, SourceNote)
    assert "has tracks 1 (mp2 1 ch), 2 (mp2 1 ch): 1 is transcribed" in note.text


@pytest.mark.parametrize("suffix", ["mp3", "webm"])
@pytest.mark.first(1)
def test_what_is_cut_off_is_told_by_name_and_by_pipe(suffix: str, tmp_path: Path) -> None:
    path = make_tone(tmp_path / f"a.{suffix}", seconds=3)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _, by_name = taken(open_file(path, RATE_HZ))
    with path.open("rb") as stream:
        _, by_pipe = taken(open_stdin(stream, RATE_HZ))

    for (told,) in (by_name, by_pipe):
        assert isinstance(told, SourceWarning)
        assert "damaged or cut off" in told.text


def test_a_pipe_has_the_default_track_of_the_file(tmp_path: Path) -> None:
    path = make_tracks(tmp_path / "a.mkv", 400, 900, default=1)
    with path.open("rb") as stream:
        audio, (told,) = taken(open_stdin(stream, RATE_HZ))
    with path.open("rb") as stream, pytest.raises(AudioError) as refused:
        open_stdin(stream, RATE_HZ, track=5)

    assert loudest_hz(audio) == pytest.approx(900, abs=2)
    assert isinstance(told, SourceNote)
    assert refused.value.hint.startswith("it has 1 (flac")


def test_behind_damage_in_an_mp3_it_is_heard_on(tmp_path: Path) -> None:
    path = make_tone(tmp_path / "a.mp3", seconds=4)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = random.Random(1).randbytes(2000)
    path.write_bytes(data)
    audio, (told,) = taken(open_file(path, RATE_HZ))

    assert isinstance(told, SourceWarning)
    assert len(audio) / 32000 == pytest.approx(3.7, abs=0.3)
