"""What client and workers tell each other: values that come out as they went in, and no secret."""

from transcribe_cli.cluster import wire
from transcribe_cli.errors import AudioError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.settings.file_options import FileOptions


def test_settings_come_out_as_they_went_in() -> None:
    options = FileOptions(model="whisper-rt", keyterm=["RNase"], start="1:30", jobs=4)
    settings = wire.Settings(options=options, since="2026-11-28T00:00:00.000Z")
    assert wire.read_settings(wire.encode(settings)) == settings


def test_an_outcome_carries_the_error_with_its_exit_code() -> None:
    problem = wire.problem_of(AudioError("'a.wav' is empty.", "check what wrote it"))
    report = wire.Report(ended={"k": wire.FileOutcome(exit_status=3, problem=problem)})
    told = wire.read_report(wire.encode(report)).ended["k"].problem
    assert told is not None
    error = told.error()
    assert (error.message, error.hint) == ("'a.wav' is empty.", "check what wrote it")
    assert error.exit_status is ExitStatus.AUDIO
    assert isinstance(error, AudioError)  # which does not stop the other files


def test_an_event_has_the_progress_of_many_files() -> None:
    progress = wire.ProgressReport("2026-talk", 1.5, None, 2.0, 1.6, "transcribing", 3, "", None)
    event = wire.Report(progress={"k": progress}, notices=[wire.Notice("warning", "x")])
    assert wire.read_report(wire.encode(event)) == event
