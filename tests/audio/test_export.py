"""A copy of the audio beside the recording."""

from pathlib import Path

import pytest
import soundfile

from tests.audio.tones import tone
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.export import export_audio
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.errors import IncompleteError

SAMPLES = (tone(16000, 25.0) * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize("name", ["a.wav", "a.WAV", "a.flac", "a.FLAC"])
def test_copy_holds_every_sample(tmp_path: Path, name: str) -> None:
    with AudioLog.temporary(AudioFormat()) as log:
        log.append(SAMPLES)
        export_audio(log, tmp_path / name)

    with soundfile.SoundFile(str(tmp_path / name)) as file:
        assert file.samplerate == 16000
        assert bytes(file.buffer_read(dtype="int16")) == SAMPLES


def test_flac_is_smaller(tmp_path: Path) -> None:
    with AudioLog.temporary(AudioFormat()) as log:
        log.append(SAMPLES)
        export_audio(log, tmp_path / "a.flac")

    assert (tmp_path / "a.flac").stat().st_size < 0.7 * len(SAMPLES)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_copy_that_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    with AudioLog.temporary(AudioFormat()) as log, pytest.raises(IncompleteError) as failed:
        log.append(SAMPLES)
        export_audio(log, tmp_path / "none" / name)

    assert "cannot be written: No such file or directory." in failed.value.message
    assert log.frames == 400_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_full_disk_leaves_a_copy_incomplete_and_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/dev/full")
    with AudioLog.temporary(AudioFormat()) as log, pytest.raises(IncompleteError) as failed:
        log.append(SAMPLES)
        export_audio(log, tmp_path / name)

    assert failed.value.message.endswith("cannot be written: No space left on device.")
