"""A network that fails: whatever it does, each word comes out once, in order, at its time."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import make_certificate
from tests.counting import (
    RATE,
    WORD_MS,
    CountingService,
    Session,
    counting_service,
    speak,
    write_wav,
)
from tests.program import DEADLINE_S, Home, Outcome, finish, wait_until
from tests.proxy import Proxy, Way
from tests.terminal import Terminal
from tests.word_comparison import assert_exact
from transcribe_cli.emulator.local_service import LocalService

pytestmark = pytest.mark.usefixtures("in_process")

DEAD_WITHIN_S = 10.0  # to the second in `tests/session/test_session.py`
BUSY_S = 10.0  # on a machine that has much else to do
BLOCK_WORDS = 2  # that a live source gives at a time


@contextmanager
def network(turn_words: int = 5, *, pings: bool = True) -> Iterator[tuple[CountingService, Proxy]]:
    """A counting service, and the bad network that leads to it."""
    with counting_service(turn_words, pings=pings) as service, Proxy(service.url) as proxy:
        yield service, proxy


def start(home: Home, proxy: Proxy, words: int, *options: str) -> subprocess.Popen[bytes]:
    """The program on a file that says so many words."""
    write_wav(home.work / "talk.wav", words)
    return home.start("file", "talk.wav", "--endpoint", proxy.url, "--jsonl", *options)


@contextmanager
def live(process: subprocess.Popen[bytes], words: int) -> Iterator[None]:
    """Speak into its standard input in real time, as a microphone does: it waits for nobody."""

    def feed() -> None:
        began = time.monotonic()
        for first in range(1, words + 1, BLOCK_WORDS):
            count = min(BLOCK_WORDS, words + 1 - first)
            due = began + (first + count) * WORD_MS / 1000
            stdin.write(speak(count, first=first))
            stdin.flush()
            stopped.wait(max(0.0, due - time.monotonic()))
        stdin.close()

    assert process.stdin is not None
    stdin, process.stdin = process.stdin, None
    stopped = threading.Event()
    feeder = threading.Thread(target=feed, name="live")
    feeder.start()
    try:
        yield
    finally:
        feeder.join(DEADLINE_S)


def await_record(
    process: subprocess.Popen[bytes], is_it: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Read the program's records up to the one that is meant."""
    assert process.stdout is not None
    for line in process.stdout:
        record: dict[str, Any] = json.loads(line)
        if is_it(record):
            return record
    raise AssertionError("the record did not come")


def is_final(record: dict[str, Any]) -> bool:
    return record["type"] == "Turn" and record["final"] is True


def journal(home: Home) -> list[dict[str, Any]]:
    """Every record of the run, also those that a test has read from standard output."""
    lines = (home.only_recording() / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def check(home: Home, outcome: Outcome, words: int, *, cuts: int) -> list[dict[str, Any]]:
    """The run came through, and its journal says what happened."""
    records = journal(home)
    assert_exact(records, words)
    assert outcome.code == 0, outcome.err
    types = [record["type"] for record in records]
    assert types.count("Disconnected") == types.count("Reconnected") == cuts
    assert types[-1] == "Summary" and records[-1]["complete"] is True
    assert records[-1]["lost_ms"] == 0
    return records


def check_terminates(service: CountingService, cut: set[int]) -> None:
    """Every session but the ones that were cut was told that it is over."""
    told = [seen.terminated for seen in service.sessions]
    assert told == [number not in cut for number in range(len(told))]


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.first(1)
def test_a_cut_in_the_middle_of_a_turn(home: Home, reset: bool) -> None:
    with network() as (service, proxy):
        process = start(home, proxy, 60, "--pace", "4")
        service.wait_for_words(22)
        proxy.cut(reset=reset)
        outcome = finish(process)
    check(home, outcome, 60, cuts=1)
    check_terminates(service, cut={0})
    assert len(service.sessions) == 2


def test_a_cut_between_two_turns(home: Home) -> None:
    with network(turn_words=10) as (service, proxy):
        process = start(home, proxy, 60, "--pace", "4")
        await_record(process, is_final)
        proxy.cut()
        outcome = finish(process)
    records = check(home, outcome, 60, cuts=1)
    again = next(record for record in records if record["type"] == "Reconnected")
    assert again["at"] >= 9 * WORD_MS  # what is final is not said a second time
    check_terminates(service, cut={0})


def test_a_cut_after_terminate_and_before_the_last_turns(home: Home) -> None:
    with network() as (service, proxy):
        process = start(home, proxy, 23, "--pace", "4")
        service.wait_for_words(12)
        proxy.swallow(Way.DOWN)
        wait_until(lambda: service.sessions[0].terminated)
        proxy.cut()
        proxy.heal()
        outcome = finish(process)
    records = check(home, outcome, 23, cuts=1)
    assert [seen.terminated for seen in service.sessions] == [True, True]
    assert records[-1]["terminated"] is False  # the first one's end was never confirmed


@pytest.mark.parametrize("silent_from", [24, 21], ids=["in mid turn", "before it was begun"])
def test_a_polite_close_before_termination_is_no_end(home: Home, silent_from: int) -> None:
    def leaves_early(session: Session, heard: int) -> None:
        if session.number == 0 and heard == 0:
            session.finish = lambda: session.connection.close(1000)  # type: ignore[method-assign]
        if session.number == 0 and heard == silent_from:
            session.turn = lambda *, end: None  # type: ignore[method-assign]

    write_wav(home.work / "talk.wav", 23)
    with counting_service(fault=leaves_early) as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", "4")
        )
    check(home, outcome, 23, cuts=1)
    assert [seen.terminated for seen in service.sessions] == [True, True]


def test_a_cut_during_the_handshake(home: Home) -> None:
    with network() as (service, proxy):
        proxy.swallow()
        process = start(home, proxy, 20, "--pace", "4")
        proxy.wait_for_connections(1)
        proxy.cut()
        proxy.heal()
        outcome = finish(process)
    assert_exact(journal(home), 20)
    assert outcome.code == 0, outcome.err
    assert proxy.accepted == 2
    (seen,) = service.sessions
    assert seen.terminated


@pytest.mark.long
def test_cuts_one_after_the_other(home: Home) -> None:
    with network() as (service, proxy):
        process = start(home, proxy, 80, "--pace", "4")
        service.wait_for_words(13)
        proxy.cut(reset=True)
        proxy.wait_for_connections(2)
        proxy.cut()  # before it has begun, or hardly
        service.wait_for_words(45)
        proxy.cut()
        outcome = finish(process)
    records = journal(home)
    assert_exact(records, 80)
    assert outcome.code == 0, outcome.err
    assert sum(record["type"] == "Disconnected" for record in records) == 3
    assert service.sessions[-1].terminated


def test_a_network_that_is_down_for_a_while(home: Home) -> None:
    with network() as (service, proxy):
        process = start(home, proxy, 60, "--pace", "4")
        service.wait_for_words(20)
        proxy.go_down()
        for _ in range(3):
            await_record(process, lambda record: record["type"] == "Disconnected")
        proxy.heal()
        outcome = finish(process)
    records = journal(home)
    assert_exact(records, 60)
    assert outcome.code == 0, outcome.err
    assert sum(record["type"] == "Reconnected" for record in records) == 1
    check_terminates(service, cut={0})


@pytest.mark.parametrize(
    "fail",
    [
        Proxy.swallow,
        pytest.param(lambda proxy: proxy.swallow(Way.DOWN), marks=pytest.mark.long),
        pytest.param(lambda proxy: proxy.swallow(Way.UP), marks=pytest.mark.long),
        pytest.param(Proxy.vanish, marks=pytest.mark.long),
    ],
    ids=["both ways", "only down", "only up", "half open"],
)
@pytest.mark.long
def test_a_connection_that_is_open_and_dead_is_given_up_within_ten_seconds(
    home: Home, fail: Callable[[Proxy], None]
) -> None:
    words = 180
    with network() as (service, proxy):
        process = home.start(
            *("file", "-", "--endpoint", proxy.url, "--jsonl", "--pace", "3"),
            stdin=subprocess.PIPE,
        )
        with live(process, words):
            service.wait_for_words(22)
            fail(proxy)
            died = time.monotonic()
            await_record(process, lambda record: record["type"] == "Disconnected")
            noticed_s = time.monotonic() - died
            time.sleep(max(0.0, 12 - noticed_s))  # the length of this outage is its point
            proxy.heal()
            again = await_record(process, lambda record: record["type"] == "Reconnected")
        outcome = finish(process)
    assert 5 < noticed_s <= DEAD_WITHIN_S + BUSY_S
    assert again["behind_ms"] >= 8000
    assert_exact(journal(home), words)
    assert outcome.code == 0, outcome.err
    assert service.sessions[-1].terminated


@pytest.mark.long
def test_a_network_at_half_the_speed_is_caught_up_with(home: Home) -> None:
    """The system's buffers are full for long, but it is not the same audio that waits."""
    words = 450
    # The network holds 20 s of audio by then, behind which pongs wait too: not every service would.
    with network(pings=False) as (service, proxy):
        process = home.start(
            *("file", "-", "--endpoint", proxy.url, "--jsonl"), stdin=subprocess.PIPE
        )
        with live(process, words):
            service.wait_for_words(20)
            proxy.throttle(RATE)  # a byte a frame: half of what is said
            service.wait_for_words(230)
            proxy.heal()
        outcome = finish(process)
    check(home, outcome, words, cuts=0)
    (seen,) = service.sessions
    assert seen.terminated
    late_s = [at - n * 0.05 for n, at in enumerate(seen.arrivals)]
    assert max(late_s) - late_s[0] > 2  # it was behind,
    assert max(late_s) - late_s[-1] > 1  # and catches up, at no more than 1.2 times real time


@pytest.mark.terminal
@pytest.mark.long
def test_a_slow_network_is_told_by_how_far_the_words_are_behind(home: Home) -> None:
    def behind_s() -> float:
        found = re.search(r"(\d+\.\d) s behind", terminal.screen())
        return float(found[1]) if found else -1.0

    write_wav(home.work / "talk.wav", 300)
    with (
        network() as (service, proxy),
        Terminal(home, "file", "talk.wav", "--endpoint", proxy.url, columns=140) as terminal,
    ):
        terminal.wait_for(lambda: 0 <= behind_s() < 1, "showed words that are hardly behind")
        proxy.throttle(RATE / 2)  # a quarter of what is said
        terminal.wait_for(lambda: behind_s() > 2, "said that the words are behind")
        proxy.heal()
        terminal.wait_for(lambda: 0 <= behind_s() < 1, "caught up")
        terminal.type("C-c")
        terminal.wait_for_exit()
    assert_exact(journal(home), service.heard_words)


def test_a_slow_line_costs_time_and_no_words(home: Home) -> None:
    with network() as (service, proxy):
        proxy.delay(0.3)
        process = start(home, proxy, 40, "--pace", "4")
        outcome = finish(process)
    check(home, outcome, 40, cuts=0)
    check_terminates(service, cut=set())


@pytest.mark.long
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.first(1)
def test_a_cut_of_a_tls_connection(home: Home, tmp_path: Path, reset: bool) -> None:
    cert, key = make_certificate(tmp_path)
    logbook = tmp_path / "logbook.jsonl"
    arguments = ("--certfile", str(cert), "--keyfile", str(key), "--logbook", str(logbook))
    with (
        LocalService("--engine", "counting", *arguments) as service,
        Proxy(service.url) as proxy,
    ):
        write_wav(home.work / "talk.wav", 60)
        process = home.start(
            *("file", "talk.wav", "--endpoint", proxy.url, "--jsonl", "--pace", "4"),
            env={"SSL_CERT_FILE": str(cert)},
        )
        await_record(process, is_final)
        proxy.wait_for_bytes(Way.UP, 8000)
        proxy.cut(reset=reset)
        outcome = finish(process)
    check(home, outcome, 60, cuts=1)
    events = [json.loads(line) for line in logbook.read_text().splitlines()]
    assert [event["event"] for event in events].count("terminate") == 1
    assert [event["code"] for event in events if event["event"] == "close"] == [1006, 1000]


@pytest.mark.parametrize(
    "faults",
    [
        ["session=0:drop@word=12"],
        ["session=0:error=3005@turn=2"],
        ["session=0:close=1012@audio=1s", "session=1:reset@begin"],
        ["session=0:refuse=503", "session=1:drop@connect"],
        ["session=0:reset@terminate"],
        ["delay=50ms..200ms", "stall=500ms@audio=2s"],
        ["chance=60%:drop@0s..900ms"],
    ],
    ids=" ".join,
)
@pytest.mark.first(1)
def test_the_faults_of_serve_cost_no_word(home: Home, tmp_path: Path, faults: list[str]) -> None:
    given = [argument for fault in faults for argument in ("--fault", fault)]
    logbook = tmp_path / "logbook.jsonl"
    options = ("--fault-seed", "4", "--logbook", str(logbook))
    write_wav(home.work / "talk.wav", 40)
    with LocalService("--engine", "counting", *given, *options) as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", "4")
        )
    assert_exact(outcome.records, 40)
    assert outcome.code == 0, outcome.err
    assert outcome.records[-1]["complete"] is True
    events = [json.loads(line) for line in logbook.read_text().splitlines()]
    assert {event["fault"] for event in events if event["event"] == "fault"} == set(faults)
    assert events[-1]["event"] == "close" and events[-1]["code"] == 1000
