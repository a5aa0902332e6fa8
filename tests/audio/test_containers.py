"""What a file or a stream is, by its first bytes."""

import pytest

from transcribe_cli.audio.containers import (
    KNOWN_DEMUXERS,
    index_is_last,
    is_playlist,
    is_text,
    recognise,
)

MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)  # 128 kbit/s at 44.1 kHz: 417 bytes
ADTS_FRAME = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)  # 16 bytes
TS_PACKET = b"\x47" + bytes(187)


def box(name: bytes, size: int) -> bytes:
    return size.to_bytes(4, "big") + name + bytes(max(0, min(size, 100) - 8))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\0\0\0\0WAVE", "WAV"),
        (b"RF64\0\0\0\0WAVE", "WAV"),
        (b"BW64\0\0\0\0WAVE", "WAV"),
        (b"RIFF\0\0\0\0AVI ", "AVI"),
        (b"fLaC", "FLAC"),
        (b"OggS", "Ogg"),
        (b"ID3\x04", "MP3"),
        (2 * MP3_FRAME, "MP3"),
        (MP3_FRAME[:100], "MP3"),
        (MP3_FRAME + bytes(417), None),  # one frame may be two samples
        (2 * ADTS_FRAME, "AAC"),
        (ADTS_FRAME + bytes(16), None),
        (3 * TS_PACKET, "MPEG-TS"),
        (b"".join(3 * [bytes(4) + TS_PACKET]), "MPEG-TS"),
        (TS_PACKET + bytes(400), None),
        (b"\0\0\0\x20ftypM4A ", "MP4"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "MP4"),
        (b"\x1aE\xdf\xa3", "Matroska"),
        (b"FLV\x01\x05", "FLV"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "ASF"),
        (b"", None),
        (bytes(12), None),
        (b"\xff" * 12, None),
        (b"\x0b\x77" + bytes(4000), None),
    ],
)
def test_container_is_known_by_its_first_bytes(head: bytes, name: str | None) -> None:
    found = recognise(head)

    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("head", "last"),
    [
        (box(b"ftyp", 24) + box(b"moov", 900), False),
        (box(b"ftyp", 24) + box(b"moof", 900), False),
        (box(b"ftyp", 24) + box(b"free", 8) + box(b"mdat", 1 << 30), True),
        (box(b"ftyp", 24) + box(b"uuid", 9000), None),
        (box(b"ftyp", 24) + box(b"mdat", 0), True),
        (box(b"ftyp", 0), True),
    ],
)
def test_index_of_an_mp4_may_come_last(head: bytes, last: bool | None) -> None:
    assert index_is_last(head) is last


@pytest.mark.parametrize(
    "head", [b"#EXTM3U\n/etc/passwd", b"\xef\xbb\xbf#EXTM3U", b"ffconcat version 1.0\nfile x"]
)
def test_playlist_is_known(head: bytes) -> None:
    assert is_playlist(head)


def test_nothing_that_names_other_files_may_be_read() -> None:
    assert not {"hls", "concat", "concatf", "dash", "imf", "sdp", "rtsp", "image2", "lavfi"} & set(
        KNOWN_DEMUXERS
    )


def test_text_is_known_and_samples_are_not_text() -> None:
    assert is_text(b"<!DOCTYPE html>\n<title>404</title>")
    assert not is_text(bytes(64))
    assert not is_text(b"short")
