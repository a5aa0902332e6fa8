"""The exit code of the program, row by row of the table in `exit_status.py`."""

import pytest

from transcribe_cli.errors import AudioError, UsageError, status_of
from transcribe_cli.exit_status import (
    BY_KEY,
    ExitStatus,
    FileEnd,
    is_stopped_by_person,
    of_command,
    of_exception,
    of_journal,
    of_merged,
    of_outputs,
    of_recording,
    of_run,
)

AUDIO, SERVICE = ExitStatus.AUDIO, ExitStatus.SERVICE
OK, INCOMPLETE = ExitStatus.OK, ExitStatus.INCOMPLETE
INTERRUPTED, TERMINATED = ExitStatus.INTERRUPTED, ExitStatus.TERMINATED


@pytest.mark.parametrize(
    ("stops", "microphone", "file"),
    [
        ([], OK, OK),
        (["limit"], OK, OK),
        ([BY_KEY], OK, INTERRUPTED),
        (["SIGINT"], OK, INTERRUPTED),
        (["SIGBREAK"], OK, INTERRUPTED),
        (["SIGTERM"], OK, TERMINATED),
        (["SIGHUP"], OK, TERMINATED),
        (["SIGINT", "SIGTERM"], OK, INTERRUPTED),
        (["SIGTERM", "SIGINT"], OK, TERMINATED),
        (["SIGINT", "SIGINT"], INTERRUPTED, INTERRUPTED),
        (["SIGBREAK", "SIGBREAK"], INTERRUPTED, INTERRUPTED),
        (["SIGBREAK", "SIGINT"], INTERRUPTED, INTERRUPTED),
        (["SIGHUP", "SIGTERM"], OK, TERMINATED),  # as a closed terminal sends them
        ([BY_KEY, "SIGTERM"], OK, TERMINATED),
    ],
)
def test_stops_of_a_run(stops: list[str], microphone: ExitStatus, file: ExitStatus) -> None:
    assert of_run(OK, stops, spoken_now=True) is microphone
    assert of_run(OK, stops, spoken_now=False) is file


def test_microphone_that_is_stopped_once_keeps_what_its_sessions_say() -> None:
    assert of_run(INCOMPLETE, ["SIGINT"], spoken_now=True) is INCOMPLETE
    assert of_run(INCOMPLETE, ["SIGINT", "SIGINT"], spoken_now=True) is INTERRUPTED


@pytest.mark.parametrize("spoken_now", [True, False])
def test_problem_that_is_told_has_the_code(spoken_now: bool) -> None:
    assert of_run(SERVICE, [], SERVICE, spoken_now=spoken_now) is SERVICE
    assert of_run(OK, [], AUDIO, spoken_now=spoken_now) is AUDIO
    assert of_run(INCOMPLETE, [], AUDIO, spoken_now=spoken_now) is AUDIO


def test_file_that_was_stopped_says_so_whatever_else_went_wrong() -> None:
    assert of_run(SERVICE, [BY_KEY], AUDIO, spoken_now=False) is INTERRUPTED


@pytest.mark.parametrize(
    ("stops", "by_person"),
    [([], False), (["limit", "output"], False), ([BY_KEY], True), (["limit", "SIGHUP"], True)],
)
def test_limit_is_no_person(stops: list[str], by_person: bool) -> None:
    assert is_stopped_by_person(stops) is by_person


@pytest.mark.parametrize("stops", [[], ["limit"]])
def test_limit_is_the_end_of_a_microphone_and_no_end_of_a_file(stops: list[str]) -> None:
    assert of_run(OK, stops, spoken_now=True, limited=True) is OK
    assert of_run(OK, stops, spoken_now=False, limited=True) is INCOMPLETE
    assert of_run(SERVICE, stops, spoken_now=False, limited=True) is SERVICE
    assert of_run(OK, [*stops, BY_KEY], spoken_now=False, limited=True) is INTERRUPTED


def test_output_that_is_given_up_counts_where_all_else_went_well() -> None:
    assert of_outputs(OK, given_up=True) is INCOMPLETE
    assert of_outputs(OK, given_up=False) is OK
    assert of_outputs(AUDIO, given_up=True) is AUDIO


@pytest.mark.parametrize(
    ("run", "stdout", "record", "status"),
    [
        (OK, OK, OK, OK),
        (OK, OK, AUDIO, AUDIO),
        (OK, INCOMPLETE, AUDIO, INCOMPLETE),
        (SERVICE, INCOMPLETE, AUDIO, SERVICE),
    ],
)
def test_outputs_of_a_recording_count_where_its_run_went_well(
    run: ExitStatus, stdout: ExitStatus, record: ExitStatus, status: ExitStatus
) -> None:
    assert of_recording(run, stdout, record) is status


STOPPED, KILLED = FileEnd(INTERRUPTED, cut_short=True), FileEnd(TERMINATED, cut_short=True)
UNHEARD = FileEnd(OK, cut_short=True)


@pytest.mark.parametrize(
    ("files", "stdout", "status"),
    [
        ([], OK, OK),
        ([FileEnd(OK)], OK, OK),
        ([FileEnd(OK), FileEnd(AUDIO), FileEnd(SERVICE)], OK, AUDIO),
        ([FileEnd(AUDIO), STOPPED], OK, INTERRUPTED),
        ([STOPPED, FileEnd(AUDIO)], OK, INTERRUPTED),
        ([STOPPED, KILLED], OK, TERMINATED),
        ([UNHEARD, FileEnd(AUDIO)], OK, AUDIO),
        ([FileEnd(OK)], ExitStatus.FAULT, ExitStatus.FAULT),
        ([FileEnd(AUDIO)], ExitStatus.FAULT, AUDIO),
    ],
)
def test_files_of_a_command(files: list[FileEnd], stdout: ExitStatus, status: ExitStatus) -> None:
    assert of_command(files, stdout) is status


@pytest.mark.parametrize(
    ("codes", "told", "status"),
    [
        ([], {"complete": True}, OK),
        ([3], {"complete": True}, OK),  # an error that a later try has made good
        ([], {"cut_off": True}, INCOMPLETE),
        ([3], {"cut_off": True}, INCOMPLETE),
        ([], {}, INCOMPLETE),
        ([3, 5], {}, SERVICE),
        ([3, 0, 99, "5", None, [5]], {}, AUDIO),  # what no run of ours has written
    ],
)
def test_run_that_a_journal_tells_of(
    codes: list[object], told: dict[str, bool], status: ExitStatus
) -> None:
    assert of_journal(codes, **told) is status


@pytest.mark.parametrize(
    ("files", "missing", "status"),
    [
        ([], False, OK),
        ([], True, INCOMPLETE),
        ([OK, AUDIO, INCOMPLETE], False, AUDIO),
        ([OK, SERVICE], True, SERVICE),
        ([OK], True, INCOMPLETE),
    ],
)
def test_files_that_are_merged(files: list[ExitStatus], missing: bool, status: ExitStatus) -> None:
    assert of_merged(files, missing=missing) is status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("No such option."), ExitStatus.USAGE),
        (AudioError("No device.", exit_status=SERVICE), SERVICE),
        (BrokenPipeError(), OK),
        (KeyboardInterrupt(), INTERRUPTED),
        (KeyError("a bug"), ExitStatus.FAULT),
    ],
)
def test_exception_that_ends_a_command(error: BaseException, status: ExitStatus) -> None:
    assert of_exception(error) is status


def test_no_problem_is_no_failure() -> None:
    assert status_of(None) is OK
    assert status_of(AudioError("No device.")) is AUDIO
