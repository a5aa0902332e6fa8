"""A session that nears its end is followed by another: one transcript, one clock, no gap."""

import json
import math
import socket
from itertools import pairwise
from typing import Any

import pytest

from tests.counting import RATE, CountingService, Session, counting_service, write_wav
from tests.program import Home
from tests.word_comparison import assert_exact

pytestmark = pytest.mark.usefixtures("in_process")

LIFE_S = 8  # `expires_at` is in whole seconds: a client may take it for 7
WORDS = 125  # so two sessions are enough, and the file is still being read at the first one's end
EARLIEST, LATEST = 0.9, 0.97
SLACK_S = 2.0  # on a busy machine; `tests/supervisor` has the moments to the ms


def sent_ms(service: CountingService) -> list[float]:
    """How much audio each session was given."""
    return [len(seen.audio) / 2 * 1000 / RATE for seen in service.sessions]


def of_type(records: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [record for record in records if record["type"] == name]


def check(home: Home, service: CountingService, words: int, pace: int = 1) -> list[dict[str, Any]]:
    """A run that rolls over; its records, after what must hold for each such run."""
    write_wav(home.work / "talk.wav", words)
    outcome = home.run(
        *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", str(pace))
    )
    assert outcome.code == 0, outcome.err
    records = outcome.records
    assert_exact(records, words)
    for name in ("Disconnected", "Reconnected", "Gap", "Error"):
        assert of_type(records, name) == []
    # Each session was told that it is over before it was closed for its age.
    assert all(seen.terminated and not seen.expired for seen in service.sessions)
    rollovers = of_type(records, "Rollover")
    assert [(r["session"], r["next_session"]) for r in rollovers] == [
        (number, number + 1) for number in range(len(service.sessions) - 1)
    ]
    # Nothing lies between them. What one was sent while the end of its last turn was under way, the
    # next one is sent again; `tests/simulated` says how much that is, without a machine's haste.
    ends_ms = [0.0, *(float(r["at"]) for r in rollovers), words * 100.0]
    for given, (start, end) in zip(sent_ms(service), pairwise(ends_ms), strict=True):
        assert given >= end - start
    assert given <= end - start + 50  # a short last chunk may be padded
    summary = records[-1]
    assert summary["sessions"] == len(service.sessions)
    assert summary["terminated"] is summary["complete"] is True
    assert summary["lost_ms"] == 0
    assert summary["session_s"] >= math.floor(summary["audio_s"] / pace)
    return records


def test_the_next_session_takes_over_between_two_turns(home: Home) -> None:
    with counting_service(turn_words=5, expires_in_s=LIFE_S) as service:
        records = check(home, service, WORDS)
    (rollover,) = of_type(records, "Rollover")
    at_s = rollover["at"] / 1000
    assert (LIFE_S - 1) * EARLIEST - SLACK_S <= at_s <= LIFE_S * LATEST + SLACK_S
    finals = [r for r in of_type(records, "Turn") if r["final"]]
    last = max(turn["end"] for turn in finals if turn["session"] == 0)
    first = min(turn["start"] for turn in finals if turn["session"] == 1)
    assert last <= rollover["at"] <= first


@pytest.mark.long
def test_someone_who_never_pauses_is_taken_over_in_time(home: Home) -> None:
    with counting_service(turn_words=1000, expires_in_s=LIFE_S) as service:
        records = check(home, service, WORDS)
    (rollover,) = of_type(records, "Rollover")
    at_s = rollover["at"] / 1000
    assert (LIFE_S - 1) * LATEST - SLACK_S <= at_s <= LIFE_S * LATEST + SLACK_S


@pytest.mark.long
def test_the_first_session_is_heard_to_its_own_end(home: Home) -> None:
    def is_slow(session: Session, heard: int) -> None:
        if session.number == 0 and heard == 0:
            finish = session.finish

            def finish_late() -> None:
                service.wait_for_words(session.heard + 3)  # which the second one hears
                finish()

            session.finish = finish_late  # type: ignore[method-assign]

    with counting_service(turn_words=5, fault=is_slow, expires_in_s=LIFE_S) as service:
        records = check(home, service, WORDS)
    assert [r["session"] for r in of_type(records, "Termination")] == [0, 1]
    turns = [turn["session"] for turn in of_type(records, "Turn") if turn["final"]]
    assert turns == sorted(turns)  # whatever came first, what was said first is told first


@pytest.mark.long
def test_what_is_captured_and_not_sent_is_rolled_over_too(home: Home) -> None:
    # The file is read to its end, a few seconds ahead, before the session nears its own end.
    with counting_service(turn_words=5, expires_in_s=LIFE_S) as service:
        records = check(home, service, 100)
    assert len(of_type(records, "Rollover")) == 1


@pytest.mark.long
def test_an_old_session_that_breaks_off_and_owes_words_is_taken_up_where_they_are(
    home: Home,
) -> None:
    def breaks_off(session: Session, heard: int) -> None:
        def break_off() -> None:
            service.wait_for_words(session.heard + 8)  # the second one has ended a turn by then
            session.connection.socket.shutdown(socket.SHUT_RDWR)

        if session.number == 0 and heard == 0:
            session.finish = break_off  # type: ignore[method-assign]
        if session.number == 0 and heard == 121:
            session.turn = lambda *, end: None  # type: ignore[method-assign]

    write_wav(home.work / "talk.wav", 2 * WORDS)
    with counting_service(turn_words=5, fault=breaks_off, expires_in_s=LIFE_S) as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", "2")
        )
    assert_exact(outcome.records, 2 * WORDS)
    assert outcome.code == 0, outcome.err
    (again,) = of_type(outcome.records, "Reconnected")
    assert again["at"] < 12_100
    assert len(of_type(outcome.records, "Rollover")) == 1


@pytest.mark.long
def test_a_recording_of_any_length_is_one_transcript(home: Home) -> None:
    with counting_service(turn_words=5, expires_in_s=8) as service:
        records = check(home, service, 600, pace=2)
    assert len(of_type(records, "Rollover")) >= 3


def test_a_service_that_closes_for_age_before_its_time_is_connected_to_again(home: Home) -> None:
    def is_early(session: Session, heard: int) -> None:
        if session.number == 0 and heard == 23:
            session.seen.expired = True
            session.connection.close(3008, "Session Expired: Maximum session duration exceeded")

    write_wav(home.work / "talk.wav", 60)
    with counting_service(fault=is_early) as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", "4")
        )
    assert outcome.code == 0, outcome.err
    assert_exact(outcome.records, 60)
    assert len(of_type(outcome.records, "Reconnected")) == 1
    assert of_type(outcome.records, "Rollover") == []
    assert [seen.terminated for seen in service.sessions] == [False, True]
    journal = (home.only_recording() / "journal.jsonl").read_text().splitlines()
    assert sum(json.loads(line)["type"] == "Disconnected" for line in journal) == 1
