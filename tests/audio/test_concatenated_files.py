"""What media show of what their decoders leave out."""

from pathlib import Path

import pytest

from transcribe_cli.audio.concatenated_files import Mp3Lengths, OggCheck, unheard
from transcribe_cli.audio.containers import recognise

BEGINS, ENDS = 2, 4
VORBIS, OPUS = b"\x01vorbis" + bytes(23), b"OpusHead" + bytes(11)


def page(payload: bytes, flags: int = 0) -> bytes:
    """An Ogg page, but for its numbers."""
    return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([1, len(payload)]) + payload


def faults(data: bytes, size: int) -> list[str]:
    check = OggCheck()
    for at in range(0, len(data), size):
        check.see(data[at : at + size])
    return check.faults


def stream(codec: bytes) -> bytes:
    return page(codec, BEGINS) + page(bytes(200)) + page(bytes(200), ENDS)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_another_codec_behind_the_first_is_told(size: int) -> None:
    (fault,) = faults(stream(VORBIS) + stream(OPUS), size)

    assert "their codecs differ" in fault


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_streams_of_one_codec_and_tracks_of_two_are_whole(size: int) -> None:
    both = page(VORBIS, BEGINS) + page(OPUS, BEGINS) + page(bytes(9)) + page(b"", ENDS)

    assert faults(stream(OPUS) * 2, size) == []
    assert faults(both, size) == []


def test_a_stream_without_its_last_page_may_be_cut_off() -> None:
    assert faults(stream(OPUS)[:-300], 100) == ["has no last page: it may be cut off"]


def audio_page(number: int, stream: int = 0) -> bytes:
    """One that has a position, and a number in its stream."""
    made = page(bytes(200))
    numbers = number.to_bytes(8, "little") + bytes([stream, 0, 0, 0]) + number.to_bytes(4, "little")
    return made[:6] + numbers + made[22:]


def stream_of(*numbers: int) -> bytes:
    return page(OPUS, BEGINS) + b"".join(map(audio_page, numbers)) + page(b"", ENDS)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_pages_that_are_missing_are_told(size: int) -> None:
    assert faults(stream_of(2, 3, 4) * 2, size) == []
    (fault,) = faults(stream_of(2, 3, 4) + stream_of(2, 3, 5), size)
    assert "pages of it are missing" in fault


def test_pages_of_two_streams_are_counted_each_by_itself() -> None:
    both = b"".join(audio_page(n) + audio_page(2 * n, stream=2) for n in (1, 2, 3))
    one = b"".join(audio_page(n) + audio_page(7 + n, stream=2) for n in (1, 2, 3))

    assert len(faults(both + page(b"", ENDS), 1000)) == 1
    assert faults(one + page(b"", ENDS), 1000) == []


def test_a_radio_that_begins_at_any_page_lacks_none() -> None:
    assert faults(stream_of(900, 901), 1000) == []


def xing(frames: int, *, mono: bool = False) -> bytes:
    """The first frame of an MP3 of 44.1 kHz, of so many frames of 1152 samples."""
    head = b"\xff\xfb\x90" + (b"\xc4" if mono else b"\x04") + bytes(17 if mono else 32)
    return (head + b"Xing\0\0\0\x01" + frames.to_bytes(4)).ljust(417, b"\0")


@pytest.mark.parametrize("size", [1, 11, 47, 48, 1 << 20])
def test_mp3s_in_one_promise_what_each_says(size: int) -> None:
    data = xing(100) + b"Info Xing" * 20 + xing(50, mono=True) + xing(0)
    lengths = Mp3Lengths()
    for at in range(0, len(data), size):
        lengths.see(data[at : at + size])

    assert lengths.promised_s == pytest.approx(150 * 1152 / 44100)


AIFF = b"FORM\0\0\0\x05AIFFx\0"
AVI = b"RIFF\x04\0\0\0AVI "
AU = b".snd\0\0\0\x18\0\0\0\x04" + bytes(16)
WAVE64 = b"riff\x2e\x91\xcf\x11" + bytes(8) + b"\x18" + bytes(7)
CAF = b"caff\0\1\0\0" + b"data" + bytes(7) + b"\x02xx"
MP4 = b"\0\0\0\x08ftyp" + b"\0\0\0\x01mdat" + bytes(7) + b"\x11y" + b"\0\0\0\x08moov"


@pytest.mark.parametrize("one", [AIFF, AVI, AU, WAVE64, CAF, MP4])
def test_a_second_file_behind_the_first_is_told(one: bytes, tmp_path: Path) -> None:
    def told(data: bytes) -> list[str]:
        (tmp_path / "a").write_bytes(data)
        return unheard(tmp_path / "a", recognise(data.ljust(64, b"\0")))

    assert told(one) == []
    assert told(one + bytes(20)) == []
    (fault,) = told(one + one)
    assert "only the first is read" in fault


def test_the_second_part_of_a_long_avi_is_no_second_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(AVI + AVI.replace(b"AVI ", b"AVIX"))
    assert unheard(tmp_path / "a", recognise(AVI)) == []
