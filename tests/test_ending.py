"""The exit code of a run that was stopped."""

import pytest

from transcribe_cli.ending import exit_status
from transcribe_cli.exit_status import ExitStatus

OK, INCOMPLETE = ExitStatus.OK, ExitStatus.INCOMPLETE
INTERRUPTED, TERMINATED = ExitStatus.INTERRUPTED, ExitStatus.TERMINATED


@pytest.mark.parametrize(
    ("stops", "microphone", "file"),
    [
        ([], OK, OK),
        (["limit"], OK, OK),
        (["q"], OK, INTERRUPTED),
        (["SIGINT"], OK, INTERRUPTED),
        (["SIGBREAK"], OK, INTERRUPTED),
        (["SIGTERM"], OK, TERMINATED),
        (["SIGHUP"], OK, TERMINATED),
        (["SIGINT", "SIGTERM"], OK, INTERRUPTED),
        (["SIGTERM", "SIGINT"], OK, TERMINATED),
        (["SIGINT", "SIGINT"], INTERRUPTED, INTERRUPTED),
        (["q", "SIGTERM"], OK, TERMINATED),
    ],
)
def test_stop(stops: list[str], microphone: ExitStatus, file: ExitStatus) -> None:
    assert exit_status(OK, stops, spoken_now=True) is microphone
    assert exit_status(OK, stops, spoken_now=False) is file


def test_microphone_that_is_stopped_once_keeps_what_its_sessions_say() -> None:
    assert exit_status(INCOMPLETE, ["SIGINT"], spoken_now=True) is INCOMPLETE
    assert exit_status(INCOMPLETE, ["SIGINT", "SIGINT"], spoken_now=True) is INTERRUPTED
