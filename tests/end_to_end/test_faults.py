"""What goes wrong around a run: readers that stop, networks that drop, silent services."""

import fcntl
import os
import signal
import subprocess
import time

import pytest

from tests.counting import Session, counting_service, drops_at, speak, write_wav
from tests.program import Home, finish, wait_until, words

F_SETPIPE_SZ = 1031


def test_a_reader_that_stops_reading_cannot_hold_the_program_up(home: Home) -> None:
    write_wav(home.work / "talk.wav", 600)
    with counting_service() as service:
        read_end, write_end = os.pipe()
        fcntl.fcntl(write_end, F_SETPIPE_SZ, 4096)
        process = home.start(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", "8"),
            stdout=write_end,
        )
        os.close(write_end)
        service.wait_for_words(100)  # many times what the pipe holds
        process.send_signal(signal.SIGINT)
        time.sleep(1)  # a person who waits, and then insists
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
        os.close(read_end)
    assert outcome.code == 130
    assert service.sessions[0].terminated
    assert (home.only_recording() / "journal.jsonl").read_text().count('"Summary"') == 1


@pytest.mark.long
def test_standard_error_that_nobody_reads_does_not_end_a_run(home: Home) -> None:
    write_wav(home.work / "talk.wav", 20)
    with counting_service(fault=drops_at(7)) as service:
        process = home.start("file", "talk.wav", "--endpoint", service.url, "--text")
        assert process.stderr is not None
        process.stderr.close()
        process.stderr = None
        outcome = finish(process)
    assert outcome.code == 0
    assert outcome.out.split() == [f"w{number}" for number in range(1, 21)]


def test_error_that_nobody_reads_keeps_its_exit_code(home: Home) -> None:
    process = home.start("file", "missing.wav", "--local")
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    assert finish(process).code == 3


@pytest.mark.long
def test_silence_of_long_ago_is_not_sent_again_after_a_drop(home: Home) -> None:
    silence_s = 240
    audio = speak(5) + bytes(32000 * silence_s) + speak(10, first=6)
    with counting_service(fault=drops_at(6)) as service:
        process = home.start(
            *("file", "-", "--endpoint", service.url, "--jsonl", "--pace", "20"),
            stdin=subprocess.PIPE,
        )
        outcome = finish(process, audio)
    assert outcome.code == 0, outcome.err
    assert words(outcome.records) == [f"w{number}" for number in range(1, 16)]
    again = next(record for record in outcome.records if record["type"] == "Reconnected")
    # A turn lasts a minute at most, and what the service has received is known every 3 s.
    assert again["at"] > (silence_s - 60 - 20 * 3 - 90) * 1000


def test_stopped_before_the_session_begins_the_service_is_told_all_the_same(home: Home) -> None:
    def never_begins(session: Session, heard: int) -> None:
        if heard == -1:
            for message in session.connection:
                session.seen.terminated = message == '{"type":"Terminate"}'

    write_wav(home.work / "talk.wav", 20)
    with counting_service(fault=never_begins) as service:
        process = home.start("file", "talk.wav", "--endpoint", service.url, "--jsonl")
        wait_until(lambda: service.sessions)
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
        wait_until(lambda: service.sessions[0].closed)
    assert outcome.code == 130
    assert service.sessions[0].terminated
    assert outcome.records[-1]["terminated"] is False
    assert "did not confirm" in outcome.err


@pytest.mark.long
def test_an_outage_is_not_taken_for_silence(home: Home) -> None:
    def refuse_for_a_while(session: Session, heard: int) -> None:
        if session.number == 0 and heard == 8:
            session.connection.socket.shutdown(2)
        if session.number in (1, 2) and heard == -1:
            session.fail(1011, "not yet")

    write_wav(home.work / "talk.wav", 40)
    with counting_service(fault=refuse_for_a_while) as service:
        outcome = home.run(
            "file", "talk.wav", "--endpoint", service.url, "--jsonl", "--idle-stop", "1.2"
        )
    assert outcome.code == 0, outcome.err
    assert words(outcome.records) == [f"w{number}" for number in range(1, 41)]
