"""Faults on purpose: read with care, drawn the same again from a seed, and seen by real clients."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.certificates import make_certificate
from tests.counting import speak
from tests.emulator.official_sdk import SDK, of_kind, sdk_session
from tests.emulator.protocol_client import (
    REPOSITORY,
    TERMINATE,
    next_message,
    session,
    talk,
    until_close,
)
from tests.program import DEADLINE_S
from transcribe_cli.emulator.actions import Answer, Close, Delay, Drop, Stall, Wait
from transcribe_cli.emulator.fault_schedule import FaultPlan, FaultSchedule, TurnCounter
from transcribe_cli.emulator.fault_specs import KINDS, Trigger, parse_fault
from transcribe_cli.emulator.local_service import LocalService
from transcribe_cli.errors import UsageError
from transcribe_cli.testing.service import AssemblyAIService

Logbook = Callable[[], list[dict[str, Any]]]


def due(spec: str, moment: Trigger, amount: float = 0) -> list[Any]:
    """What a fault does when a moment is reached."""
    found = FaultSchedule([parse_fault(spec)]).reached(moment, amount)
    return [action for due in found for action in due.actions]


@pytest.mark.parametrize(
    ("spec", "moment", "amount", "action"),
    [
        ("drop@12.5s", Trigger.TIME, 12.5, Drop()),
        ("reset@300ms", Trigger.TIME, 0.3, Drop(reset=True)),
        ("drop@audio=2m", Trigger.AUDIO, 120, Drop()),
        ("drop@word=40", Trigger.WORD, 40, Drop()),
        ("stall=2s@turn=3", Trigger.TURN, 3, Stall(2000)),
        ("stall@terminate", Trigger.TERMINATE, 0, Stall(None)),
        ("drop@connect", Trigger.CONNECT, 0, Drop()),
        ("close=3005@begin", Trigger.BEGIN, 0, Close(3005, "")),
        ("close=1012 back: at 5@word=1", Trigger.WORD, 1, Close(1012, "back: at 5")),
        ("delay=300ms", Trigger.BEGIN, 0, Delay(300)),
        ("refuse=503", Trigger.CONNECT, 0, Answer(503)),
    ],
)
def test_a_fault_waits_for_its_moment_and_happens_once(
    spec: str, moment: Trigger, amount: float, action: Any
) -> None:
    schedule = FaultSchedule([parse_fault(spec)])
    others = [other for other in Trigger if other is not moment]
    assert not any(schedule.reached(other, 1e9) for other in others)
    if amount:
        assert schedule.reached(moment, amount - 0.001) == []
    (found,) = schedule.reached(moment, amount)
    assert found.spec == spec and found.actions == (action,)
    assert schedule.reached(moment, amount) == []


def test_an_error_is_a_message_and_the_close_that_follows_it() -> None:
    message, wait, close = due("error=3005@3s", Trigger.TIME, 3)
    assert wait == Wait(180)
    assert '"error":"Session Cancelled: An error occurred"' in message.text
    reason, error = "See Error message for details", "Session Cancelled: An error occurred"
    assert close == Close(3005, reason, error)
    own, _, _ = due("error=1008 Unauthorized Connection: no@3s", Trigger.TIME, 3)
    assert '"error":"Unauthorized Connection: no"' in own.text


def test_faults_are_for_the_sessions_they_name() -> None:
    concerned = {
        "drop@1s": [0, 1, 2, 3],
        "session=1:drop@1s": [1],
        "session=1..2:drop@1s": [1, 2],
        "session=2..:drop@1s": [2, 3],
    }
    for spec, connections in concerned.items():
        assert [n for n in range(4) if parse_fault(spec).concerns(n)] == connections


def test_the_same_seed_draws_the_same_faults_and_another_others() -> None:
    def drawn(seed: int) -> list[float | None]:
        plan = FaultPlan(["chance=50%:drop@1s..9s"], seed)
        return [plan.draw(connection).next_time() for connection in range(100)]

    times = [time for time in drawn(1) if time is not None]
    assert drawn(1) == drawn(1) != drawn(2)
    assert 30 < len(times) < 70 and len(set(times)) == len(times)
    assert all(1 <= time <= 9 for time in times)
    assert FaultPlan(["drop@1s..9s"]).is_random and not FaultPlan(["drop@1s"]).is_random


def test_the_next_ones_are_counted_for_connections_and_tokens_apart() -> None:
    plan = FaultPlan()
    plan.draw_next()
    plan.add(["expire=5s", "token=503"], count=2)
    assert [plan.draw_next().expires_in_s for _ in range(3)] == [5, 5, None]
    met = [plan.next_token_fault() for _ in range(3)]
    assert [fault and fault.code for fault in met] == [503, 503, None]
    plan.reset()
    assert (plan.connections, plan.specs) == (0, [])


def test_the_soonest_expiry_counts() -> None:
    plan = FaultPlan(["expire=20s", "session=1:expire=5s"])
    assert [plan.draw(n).expires_in_s for n in range(2)] == [20, 5]
    assert FaultPlan().draw(0).expires_in_s is None


def test_a_redirect_is_for_the_sessions_that_it_names() -> None:
    plan = FaultPlan(["session=1..:redirect=whisper-rt"])
    assert [plan.draw(n).redirects_to for n in range(3)] == [None, "whisper-rt", "whisper-rt"]


def test_faults_of_a_session_s_terms_come_about_when_they_are_told() -> None:
    specs = ["expire=5s", "expire=20s", "redirect=whisper-rt", "termination=never"]
    schedule = FaultPlan(specs).draw_next()
    assert schedule.next_time() is None and not schedule.counts_words
    assert schedule.reached(Trigger.BEGIN) == [("redirect=whisper-rt", ())]
    assert schedule.reached(Trigger.EXPIRY, 4.9) == []
    assert schedule.reached(Trigger.EXPIRY, 5) == [("expire=5s", ())]
    assert schedule.reached(Trigger.TERMINATE) == [("termination=never", ())]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "it is not"),
        ("Drop@3s", "it is not"),
        ("explode@3s", "there is no 'explode'"),
        ("drop", "does not say when"),
        ("drop=5@3s", "takes no value"),
        ("drop@3", "'3' is no time"),
        ("drop@soon", "'soon' is no time"),
        (f"drop@{'9' * 400}s", "is no time"),
        (f"split={'9' * 400}", "is no number"),
        ("close=3005 " + "\u00e9" * 62 + "@3s", "at most 123 bytes"),
        ("close=1006@3s", "drop cuts without any"),
        ("warning=1 \udcff@3s", "it is not UTF-8"),
        ("location=http://h/\r\nSet-Cookie: x", "a location is a URL"),
        ("drop@word=0", "number 1"),
        ("drop@word=x", "'x' is no number"),
        ("drop@word", "'word' is no time"),
        ("drop@line=3", "is no moment"),
        ("drop@9s..3s", "ends before it begins"),
        ("close@3s", "needs a value"),
        ("close=x@3s", "'x' is no number"),
        ("close=1006@3s", "drop cuts without any"),
        ("close=3005@connect", "cannot wait for 'connect'"),
        ("delay@3s", "needs a value"),
        ("refuse=200", "no HTTP status of a refusal"),
        ("refuse=503@3s", "cannot wait for '3s'"),
        ("expire=0s", "more than no time"),
        ("session=3..1:drop@3s", "no session from 3 to 1"),
        ("chance=101%:drop@3s", "at most 100%"),
        ("malformed", "does not say when"),
        ("malformed=x@3s", "takes no value"),
        ("warning=x@3s", "'x' is no number"),
        ("termination=soon", "'soon' is no time"),
        ("split=0", "a byte or more"),
        ("token=200", "no HTTP status of a refusal"),
        ("token=503@3s", "cannot wait for '3s'"),
    ],
)
def test_a_bad_fault_is_named_with_what_is_wrong(spec: str, reason: str) -> None:
    with pytest.raises(UsageError) as e:
        parse_fault(spec)
    assert e.value.message.startswith(f"The fault '{spec}' cannot be set: ")
    assert reason in e.value.message
    assert "drop@word=40" in e.value.hint


def test_a_bad_fault_fails_before_listening() -> None:
    with (
        pytest.raises(Exception, match="there is no 'explode'"),
        LocalService(*COUNTING, "--fault", "explode@3s"),
    ):
        pass


def test_words_and_turns_are_counted_as_they_are_told() -> None:
    def turn(order: int, words: int, *, end: bool) -> str:
        some = ",".join('{"text":"x"}' for _ in range(words))
        return (
            f'{{"type":"Turn","turn_order":{order},'
            f'"end_of_turn":{str(end).lower()},"words":[{some}]}}'
        )

    tally = TurnCounter()
    told = [
        turn(0, 2, end=False),
        turn(0, 3, end=True),
        turn(0, 3, end=True),
        turn(1, 1, end=False),
    ]
    counts = []
    for frame in told:
        assert tally.count(frame)
        counts.append((tally.words, tally.turns))
    assert counts == [(2, 0), (3, 1), (3, 1), (4, 1)]
    assert not tally.count('{"type":"Begin"}') and not tally.count("no json")


def test_the_help_has_every_kind_and_moment_and_the_child_s_own_option_is_hidden() -> None:
    command = [sys.executable, "-m", "transcribe_cli", "serve", "--help"]
    asked = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30)
    _, _, told = asked.stdout.partition("FAULT is ")
    for kind in KINDS:
        assert re.search(rf"\b{kind}\b", told), kind
    for moment in set(Trigger) - {Trigger.TIME, Trigger.EXPIRY}:
        assert moment in told
    assert "--with-parent" not in asked.stdout


# Over a real socket.

COUNTING = ("--engine", "counting")


@pytest.fixture
def faulty(running: AssemblyAIService) -> Callable[..., str]:
    """Have the service begin anew with these faults; returns its address."""

    def begin(*specs: str) -> str:
        running.reset()
        running.control.ask("POST", "/faults", {"faults": specs})
        return running.url

    return begin


@pytest.fixture
def started_faulty(serve: Callable[..., str]) -> Callable[..., str]:
    """Start a service that counts with these faults and options; returns its address."""

    def start(*specs: str, options: tuple[str, ...] = ()) -> str:
        return serve(*COUNTING, *options, *(arg for spec in specs for arg in ("--fault", spec)))

    return start


def said(messages: list[dict[str, Any]]) -> list[str]:
    """The last state of each turn, as words."""
    turns = {m["turn_order"]: m["transcript"].split() for m in messages if m["type"] == "Turn"}
    return [word for words in turns.values() for word in words]


def test_a_drop_comes_instead_of_its_word_and_only_in_its_session(
    started_faulty: Callable[..., str], logbook: Logbook
) -> None:
    url = started_faulty("session=0:drop@word=7")
    cut = talk(url, speak(12))
    before = [f"w{n}" for n in range(1, 7)]
    # What is on its way to a client that still sends may go with the connection.
    heard = said(cut.messages)
    assert cut.code == 1006 and heard == before[: len(heard)]
    whole = talk(url, speak(12))
    assert whole.code == 1000 and said(whole.messages) == [f"w{n}" for n in range(1, 13)]
    assert [event.get("fault") for event in logbook() if event["event"] == "fault"] == [
        "session=0:drop@word=7"
    ]


def test_after_a_turn_means_after_its_final(faulty: Callable[..., str]) -> None:
    heard = talk(faulty("close=1012@turn=2"), speak(12), last=None)
    assert heard.code == 1012 and heard.messages[-1]["end_of_turn"]
    assert said(heard.messages) == [f"w{n}" for n in range(1, 11)]


def test_a_reset_is_a_reset(faulty: Callable[..., str]) -> None:
    with session(faulty("reset@audio=100ms")) as connection:
        next_message(connection)
        connection.send(speak(1))
        with pytest.raises(ConnectionClosedError) as e:
            connection.recv(timeout=DEADLINE_S)
            connection.recv(timeout=DEADLINE_S)
            connection.recv(timeout=DEADLINE_S)
    assert isinstance(e.value.__cause__, ConnectionResetError)


def test_a_refusal_is_an_http_answer(faulty: Callable[..., str]) -> None:
    url = faulty("session=0..1:refuse=503", "session=2:drop@connect")
    for _ in range(2):
        with pytest.raises(InvalidStatus) as e, session(url):
            pass
        assert e.value.response.status_code == 503
    with pytest.raises((InvalidMessage, OSError)), session(url):
        pass
    assert talk(url).code == 1000


def test_before_begin_there_may_be_an_error_only(faulty: Callable[..., str]) -> None:
    heard = talk(faulty("error=1008@begin"), last=None)
    assert heard.error == "Unauthorized Connection: Too many concurrent sessions"
    assert len(heard.messages) == 1


def test_a_stalled_service_answers_nothing_not_even_a_ping(faulty: Callable[..., str]) -> None:
    def is_answered(connection: ClientConnection, within_s: float = 0.5) -> bool:
        return connection.ping().wait(within_s)

    with session(faulty("stall@word=2")) as connection:
        assert next_message(connection)["type"] == "Begin"
        assert is_answered(connection, DEADLINE_S)
        connection.send(speak(1))
        assert next_message(connection)["type"] == "SpeechStarted"
        assert said([next_message(connection)]) == ["w1"]
        connection.send(speak(1, first=2))
        connection.send(TERMINATE)
        deadline = time.monotonic() + DEADLINE_S
        while is_answered(connection):  # what was under way before the word was heard
            assert time.monotonic() < deadline
        with pytest.raises(TimeoutError):
            connection.recv(timeout=0.5)
        connection.socket.shutdown(socket.SHUT_RDWR)  # or leaving the block waits for its close


def test_a_stall_that_ends_loses_nothing(faulty: Callable[..., str]) -> None:
    began = time.monotonic()
    heard = talk(faulty("stall=700ms@word=2"), speak(12))
    assert time.monotonic() - began >= 0.7
    assert heard.code == 1000 and said(heard.messages) == [f"w{n}" for n in range(1, 13)]


def test_the_service_can_be_stopped_while_it_stalls() -> None:
    with (
        LocalService(
            *COUNTING, "--fault", "stall@begin", "--fault", "session=1:stall@connect"
        ) as service,
        session(service.url) as stalled,
    ):
        unopened = socket.create_connection(("127.0.0.1", urlsplit(service.url).port or 0))
        unopened.sendall(b"GET /v3/ws HTTP/1.1\r\nHost: x\r\n")
        process = psutil.Process(service.pid)
        service.close()
        assert until_close(stalled).code == 1001
        unopened.close()
    assert not process.is_running()


def test_a_delay_keeps_the_order_and_adds_up_to_nothing(faulty: Callable[..., str]) -> None:
    url = faulty("delay=400ms")
    began = time.monotonic()
    heard = talk(url, speak(30))
    took_s = time.monotonic() - began
    assert 0.4 <= took_s < 8  # 30 messages of 400 ms each would be 12 s
    assert heard.messages[0]["type"] == "Begin"
    orders = [m["turn_order"] for m in heard.of_type("Turn")]
    assert all(a <= b for a, b in pairwise(orders))


def test_an_expiring_session_says_when_and_keeps_to_it(
    started_faulty: Callable[..., str], logbook: Logbook
) -> None:
    url = started_faulty("expire=2s")
    began = time.time()
    heard = talk(url, last=None)
    assert heard.code == 3008 and 1.9 <= time.time() - began < 8
    assert 1 <= heard.messages[0]["expires_at"] - began <= 8
    assert not heard.of_type("Error")
    assert [each["fault"] for each in logbook() if each["event"] == "fault"] == ["expire=2s"]


def test_faults_go_through_tls(started_faulty: Callable[..., str], tmp_path: Path) -> None:
    import ssl

    from websockets.sync.client import connect

    cert, key = make_certificate(tmp_path)
    url = started_faulty(
        "stall=300ms@begin", "drop@word=2", options=("--certfile", str(cert), "--keyfile", str(key))
    )
    context = ssl.create_default_context(cafile=str(cert))
    address = f"{url}?speech_model=u3-rt-pro"
    with connect(address, ssl=context, proxy=None, open_timeout=DEADLINE_S) as connection:
        connection.send(speak(3))
        heard = until_close(connection)
    assert heard.code == 1006 and said(heard.messages) == ["w1"]


# The official SDK as a client.


def sdk_sees(url: str, audio: bytes) -> tuple[list[tuple[int | None, str]], list[str]]:
    """What a client of the SDK is told: errors as (code, text), and the words of its turns."""
    events = sdk_session(url, audio)
    turns = {turn.turn_order: turn.transcript for turn in of_kind("TurnEvent", events)}
    errors = [(error.code, str(error)) for error in of_kind("StreamingError", events)]
    return errors, " ".join(turns.values()).split()


@SDK
def test_the_official_sdk_sees_faults_as_the_real_service_sends_them(
    faulty: Callable[..., str],
) -> None:
    url = faulty("session=0:error=3005@word=6", "session=1:close=1011@word=6")
    # It may leave turns unread once its sending has failed; none is there that was not due.
    most = ["w1", "w2", "w3", "w4", "w5"]
    errors, words = sdk_sees(url, speak(12))
    # Its sending side may meet the close before its reading side has taken the Error message.
    assert errors[0] in [(3005, "Session Cancelled: An error occurred"), (3005, "Server error")]
    assert words == most[: len(words)]
    errors, words = sdk_sees(url, speak(12))
    assert errors[0][0] == 1011 and words == most[: len(words)]
    errors, words = sdk_sees(url, speak(12))
    assert errors == [] and len(words) == 12
