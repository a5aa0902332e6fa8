"""A copy of a recording's audio: a WAV, or a FLAC of half its size."""

from pathlib import Path

from transcribe_cli.audio import wav
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.errors import AudioError

_BLOCK_S = 10.0


def export_audio(log: AudioLog, target: Path) -> None:
    """Write everything in the log to `target`, `.flac` or WAV by its suffix.

    Raises:
        AudioError: it cannot be written; the log itself is untouched.
    """
    try:
        if target.suffix.lower() == ".flac":
            _write_flac(log, target)
        else:
            _write_wav(log, target)
    except (OSError, RuntimeError) as e:  # soundfile's errors are RuntimeErrors
        raise AudioError(
            f"'{target}' cannot be written: {e}.", "see whether the disk is full"
        ) from e


def _write_wav(log: AudioLog, target: Path) -> None:
    with target.open("wb") as file:
        file.write(wav.header(log.audio, log.frames * log.audio.frame_bytes))
        for start in range(0, log.frames, log.audio.frames(_BLOCK_S)):
            file.write(log.read(start, log.audio.frames(_BLOCK_S)))


def _write_flac(log: AudioLog, target: Path) -> None:
    import soundfile

    with soundfile.SoundFile(
        str(target), "w", log.audio.rate_hz, log.audio.channels, "PCM_16", format="FLAC"
    ) as file:
        for start in range(0, log.frames, log.audio.frames(_BLOCK_S)):
            file.buffer_write(log.read(start, log.audio.frames(_BLOCK_S)), dtype="int16")
