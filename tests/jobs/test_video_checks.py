"""What `-o talk.mkv` asks for is checked before anything is opened."""

from pathlib import Path

import pytest

from tests.audio.media import ffmpeg, make_tone
from tests.requirements import require_programs
from transcribe_cli.errors import UsageError
from transcribe_cli.jobs.path_checks import check_videos


@pytest.mark.parametrize(
    ("sources", "template"),
    [([], "x.mkv"), (["-"], "x.mkv"), (["a.mp4", "b.mp4"], "x.mkv")],
)
def test_copy_is_of_one_file(sources: list[str], template: str) -> None:
    require_programs("ffmpeg")
    with pytest.raises(UsageError, match=r"-o 'x\.mkv' is a copy of one file"):
        check_videos(sources, [template])


def test_copy_does_not_replace_its_source(tmp_path: Path) -> None:
    source = str(make_tone(tmp_path / "talk.mkv"))

    with pytest.raises(UsageError, match="is the source itself"):
        check_videos([source], [str(tmp_path / "{stem}.mkv")])


def test_missing_ffmpeg_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UsageError) as refused:
        check_videos(["talk.mp4"], ["copy.mkv"])
    assert (refused.value.exit_status, "install ffmpeg" in refused.value.hint) == (2, True)


def test_container_that_cannot_hold_the_sound_is_told(tmp_path: Path) -> None:
    source = str(make_tone(tmp_path / "talk.wma", "-c:a", "wmav2"))

    with pytest.raises(UsageError, match="cannot be copied into mp4"):
        check_videos([source], [str(tmp_path / "copy.mp4")])


def test_what_a_container_cannot_hold_is_told(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"no font")
    tone = make_tone(tmp_path / "tone.mp3")
    attached = ("-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=font/ttf")
    ffmpeg("-i", tone, *attached, "-c", "copy", tmp_path / "talk.mkv")
    said: list[str] = []

    check_videos([str(tmp_path / "talk.mkv")], [str(tmp_path / "copy.mp4")], note=said.append)

    assert len(said) == 1
    assert said[0].endswith("left out is stream 1 (attachment, unknown)")
