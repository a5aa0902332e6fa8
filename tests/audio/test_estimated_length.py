"""How long a file is, from a few of its bytes."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.audio.media import make_tone
from tests.counting import write_wav
from transcribe_cli.audio.estimated_length import estimated_length_s


def test_a_wav_says_how_many_bytes_a_second_has(tmp_path: Path) -> None:
    assert estimated_length_s(write_wav(tmp_path / "a.wav", 50)) == pytest.approx(5.0, abs=0.01)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.flac", "PCM_16"), ("a.wav", "ULAW"), ("a.ogg", "VORBIS"), ("b.ogg", "OPUS")],
)
def test_what_libsndfile_writes_says_its_length(tmp_path: Path, name: str, kind: str) -> None:
    samples = np.sin(np.arange(48_000 * 3) / 20) / 2
    soundfile.write(tmp_path / name, samples, 24_000, subtype=kind)
    assert estimated_length_s(tmp_path / name) == pytest.approx(6.0, abs=0.05)


@pytest.mark.parametrize("options", [(), ("-movflags", "+faststart")])
def test_an_mp4_says_it_before_its_samples_or_behind_them(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = make_tone(tmp_path / "a.m4a", *options, seconds=4.0)
    assert estimated_length_s(path) == pytest.approx(4.0, abs=0.1)


def test_what_does_not_say_it_is_weighed_by_its_size(tmp_path: Path) -> None:
    lengths = []
    for seconds in (5.0, 10.0):
        path = make_tone(tmp_path / f"{seconds}.mp3", "-b:a", "128k", seconds=seconds)
        lengths.append(estimated_length_s(path))
    assert lengths[1] / lengths[0] == pytest.approx(2.0, rel=0.05)
    assert lengths[0] == pytest.approx(5.0, rel=0.1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + bytes(16),
        b"fLaC\0\0\0\x22" + bytes(34),
        b"OggS" + bytes(30) + b"\x01vorbis" + bytes(10),
        b"\0\0\0\0ftyp" + bytes(8),
        struct.pack(">I4s", 8, b"ftyp") * 3000,
        struct.pack(">I4sQ", 1, b"ftyp", 0) + struct.pack(">I4s", 9, b"moov"),
        bytes(range(128, 192)),
    ],
)
def test_what_is_broken_has_some_length_and_no_fault(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    assert 0.0 <= estimated_length_s(path) < 1e6


def test_what_is_no_file_has_none(tmp_path: Path) -> None:
    assert estimated_length_s(tmp_path / "missing.wav") == 0.0
    assert estimated_length_s(tmp_path) == 0.0
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
        assert estimated_length_s(tmp_path / "fifo") == 0.0
