"""One side of a stereo recording, whichever way the file or the stream is read."""

from pathlib import Path

import numpy as np
import pytest

from tests.audio.media import ffmpeg
from tests.audio.tones import similar, taken, tone, values, write
from transcribe_cli.audio.excerpt import Excerpt, Range
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.format import EACH, AudioFormat
from transcribe_cli.audio.source import SourceWarning, channels_of
from transcribe_cli.audio.stdin import open_stdin
from transcribe_cli.errors import AudioError
from transcribe_cli.jobs.done_or_claimed import work_of_file, work_of_journal
from transcribe_cli.jobs.resume import transcribed_part
from transcribe_cli.recordings.journal import JournalSummary

RATE = 16000
LEFT, RIGHT = (tone(RATE, 1.0, hz)[:, 0] for hz in (440.0, 1000.0))


def call(path: Path) -> Path:
    """A stereo recording with a tone on each side, of the format that its name says."""
    both = np.column_stack([LEFT, RIGHT])
    if path.suffix != ".mka":
        return write(path, both, RATE)
    ffmpeg("-i", write(path.with_suffix(".wav"), both, RATE), "-c:a", "pcm_s16le", path)
    return path


@pytest.mark.parametrize("name", ["call.wav", "call.flac", "call.mka"])
def test_a_side_of_a_file_is_taken_alone(tmp_path: Path, name: str) -> None:
    path = call(tmp_path / name)

    for channel, expected in enumerate((LEFT, RIGHT)):
        samples, told = taken(open_file(path, RATE, channel=channel))
        assert similar(samples, expected)
        assert told == []


@pytest.mark.parametrize("name", ["call.wav", "call.flac"])
def test_a_side_of_a_stream_is_taken_alone(tmp_path: Path, name: str) -> None:
    with call(tmp_path / name).open("rb") as stream:
        samples, _ = taken(open_stdin(stream, RATE, channel=1))

    assert similar(samples, RIGHT)


@pytest.mark.parametrize("rate_hz", [RATE, 8000])
@pytest.mark.parametrize("name", ["call.wav", "call.flac", "call.mka"])
@pytest.mark.first(2)
def test_sides_of_a_file_stay_side_by_side(tmp_path: Path, name: str, rate_hz: int) -> None:
    source = open_file(call(tmp_path / name), rate_hz, channel=EACH)
    samples, _ = taken(source)

    assert channels_of(source) == 2
    frames = values(samples).reshape(-1, 2)
    for side, expected in enumerate((LEFT, RIGHT)):
        alone, _ = taken(open_file(tmp_path / name, rate_hz, channel=side))
        assert abs(frames[:, side] - values(alone)).max() <= 1
        assert rate_hz != RATE or similar(alone, expected)


def test_sides_of_a_stream_and_of_a_part_of_it_stay_side_by_side(tmp_path: Path) -> None:
    with call(tmp_path / "call.wav").open("rb") as stream:
        source = open_stdin(stream, RATE, channel=EACH)
        part = Excerpt(source, Range(0.25, 0.5), AudioFormat(RATE))
        samples, _ = taken(part)

    assert channels_of(part) == 2
    assert similar(values(samples)[1::2].astype("<i2").tobytes(), RIGHT[RATE // 4 :])
    assert len(samples) == RATE // 2 * 4


@pytest.mark.parametrize("name", ["mono.wav", "mono.flac"])
def test_mono_has_no_sides_to_keep_apart(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, LEFT, RATE)

    with pytest.raises(AudioError, match="one channel, and no sides to keep apart") as raised:
        open_file(path, RATE, channel=EACH)
    assert "leave out --channels each" in raised.value.hint


@pytest.mark.parametrize("name", ["mono.wav", "mono.flac"])
def test_side_that_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, LEFT, RATE)

    with pytest.raises(AudioError, match="has 1 channel, and no right one"):
        open_file(path, RATE, channel=1)
    assert similar(taken(open_file(path, RATE, channel=0))[0], LEFT)


def test_channels_that_cancel_are_told_with_the_option_that_takes_one(tmp_path: Path) -> None:
    path = write(tmp_path / "call.wav", np.column_stack([LEFT, -LEFT]), RATE)

    _, told = taken(open_file(path, RATE))
    (warning,) = told
    assert isinstance(warning, SourceWarning)
    assert "cancel each other out" in warning.text
    assert "--channels left or right" in warning.text
    assert taken(open_file(path, RATE, channel=1))[1] == []


def test_journal_says_which_side_is_read_again(tmp_path: Path) -> None:
    path = call(tmp_path / "call.wav")
    works = {
        channel: work_of_file(str(path), {}, Range(channel=channel), engine="moonshine")
        for channel in (None, 0, 1)
    }
    from transcribe_cli.recordings.fingerprint import fingerprint_of

    start = {
        "path": str(path),
        "file": fingerprint_of(path),
        "parameters": {},
        "local": True,
        "engine": "moonshine",
        "excerpt": {"start": 0, "channel": 1},
    }
    journal = JournalSummary(start=start)

    assert transcribed_part(journal) == Range(channel=1)
    assert [work_of_journal(journal) in (work or ()) for work in works.values()] == [
        *(False, False, True)
    ]
    assert len(set(works.values())) == 3
