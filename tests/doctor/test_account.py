"""The key, and what the course of a session says."""

from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import pytest

from tests.counting import counting_service
from transcribe_cli.doctor import account
from transcribe_cli.doctor.account import SessionOutcome, check_key, check_session, session_finding
from transcribe_cli.doctor.findings import FindingState
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.messages import Error
from transcribe_cli.session.connection import CloseFrame
from transcribe_cli.settings.credentials import Credentials
from transcribe_cli.settings.environment import Environment

REMOTE = "wss://streaming.example/v3/ws"
HERE = "ws://127.0.0.1:8765/v3/ws"
KEY = "0123456789abcdef" * 2


def environment(folder: Path, **variables: str) -> Environment:
    return Environment(BytesIO(), StringIO(), StringIO(), variables, folder)


def test_key_comes_from_the_environment_and_is_never_said(tmp_path: Path) -> None:
    finding, credentials = check_key(environment(tmp_path, ASSEMBLYAI_API_KEY=KEY), REMOTE)
    assert finding.state is FindingState.OK
    assert finding.text == "from ASSEMBLYAI_API_KEY in the environment"
    assert credentials is not None
    assert credentials.key == KEY


def test_key_comes_from_the_file_of_the_folder(tmp_path: Path) -> None:
    file = {"ASSEMBLYAI_API_KEY": KEY}
    finding, _ = check_key(replace(environment(tmp_path), dotenv=file), REMOTE)
    assert finding.text == f"from {tmp_path / '.env'}"


@pytest.mark.parametrize("key", [f"Bearer {KEY}", f"'{KEY}'", KEY[:-1], "your-key-here"])
def test_key_of_another_form_is_a_warning(tmp_path: Path, key: str) -> None:
    finding, credentials = check_key(environment(tmp_path, ASSEMBLYAI_API_KEY=key), REMOTE)
    assert finding.state is FindingState.WARNING
    assert key not in finding.text + finding.hint
    assert credentials is not None  # the service has the last word


def test_temporary_token_will_do(tmp_path: Path) -> None:
    finding, credentials = check_key(environment(tmp_path, AAI_STREAM_TOKEN="t"), REMOTE)
    assert (finding.state, credentials is not None) == (FindingState.OK, True)
    assert "AAI_STREAM_TOKEN" in finding.text


def test_key_is_needed_away_from_this_machine(tmp_path: Path) -> None:
    finding, credentials = check_key(environment(tmp_path), REMOTE)
    assert (finding.state, finding.exit_status) == (FindingState.FAILED, ExitStatus.ACCOUNT)
    assert credentials is None
    assert check_key(environment(tmp_path), HERE)[0].state is FindingState.OK


def test_key_does_not_go_unencrypted(tmp_path: Path) -> None:
    found = check_key(environment(tmp_path, ASSEMBLYAI_API_KEY=KEY), "ws://streaming.example/v3/ws")
    assert found[0].state is FindingState.FAILED
    assert found[1] is None


BEGIN = b'{"type":"Begin","id":"a","expires_at":1772570132}'
TERMINATION = b'{"type":"Termination","audio_duration_seconds":0,"session_duration_seconds":1}'
ERROR = b'{"type":"Error","error_code":1008,"error":"Unauthorized Connection: Invalid API key"}'


def course_of(*messages: bytes | CloseFrame) -> SessionOutcome:
    outcome = SessionOutcome()
    for second, message in enumerate(messages, 1):
        outcome = outcome.after(message, float(second))
    return outcome


def test_course_takes_note_of_what_counts() -> None:
    odd = (b"no JSON", b"[]", b'{"type":"Novelty"}')
    assert course_of(*odd, BEGIN, *odd, TERMINATION) == SessionOutcome(begun_s=4.0, billed_s=1.0)
    assert course_of(BEGIN, BEGIN).begun_s == 1.0
    refused = course_of(ERROR, CloseFrame(1008, "See Error message for details"))
    assert refused.is_over
    assert refused.error == Error(1008, "Unauthorized Connection: Invalid API key")


def test_nothing_comes_after_the_end() -> None:
    assert course_of(BEGIN, TERMINATION, CloseFrame(1000, "")).close is None
    assert course_of(CloseFrame(1011, ""), BEGIN).begun_s is None


def test_session_that_ended_says_what_it_cost() -> None:
    finding = session_finding(SessionOutcome(begun_s=0.61, billed_s=1.0), 0.45)
    assert finding.state is FindingState.OK
    assert "0.6 s" in finding.text
    assert "1 s billed, about $0.0001" in finding.text
    assert "$" not in session_finding(SessionOutcome(begun_s=0.61, billed_s=1.0), 0.0).text


@pytest.mark.parametrize(
    ("outcome", "area", "status"),
    [
        (
            SessionOutcome(error=Error(1008, "Unauthorized Connection: Invalid API key")),
            "key",
            ExitStatus.ACCOUNT,
        ),
        (
            SessionOutcome(close=(1008, "Unauthorized Connection: Invalid API key")),
            "key",
            ExitStatus.ACCOUNT,
        ),
        (
            SessionOutcome(error=Error(1008, "Too many concurrent sessions"), close=(1008, "")),
            "session",
            ExitStatus.SERVICE,
        ),
        (
            SessionOutcome(begun_s=1.0, error=Error(3005, "Session Cancelled")),
            "session",
            ExitStatus.SERVICE,
        ),
        (SessionOutcome(close=(1011, "")), "session", ExitStatus.SERVICE),
        (SessionOutcome(), "session", ExitStatus.SERVICE),
    ],
)
def test_refusal_is_explained(outcome: SessionOutcome, area: str, status: ExitStatus) -> None:
    finding = session_finding(outcome, 0.45)
    assert (finding.area, finding.state, finding.exit_status) == (area, FindingState.FAILED, status)
    assert finding.hint


def test_end_that_is_not_confirmed_is_a_warning() -> None:
    for outcome in (SessionOutcome(begun_s=1.0), SessionOutcome(begun_s=1.0, close=(1000, ""))):
        assert session_finding(outcome, 0.45).state is FindingState.WARNING


def test_the_file_is_another_programs_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OTHER=1\n")
    finding, _ = check_key(environment(tmp_path, ASSEMBLYAI_API_KEY=KEY), REMOTE)
    assert finding.text.endswith("in the environment")


def test_service_on_this_machine_has_longer_to_end_a_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(account, "_END_LIMIT_S", 0.0)
    with counting_service() as service:
        elsewhere = check_session(service.url, Credentials(), local=False)
        here = check_session(service.url, Credentials(), local=True)
    assert (elsewhere.state, here.state) == (FindingState.WARNING, FindingState.OK)
