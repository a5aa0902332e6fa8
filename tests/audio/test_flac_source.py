"""FLAC streams that follow each other, of a file or a pipe, are heard whole and as they come."""

import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.requirements import require_programs
from transcribe_cli.audio import ffmpeg
from transcribe_cli.audio.files import open_file
from transcribe_cli.audio.flac_source import FlacSource, is_read_here
from transcribe_cli.audio.format import EACH
from transcribe_cli.audio.sndfile_source import SndfileSource
from transcribe_cli.audio.source import Source, SourceEvent, SourceWarning
from transcribe_cli.audio.stdin import open_stdin
from transcribe_cli.errors import AudioError

RATE = 16000


def noise(seconds: float, seed: int, channels: int = 1) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal((round(RATE * seconds), channels))
    return (made * 3000).astype("<i2")


def flac(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, "PCM_16", format="FLAC")
    return file.getvalue()


def no_news(event: SourceEvent) -> None:
    raise AssertionError(event)


class Trickle:
    """Bytes that come a few at a time; `given`: so many so far."""

    def __init__(self, data: bytes, size: int) -> None:
        self._file = io.BytesIO(data)
        self._size = size
        self.given = 0

    def read(self, count: int, /) -> bytes:
        data = self._file.read(min(count, self._size))
        self.given += len(data)
        return data

    def close(self) -> None:
        pass


def source_of(data: bytes, size: int) -> FlacSource:
    return FlacSource(Trickle(data, size), RATE, name="standard input", kind="stdin")


PARTS = [noise(seconds, seed) for seed, seconds in enumerate((2.0, 0.5, 3.0))]
WHOLE = b"".join(map(flac, PARTS))
SAMPLES = b"".join(part.tobytes() for part in PARTS)


def test_a_file_of_several_is_heard_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "all.flac").write_bytes(WHOLE)
    source = open_file(tmp_path / "all.flac", RATE)

    assert b"".join(source.blocks(no_news)) == SAMPLES
    source.close()


@pytest.mark.parametrize("size", [7, 8, 1000, 1 << 20])
def test_wherever_reads_end_the_streams_are_told_apart(size: int) -> None:
    source = source_of(WHOLE, size)

    assert b"".join(source.blocks(no_news)) == SAMPLES


def test_audio_is_heard_when_its_frames_have_come() -> None:
    made = noise(10.0, 7)
    data = flac(made)
    stream = Trickle(data, 500)
    source = FlacSource(stream, RATE, name="standard input", kind="stdin")
    heard = 0
    for block in source.blocks(no_news):
        heard += len(block)
        frames_s = 2 * 4096 / RATE  # the one that is read, and the one that a block may end in
        share = stream.given / len(data)
        assert share * 10.0 < heard / 2 / RATE + frames_s + 0.2
    assert heard == made.nbytes


def test_a_stream_that_is_cut_off_is_told() -> None:
    told: list[SourceEvent] = []
    source = source_of(flac(PARTS[0])[:-20_000], 1000)
    heard = b"".join(source.blocks(told.append))

    assert SAMPLES.startswith(heard)
    assert [type(event) for event in told] == [SourceWarning]
    assert "could be read" in str(told[0])


def test_what_follows_and_is_no_stream_is_an_error_after_what_came_before() -> None:
    source = source_of(flac(PARTS[0]) + b"fLaC\0\0\0\x22" + bytes(20), 1000)
    heard = b""
    with pytest.raises(AudioError, match="standard input"):
        for block in source.blocks(no_news):
            heard += block
    assert heard == PARTS[0].tobytes()


def test_a_stop_ends_it() -> None:
    source = source_of(WHOLE, 1000)
    blocks = source.blocks(no_news)
    next(blocks)
    source.stop()

    assert list(blocks) == []
    source.close()


def test_another_track_is_for_ffmpeg() -> None:
    assert is_read_here(WHOLE, 1)
    assert not is_read_here(WHOLE, 2)


def test_in_film_sound_the_centre_is_heard_and_the_bass_is_not() -> None:
    film = np.zeros((RATE // 10, 6), "<i2")
    film[:, 2] = 10_000
    film[:, 3] = 12_000
    source = source_of(flac(film), 1000)
    heard = np.frombuffer(b"".join(source.blocks(no_news)), "<i2")

    assert set(heard) == {round(10_000 * 0.707)}


TAG = b"ID3\x04\0\0\0\0\x28\0" + bytes(40 << 7)
"""Longer than what is looked at first."""


def test_tags_before_the_first_stream_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "all.flac").write_bytes(TAG + WHOLE)
    source = open_file(tmp_path / "all.flac", RATE)

    assert isinstance(source, FlacSource)
    assert b"".join(source.blocks(no_news)) == SAMPLES
    source.close()


def test_one_stream_alone_knows_its_length(tmp_path: Path) -> None:
    (tmp_path / "one.flac").write_bytes(TAG + flac(PARTS[0]))
    source = open_file(tmp_path / "one.flac", RATE)

    assert source.length_s == 2.0
    source.close()


def test_what_follows_the_last_stream_and_is_none_is_told() -> None:
    told: list[SourceEvent] = []
    source = source_of(flac(PARTS[0]) + bytes(50_000), 1000)

    assert b"".join(source.blocks(told.append)) == PARTS[0].tobytes()
    assert [type(event) for event in told] == [SourceWarning]
    assert "no FLAC audio" in str(told[0])


def test_a_stream_without_other_metadata_is_a_stream() -> None:
    bare = [b"fLaC\x80" + part[5:42] + part[audio_at(part) :] for part in map(flac, PARTS)]

    assert is_read_here(bare[0], None)
    assert b"".join(source_of(b"".join(bare), 1000).blocks(no_news)) == SAMPLES


def audio_at(data: bytes) -> int:
    """Where the metadata of a stream ends."""
    at, is_last = 4, False
    while not is_last:
        is_last = data[at] >= 0x80
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at


CLEAN = flac(noise(10.0, 9))
DAMAGED = CLEAN[: len(CLEAN) // 2] + bytes(3000) + CLEAN[len(CLEAN) // 2 + 3000 :]
"""Of 10 s: 3000 bytes are a tenth of a second, and spoil what of its frames they touch."""


def heard_of(source: Source) -> tuple[bytes, list[str], AudioError | None]:
    """What is heard, what is told, and what it ends with."""
    told: list[SourceEvent] = []
    heard = b""
    fault = None
    with closing(source):
        try:
            for block in source.blocks(told.append):
                heard += block
        except AudioError as e:
            fault = e
    return heard, [str(event) for event in told], fault


def damaged_file(folder: Path, data: bytes) -> Path:
    (folder / "bad.flac").write_bytes(data)
    return folder / "bad.flac"


@pytest.fixture(params=["by name", "on a pipe"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[bytes], Source]:
    """Opens a FLAC as a file, or as standard input."""

    def open_it(data: bytes) -> Source:
        path = damaged_file(tmp_path, data)
        if request.param == "by name":
            return open_file(path, RATE)
        stream = path.open("rb")
        request.addfinalizer(stream.close)
        return open_stdin(stream, RATE)

    return open_it


LAST = noise(2.0, 10).tobytes()
Opened = Callable[[bytes], Source]


def test_behind_damage_it_is_heard_on(opened: Opened) -> None:
    require_programs("ffmpeg")
    heard, told, fault = heard_of(opened(DAMAGED))

    assert heard[-32_000:] == noise(10.0, 9).tobytes()[-32_000:]
    assert len(heard) > 8.0 * 32_000
    assert "is damaged at 4.9 s" in told[0]
    assert fault is None


def test_behind_damage_in_one_of_several_all_are_heard(opened: Opened) -> None:
    require_programs("ffmpeg")
    heard, told, fault = heard_of(opened(flac(PARTS[0]) + DAMAGED + flac(noise(2.0, 10))))

    assert heard[: 6 * 32_000] == (PARTS[0].tobytes() + noise(10.0, 9).tobytes())[: 6 * 32_000]
    assert heard[-3 * 32_000 :] == noise(10.0, 9).tobytes()[-32_000:] + LAST
    assert "is damaged at 6.9 s" in told[0]
    assert fault is None


def test_how_much_damage_took_is_told(opened: Opened) -> None:
    require_programs("ffmpeg")
    at = len(CLEAN) // 2
    heard, told, _ = heard_of(opened(CLEAN[:at] + bytes(at // 2) + CLEAN[at + at // 2 :]))

    assert f"{len(heard) / 32_000:.1f} s of 10.0 s could be read" in told[-1]


def test_without_ffmpeg_nothing_is_heard_behind_damage_and_that_is_an_error(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    heard, told, fault = heard_of(opened(DAMAGED))

    assert noise(10.0, 9).tobytes().startswith(heard)
    assert 4.5 < len(heard) / 32_000 < 5.0
    assert told == []
    assert fault is not None
    assert "is damaged at 4.9 s" in fault.message
    assert "install ffmpeg" in fault.hint


def test_without_ffmpeg_what_follows_a_damaged_stream_is_heard_before_the_error(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    heard, _, fault = heard_of(opened(DAMAGED + flac(noise(2.0, 10))))

    assert heard.endswith(LAST)
    assert fault is not None
    assert "is damaged at 4.9 s" in fault.message


def test_a_stream_of_other_channels_behind_the_first_is_closed_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[int] = []
    close = SndfileSource.close

    def note(source: SndfileSource) -> None:
        closed.append(source.file_channels)
        close(source)

    monkeypatch.setattr(SndfileSource, "close", note)
    stream = Trickle(flac(noise(0.5, 1, channels=2)) + flac(noise(0.5, 2, channels=3)), 1000)
    source = FlacSource(stream, RATE, EACH, name="standard input", kind="stdin")
    heard, _, fault = heard_of(source)

    assert heard == noise(0.5, 1, channels=2).tobytes()
    assert fault is not None
    assert "has 2 channels, and then 3" in fault.message
    assert 3 in closed
