"""Every end of a session has one meaning: page "Common session errors", the SDKs, RFC 6455."""

import pytest

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import (
    SEE_ERROR,
    Retry,
    explain_close,
    explain_handshake,
)

ACCOUNT, USAGE, SERVICE = ExitStatus.ACCOUNT, ExitStatus.USAGE, ExitStatus.SERVICE
NO, BACK_OFF, SLOWLY, AT_ONCE = Retry.NO, Retry.BACK_OFF, Retry.SLOWLY, Retry.AT_ONCE
DURATION = "Input Duration Violation: 20.0 ms. Expected between 50 and 1000 ms"
VALIDATION = "User Input Validation Error:"

OF_THE_SERVICE = [
    (1000, "", SERVICE, BACK_OFF),
    (1006, "", SERVICE, BACK_OFF),
    (None, "", SERVICE, BACK_OFF),
    (1008, "Unauthorized Connection: Missing Authorization header", ACCOUNT, NO),
    (1008, "Unauthorized Connection: Invalid API key", ACCOUNT, NO),
    (1008, "Unauthorized Connection: Signature has expired", ACCOUNT, NO),
    (1008, "Unauthorized Connection: Your account is disabled", ACCOUNT, NO),
    (1008, "Unauthorized Connection: Too many concurrent sessions", SERVICE, SLOWLY),
    (1008, "Unauthorized connection: Incorrect padding", ACCOUNT, BACK_OFF),
    (1008, "", ACCOUNT, NO),
    (1009, "", SERVICE, NO),
    (1011, "", SERVICE, BACK_OFF),
    (1012, "", SERVICE, BACK_OFF),
    (1013, "Temporary server condition forced blocking client's request", SERVICE, BACK_OFF),
    (3005, "Session Cancelled: An error occurred", SERVICE, BACK_OFF),
    (3005, "Session Cancelled: The engine failed: 'invalid api key' holds no model", SERVICE, NO),
    (3006, "Invalid Message Type: Bogus", SERVICE, NO),
    (3006, "Invalid JSON: {x", SERVICE, NO),
    (3006, f"{VALIDATION} Invalid JSON: Expecting property name", SERVICE, NO),
    (3006, "Invalid Message: '[]'", SERVICE, NO),
    (3006, f"{VALIDATION} Invalid 'speech_model': Input should be 'whisper-rt'", USAGE, NO),
    (3006, f"{VALIDATION} Invalid 'keyterms_prompt': Value error, Invalid JSON array", USAGE, NO),
    (3006, f"{VALIDATION} Invalid 'inactivity_timeout': Input should be at least 5", USAGE, NO),
    (
        3006,
        "Session terminated due to inactivity: No messages received for 5 seconds",
        SERVICE,
        AT_ONCE,
    ),
    (3006, f"{VALIDATION} Failed to decode Opus packet: [Errno 1094995529]", USAGE, NO),
    (3007, DURATION, SERVICE, NO),
    (3007, f"Input Duration Error: {DURATION}", SERVICE, NO),
    (3007, "Audio Transmission Rate Exceeded: Received 9 sec. audio in 2 sec", SERVICE, NO),
    (3007, "Audio transmission rate exceeded: too much audio buffered", SERVICE, NO),
    (3008, "Session Expired: Maximum session duration exceeded", SERVICE, AT_ONCE),
    (3008, "", SERVICE, AT_ONCE),
    (3009, "Unauthorized Connection: Too many concurrent sessions", SERVICE, SLOWLY),
    (3009, "", SERVICE, SLOWLY),
]
# Before February 2026 these came with the catch-all code.
UNDER_3005 = [
    (3005, text, status, retry)
    for code, text, status, retry in OF_THE_SERVICE
    if code in (3006, 3007, 3008, 3009) and text
]
OF_THE_OLD_API = [
    (4000, "", SERVICE, NO),
    (4001, "Not Authorized", ACCOUNT, NO),
    (4002, "Insufficient Funds", ACCOUNT, NO),
    (4003, "", ACCOUNT, NO),
    (4004, "", SERVICE, NO),
    (4008, "", SERVICE, AT_ONCE),
    (4010, "", SERVICE, NO),
    (4029, "", SERVICE, NO),
    (4030, "", SERVICE, NO),
    (4031, "", SERVICE, AT_ONCE),
    (4032, "", SERVICE, NO),
    (4033, "", SERVICE, NO),
    (4034, "", SERVICE, NO),
    (4100, "", SERVICE, NO),
    (4101, "", SERVICE, NO),
    (4102, "", SERVICE, SLOWLY),
    (4103, "", SERVICE, NO),
]


@pytest.mark.parametrize(
    ("code", "text", "status", "retry"), [*OF_THE_SERVICE, *UNDER_3005, *OF_THE_OLD_API]
)
def test_end_of_a_session(code: int | None, text: str, status: ExitStatus, retry: Retry) -> None:
    verdict = explain_close(code, text, SEE_ERROR if text else "")

    assert (verdict.exit_status, verdict.retry) == (status, retry)
    assert verdict.sentence.endswith(".")
    assert verdict.hint
    if text:
        assert text in verdict.sentence
    if code is not None:
        assert f"code {code}" in verdict.sentence


def test_a_list_of_all_values_is_cut() -> None:
    listed = ", ".join(f"'model-{number}'" for number in range(50))
    verdict = explain_close(
        3006, f"{VALIDATION} Invalid 'speech_model': Input should be {listed}", ""
    )

    assert verdict.sentence.startswith("The service does not know the model (it said: ")
    assert verdict.sentence.endswith("..., code 3006).")
    assert len(verdict.sentence) < 240


def test_error_text_decides_before_the_code() -> None:
    verdict = explain_close(1008, "Unauthorized Connection: Too many concurrent sessions", "")

    assert verdict.retry is SLOWLY


def test_reason_of_the_close_is_used_where_no_error_came() -> None:
    assert explain_close(1008, "", "Invalid API key").sentence.startswith(
        "The service refused the API"
    )


def test_reason_that_only_points_at_the_error_is_not_shown() -> None:
    assert SEE_ERROR not in explain_close(3005, "", SEE_ERROR).sentence


def test_unknown_code_of_a_private_range_is_not_tried_again() -> None:
    verdict = explain_close(4999, "", "strange")

    assert verdict.retry is NO
    assert "4999" in verdict.sentence
    assert "strange" in verdict.sentence


@pytest.mark.parametrize(
    ("http_status", "status", "retry"),
    [
        (301, SERVICE, NO),
        (400, SERVICE, NO),
        (401, ACCOUNT, NO),
        (402, ACCOUNT, NO),
        (403, ACCOUNT, NO),
        (404, SERVICE, NO),
        (429, SERVICE, SLOWLY),
        (500, SERVICE, BACK_OFF),
        (502, SERVICE, BACK_OFF),
        (503, SERVICE, BACK_OFF),
    ],
)
def test_http_answer_to_the_upgrade(http_status: int, status: ExitStatus, retry: Retry) -> None:
    verdict = explain_handshake(http_status)

    assert (verdict.exit_status, verdict.retry) == (status, retry)
    assert f"HTTP {http_status}" in verdict.sentence
