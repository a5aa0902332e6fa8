"""Where a recording's audio is kept while it runs, and the copy that `--record` leaves of it."""

from pathlib import Path

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.trimmed_log import TrimmedLog
from transcribe_cli.recordings.folder import AUDIO
from transcribe_cli.system.regular_file import open_regular


def open_log(
    folder: Path | None, audio: AudioFormat, record: str | None, *, is_there: bool
) -> AudioLog:
    """The audio log: saved of a microphone or a pipe; of what is there, temporary and trimmed.

    Args:
        folder: of the recording; None where nothing is saved.
        record: where `--record` wants the audio.
        is_there: the source can be read again: a file, and what some addresses have.
    """
    if not is_there and folder is not None:
        return AudioLog.create(folder / AUDIO, audio, open_regular)
    if record and not is_there and record.lower().endswith(".wav"):
        return AudioLog.create(Path(record), audio)
    if is_there and not record:
        return TrimmedLog.temporary(audio, folder)
    return AudioLog.temporary(audio, folder)


def leave_audio(log: AudioLog, record: str | None) -> Path | None:
    """Write the audio to `--record`, as a copy or FLAC of the log; returns its path.

    Raises:
        IncompleteError: it cannot be written.
    """
    if not record:
        return None
    target = Path(record)
    if log.path == target:
        return target
    from transcribe_cli.audio.export import export_audio

    export_audio(log, target)
    return target
