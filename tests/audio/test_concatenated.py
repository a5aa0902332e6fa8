"""What an Ogg stream shows of itself."""

import pytest

from transcribe_cli.audio.concatenated import OggCheck

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
