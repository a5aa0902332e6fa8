"""Every way out: the source stops, what was captured is sent, Terminate, the last turns, saved."""

import json
import signal
import subprocess
import time
from typing import Any

import pytest

from tests.counting import Session, counting_service, drops_at, speak, write_wav
from tests.program import Home, Outcome, finals, finish, wait_until, words

LONG = 300  # words: 30 s


def stopped_by(home: Home, number: signal.Signals, *, turn_words: int = 5) -> tuple[Outcome, Any]:
    write_wav(home.work / "talk.wav", LONG)
    with counting_service(turn_words) as service:
        process = home.start("file", "talk.wav", "--endpoint", service.url, "--jsonl")
        service.wait_for_words(12)
        process.send_signal(number)
        outcome = finish(process)
    return outcome, service


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
@pytest.mark.first(2)
def test_a_signal_drains_the_session(home: Home, number: signal.Signals, code: int) -> None:
    outcome, service = stopped_by(home, number)
    assert outcome.code == code
    (seen,) = service.sessions
    assert seen.terminated
    said = words(outcome.records)
    assert said == [f"w{number}" for number in range(1, len(said) + 1)]
    assert len(said) == service.heard_words  # the turn that was open is there too
    summary = outcome.records[-1]
    assert summary["type"] == "Summary"
    assert summary["terminated"] is True
    assert summary["complete"] is False


def test_the_program_ends_soon_after_termination(home: Home) -> None:
    write_wav(home.work / "talk.wav", 3)

    def ending_s() -> float:
        with counting_service() as service:
            finish(home.start("file", "talk.wav", "--endpoint", service.url, "--again"))
            return time.monotonic() - service.sessions[0].terminated_at

    # A guard, no benchmark: quickstarts sleep here for 2 to 5 s. A busy machine gets more tries.
    assert any(ending_s() < 1.5 for _ in range(4))


def test_a_second_ctrl_c_still_sends_terminate_and_waits_less(home: Home) -> None:
    def never_terminates(session: Session, heard: int) -> None:
        if heard == 0:
            session.finish = lambda: None  # type: ignore[method-assign]

    write_wav(home.work / "talk.wav", LONG)
    with counting_service(fault=never_terminates) as service:
        process = home.start("file", "talk.wav", "--endpoint", service.url, "--jsonl")
        service.wait_for_words(5)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: service.sessions[0].terminated)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        outcome = finish(process)
    assert time.monotonic() - asked < 12  # the first Ctrl+C alone would have waited 15 s
    assert outcome.code == 130
    assert outcome.records[-1]["terminated"] is False
    assert "did not confirm" in outcome.err


def test_standard_input_that_ends_late_is_sent_to_its_last_word(home: Home) -> None:
    with counting_service() as service:
        process = home.start(
            "file", "-", "--endpoint", service.url, "--jsonl", stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(speak(10))
        process.stdin.flush()
        service.wait_for_words(9)  # the tenth ends where the audio ends
        process.stdin.write(speak(7, first=11))
        outcome = finish(process)
    assert words(outcome.records) == [f"w{number}" for number in range(1, 18)]
    assert outcome.code == 0


def test_a_full_disk_on_one_output_leaves_the_others_alone(home: Home) -> None:
    write_wav(home.work / "talk.wav", 10)
    (home.work / "full.txt").symlink_to("/dev/full")
    with counting_service() as service:
        outcome = home.run(
            "file", "talk.wav", "--endpoint", service.url, "--jsonl", "-o", "full.txt"
        )
    assert outcome.code == 6  # saved, but not all that was asked for is there
    assert outcome.records[-1]["complete"] is True
    assert len(finals(outcome.records)) == 2
    assert outcome.err.count("full.txt") == 1


def test_an_error_of_the_service_is_explained_and_everything_else_is_saved(home: Home) -> None:
    def refuse(session: Session, heard: int) -> None:
        if heard == 12:
            session.fail(3006, "User Input Validation Error: Invalid 'prompt': too odd")

    with counting_service(fault=refuse) as service:
        outcome = home.run("file", "-", "--endpoint", service.url, "--jsonl", data=speak(40))
    assert outcome.code == 2
    assert "Invalid 'prompt': too odd" in outcome.err
    assert len(service.sessions) == 1
    types = [record["type"] for record in outcome.records]
    assert types.index("Gap") < len(types) - 2
    error = next(r for r in outcome.records if r["type"] == "Error" and "exit_code" in r)
    assert error["exit_code"] == 2
    assert outcome.records[-1]["complete"] is False
    journal = (home.only_recording() / "journal.jsonl").read_text()
    assert len(finals([json.loads(line) for line in journal.splitlines()])) == 2


@pytest.mark.long
def test_a_lost_connection_is_taken_up_again_without_a_lost_or_doubled_word(home: Home) -> None:
    write_wav(home.work / "talk.wav", 50)
    with counting_service(fault=drops_at(17)) as service:
        outcome = home.run("file", "talk.wav", "--endpoint", service.url, "--jsonl")
    assert outcome.code == 0, outcome.err
    assert words(outcome.records) == [f"w{number}" for number in range(1, 51)]
    assert [turn["turn"] for turn in finals(outcome.records)] == list(range(10))
    types = [record["type"] for record in outcome.records]
    assert types.count("Disconnected") == types.count("Reconnected") == 1
    for turn in finals(outcome.records):
        for word in turn["words"]:
            assert abs(word["start"] - (int(word["text"][1:]) - 1) * 100) <= 20
