"""One session, both threads, against a real server."""

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus

import pytest

from tests.program import DEADLINE_S
from tests.session.server import (
    BEGIN,
    TERMINATE,
    TERMINATION,
    Conversation,
    plain_server,
    read_to_end,
    service,
    turn,
)
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.protocol.messages import Begin, Turn
from transcribe_cli.run.loop import Loop
from transcribe_cli.session import timeouts as deadlines
from transcribe_cli.session.chunks import chunk_sizes
from transcribe_cli.session.connect_thread import ConnectThread
from transcribe_cli.session.connection import Connection
from transcribe_cli.session.events import (
    BadFrame,
    Closed,
    Event,
    Opened,
    Received,
    TerminateSent,
)
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.session import Session, Target
from transcribe_cli.session.timeouts import SERVICE, Timeouts

AUDIO = AudioFormat(16000)
SECOND = bytes(range(250)) * 128  # 32000 bytes


class Desk:
    """An audio log, a session that reads it, a loop on a thread of its own, and what happened."""

    def __init__(
        self, log: AudioLog, url: str, *, start: int, pace: float | None, timeouts: Timeouts
    ) -> None:
        self.log = log
        self.inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.due = 0.0
        self.has_work = False
        self.over = False
        pacer = Pacer(AUDIO.rate_hz, pace, limited=pace is not None)
        sizes = chunk_sizes(AUDIO, 100)
        self.session = Session(3, log, sizes, pacer, start, timeouts=timeouts)
        self._loop = Loop()
        self._target = Target(url, {"Authorization": "secret-key"})
        self._thread = threading.Thread(
            target=self._loop.run, args=([self],), name="test-loop", daemon=True
        )
        self._thread.start()

    # What the loop calls.

    def start(self, now: float) -> None:
        self._connecting = ConnectThread(3, self._target, lambda e: self._loop.post(self, e))

    def take(self, event: Event, now: float) -> None:
        if isinstance(event, Opened):
            self.session.opened(event.connection, now)
            self._loop.watch(self, self.session)
            self.has_work = True
            return
        if isinstance(event, Closed):
            self._loop.forget(self.session)
            self.over = True
        self.inbox.put(event)

    def read(self, session: Session, now: float) -> None:
        for event in session.read(now):
            self.take(event, now)
        self.has_work = True

    def advance(self, now: float) -> None:
        self.has_work = False
        for event in self.session.advance(now):
            self.take(event, now)
        connection = self.session.connection
        if connection is not None and not self.over:
            self._loop.watch_writing(self.session, bool(connection.unsent))
        self.due = self.session.due

    def bail_out(self) -> None:
        self.over = True

    # What a test does.

    def do(self, action: Callable[[], None]) -> None:
        """Tell the session something, and let the loop look at it."""
        action()
        self.has_work = True
        self._loop.wake()

    def end(self) -> None:
        """The recording ends."""
        self.do(self.log.end)

    def next_event(self) -> Event:
        return self.inbox.get(timeout=DEADLINE_S)

    def until_closed(self) -> list[Event]:
        """All events, the last of which is `Closed`, after which there are no more."""
        events = [self.next_event()]
        while not isinstance(events[-1], Closed):
            events.append(self.next_event())
        self._thread.join(DEADLINE_S)
        assert self.inbox.empty()
        return events

    def closed(self) -> Closed:
        last = self.until_closed()[-1]
        assert isinstance(last, Closed)
        return last

    def leave(self) -> None:
        self._connecting.abandon()
        self.do(self.session.abandon)
        if self.session.connection is None:
            self.over = True
        self._thread.join(DEADLINE_S)
        self._connecting.join(DEADLINE_S)
        self._loop.__exit__(None, None, None)


@contextmanager
def desk(
    url: str,
    audio: bytes = b"",
    *,
    ended: bool = True,
    start: int = 0,
    pace: float | None = None,
    timeouts: Timeouts = SERVICE,
) -> Iterator[Desk]:
    with AudioLog.temporary(AUDIO) as log:
        log.append(audio)
        if ended:
            log.end()
        opened = Desk(log, url, start=start, pace=pace, timeouts=timeouts)
        try:
            yield opened
        finally:
            opened.leave()


def obey(talk: Conversation) -> None:
    """Begin, audio, Terminate, Termination."""
    talk.say(BEGIN)
    talk.listen()
    talk.say(turn(0, "hi"), TERMINATION)
    talk.listen_on()


def kinds(events: list[Event]) -> list[str]:
    return [e.decoded.message.type if isinstance(e, Received) else type(e).__name__ for e in events]


def test_session_goes_from_begin_to_termination() -> None:
    with service(obey) as server, desk(server.url, SECOND) as at:
        events = at.until_closed()

        assert kinds(events) == ["Begin", "TerminateSent", "Turn", "Termination", "Closed"]
        assert events[1] == TerminateSent(3, 16000, whole=True)
        closed = events[-1]
        assert isinstance(closed, Closed)
        assert (closed.session, closed.terminated, closed.failure) == (3, True, None)
        assert 0 < closed.open_s < DEADLINE_S
        assert server.logbook.close_code == 1000


def test_every_byte_arrives_in_chunks_of_the_right_size() -> None:
    with service(obey) as server, desk(server.url, SECOND * 3 + SECOND[:1234]) as at:
        at.until_closed()

        assert server.logbook.audio == SECOND * 3 + SECOND[:1234]
        lengths_ms = [len(chunk) / 32 for chunk in server.logbook.chunks]
        assert all(50 <= length <= 1000 for length in lengths_ms)
        assert server.logbook.texts == [TERMINATE]


def test_audio_waits_for_begin() -> None:
    begin = threading.Event()

    def late(talk: Conversation) -> None:
        assert begin.wait(DEADLINE_S)
        with pytest.raises(TimeoutError):
            talk.connection.recv(timeout=0)
        obey(talk)

    with service(late) as server, desk(server.url, SECOND) as at:
        with pytest.raises(queue.Empty):
            at.inbox.get(timeout=0.2)
        begin.set()

        assert at.closed().terminated
        assert server.logbook.audio == SECOND


def test_audio_is_sent_as_it_comes() -> None:
    with service(obey) as server, desk(server.url, ended=False) as at:
        at.next_event()
        for _ in range(10):
            at.log.append(SECOND[:3200])
        at.end()
        at.until_closed()

        assert server.logbook.audio == SECOND[:3200] * 10


def test_session_starts_where_its_plan_says() -> None:
    with service(obey) as server, desk(server.url, SECOND, start=4000) as at:
        at.until_closed()

        assert server.logbook.audio == SECOND[8000:]
        assert at.session.offset == 16000


def test_session_that_starts_after_the_last_sample_sends_nothing() -> None:
    with service(obey) as server, desk(server.url, SECOND, start=40_000) as at:
        assert at.closed().terminated
        assert server.logbook.chunks == []


def test_last_chunk_that_is_too_short_is_padded_with_silence() -> None:
    with service(obey) as server, desk(server.url, SECOND[:400]) as at:
        at.until_closed()

        assert server.logbook.audio == SECOND[:400] + bytes(1200)


def test_terminate_follows_the_last_chunk_and_last_turn_is_not_lost() -> None:
    released = threading.Event()

    def slow(talk: Conversation) -> None:
        talk.say(BEGIN)
        talk.listen()
        assert released.wait(DEADLINE_S)
        talk.say(*(turn(i, f"turn {i}") for i in range(50)), TERMINATION)
        talk.listen_on()

    with service(slow) as server, desk(server.url, SECOND) as at:
        assert kinds([at.next_event(), at.next_event()]) == ["Begin", "TerminateSent"]
        released.set()
        events = at.until_closed()

        turns = [e.decoded.message for e in events if isinstance(e, Received)][:-1]
        assert [t.transcript for t in turns if isinstance(t, Turn)] == [
            f"turn {i}" for i in range(50)
        ]


def test_close_code_and_error_text_reach_main() -> None:
    def refuse(talk: Conversation) -> None:
        talk.say('{"type":"Error","error_code":1008,"error":"Unauthorized Connection: no"}')
        talk.close(1008, "See Error message for details")

    with service(refuse) as server, desk(server.url) as at:
        closed = at.closed()

    assert (closed.code, closed.reason) == (1008, "See Error message for details")
    assert (closed.error_code, closed.error_text) == (1008, "Unauthorized Connection: no")
    assert not closed.terminated


def test_error_after_begin_stops_the_sender() -> None:
    def refuse(talk: Conversation) -> None:
        talk.say(BEGIN)
        talk.listen(2)
        talk.say('{"type":"Error","error_code":3007,"error":"Input Duration Violation"}')
        talk.close(3007)

    with service(refuse) as server, desk(server.url, SECOND * 60, pace=1.0) as at:
        closed = at.closed()

    assert (closed.code, closed.error_text) == (3007, "Input Duration Violation")


def test_error_without_a_close_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "_CLOSE_AFTER_ERROR_S", 0.1)

    def complain(talk: Conversation) -> None:
        talk.say(BEGIN, '{"type":"Error","error":"Session Cancelled"}')
        talk.listen_on()

    with service(complain) as server, desk(server.url, ended=False) as at:
        closed = at.closed()

    assert (closed.code, closed.error_text) == (None, "Session Cancelled")


def test_error_again_and_again_puts_off_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "_CLOSE_AFTER_ERROR_S", 0.3)
    over = threading.Event()

    def complain(talk: Conversation) -> None:
        talk.say(BEGIN)
        while not over.wait(0.1):
            talk.say('{"type":"Error","error_code":3006,"error":"again"}')

    with service(complain) as server, desk(server.url, SECOND, ended=False) as at:
        closed = at.closed()
        over.set()

    assert closed.error_text == "again"


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(60, id="what it has said"),
        pytest.param(3_600_000, id="what nobody can have heard"),
    ],
)
def test_saying_the_same_without_end_puts_off_no_end(end: int) -> None:
    over = threading.Event()
    word = {"start": 0, "end": end, "text": "w", "confidence": 1.0, "word_is_final": True}
    said = json.loads(turn(0, "w")) | {"words": [word]}
    soon = Timeouts(last_words_s=-4.0, send_s=8.0)  # and 5 s more

    def repeat(talk: Conversation) -> None:
        talk.say(BEGIN)
        talk.listen()
        while not over.wait(0.1):
            talk.say(json.dumps(said))

    with service(repeat) as server, desk(server.url, SECOND, timeouts=soon) as at:
        closed = at.closed()
        over.set()

    assert closed.failure is not None
    assert "did not end the session" in closed.failure.message


def test_termination_that_was_not_asked_for_ends_the_session() -> None:
    def expire(talk: Conversation) -> None:
        talk.say(BEGIN, TERMINATION)
        talk.listen_on()

    with service(expire) as server, desk(server.url, ended=False) as at:
        events = at.until_closed()

    assert kinds(events) == ["Begin", "Termination", "Closed"]


def test_service_that_never_begins_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "BEGIN_DEADLINE_S", 0.2)

    with service(lambda talk: talk.listen_on()) as server, desk(server.url, SECOND) as at:
        closed = at.closed()

    assert closed.failure is not None
    assert "did not begin" in closed.failure.message
    assert closed.failure.retry


def test_a_connection_is_dead_when_for_ten_seconds_not_even_a_pong_came() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with theirs, AudioLog.temporary(AUDIO) as log:
        pacer = Pacer(AUDIO.rate_hz, None, limited=False)
        session = Session(0, log, chunk_sizes(AUDIO, 100), pacer, 0)
        session.opened(Connection(ours), 0.0)
        theirs.sendall(b"\x81" + bytes([len(BEGIN)]) + BEGIN.encode())
        assert kinds(session.read(0.0)) == ["Begin"]
        pinged = []
        for second in range(60):
            assert session.advance(second) == []
            with suppress(BlockingIOError):
                assert theirs.recv(100)[0] == 0x89  # a ping, and nothing else: there is no audio
                theirs.sendall(b"\x8a\0")
                pinged.append(second)
                session.read(second)
        assert pinged == list(range(3, 60, 3))
        ((second, closed),) = (
            (second, event) for second in range(60, 100) for event in session.advance(second)
        )
    assert pinged[-1] + 9 < second <= pinged[-1] + 10
    assert isinstance(closed, Closed)
    assert closed.failure is not None
    assert "dead" in closed.failure.message


def test_service_that_reads_slowly_is_not_dead() -> None:
    """A narrow line: something always waits to be sent, but never the same."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection = Connection(ours)
    theirs.settimeout(DEADLINE_S)
    with theirs, AudioLog.temporary(AUDIO) as log:
        log.append(SECOND * 60)
        sizes = chunk_sizes(AUDIO, 100)
        session = Session(0, log, sizes, Pacer(AUDIO.rate_hz, None, limited=False), 0)
        session.opened(connection, 0.0)
        theirs.sendall(b"\x81" + bytes([len(BEGIN)]) + BEGIN.encode())
        assert kinds(session.read(0.0)) == ["Begin"]
        events: list[Event] = []
        for second in range(40):
            connection.heard_at = second  # it answers pings
            events += session.advance(second)
            if second < 30:
                assert not events, "while it reads"
                assert theirs.recv(1000)

    (closed,) = events
    assert isinstance(closed, Closed)
    assert closed.failure is not None
    assert "while sending" in closed.failure.message


def test_service_that_stops_reading_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts = SERVICE._replace(send_s=0.3)
    monkeypatch.setattr(deadlines, "_CLOSE_AFTER_ERROR_S", 0.1)
    noticed = threading.Event()

    def stall(talk: Conversation) -> None:
        talk.say(BEGIN)
        noticed.wait(DEADLINE_S)
        talk.connection.socket.shutdown(socket.SHUT_RDWR)

    with service(stall) as server, desk(server.url, SECOND * 1200, timeouts=timeouts) as at:
        closed = at.closed()
        noticed.set()

    assert closed.failure is not None
    assert "while sending" in closed.failure.message
    assert at.session.offset < 1200 * 16000


def test_connection_that_breaks_in_mid_session_is_told() -> None:
    def vanish(talk: Conversation) -> None:
        talk.say(BEGIN)
        talk.listen(3)
        talk.connection.socket.shutdown(socket.SHUT_RDWR)

    with service(vanish) as server, desk(server.url, SECOND * 60, pace=1.0) as at:
        closed = at.closed()

    assert closed.code is None
    assert closed.failure is not None
    assert closed.failure.retry


@pytest.mark.parametrize("status", [403, 404, 429, 500])
def test_http_answer_reaches_main(status: int) -> None:
    with service(obey, answer=(HTTPStatus(status), {})) as server, desk(server.url) as at:
        closed = at.closed()

    assert closed.failure is not None
    assert closed.failure.http_status == status
    assert closed.open_s == 0


def test_server_that_speaks_no_http_reaches_main() -> None:
    def speak_smtp(client: socket.socket) -> None:
        client.sendall(b"220 ready\r\n\r\n")
        read_to_end(client)

    with plain_server(speak_smtp) as url, desk(url) as at:
        closed = at.closed()

    assert closed.failure is not None


def test_text_that_is_no_message_is_told_and_the_session_goes_on() -> None:
    def mumble(talk: Conversation) -> None:
        talk.say("[]", "{", '{"type":"Applause"}')
        obey(talk)

    with service(mumble) as server, desk(server.url) as at:
        events = at.until_closed()

    assert kinds(events)[:4] == ["BadFrame", "BadFrame", "Applause", "Begin"]
    assert isinstance(events[0], BadFrame)
    assert events[0].session == 3


def test_second_begin_changes_nothing() -> None:
    def twice(talk: Conversation) -> None:
        talk.say(BEGIN)
        obey(talk)

    with service(twice) as server, desk(server.url, SECOND) as at:
        events = at.until_closed()

        assert kinds(events)[-1] == "Closed"
        assert server.logbook.audio == SECOND


# Ending it early.


def test_finish_here_sends_the_last_moment_and_terminate() -> None:
    with service(obey) as server, desk(server.url, SECOND, ended=False, pace=0.01) as at:
        at.next_event()
        at.do(at.session.finish_here)
        events = at.until_closed()

        assert events[0] == TerminateSent(3, 16000, whole=True)
        assert server.logbook.audio == SECOND


def test_finish_here_leaves_a_backlog_in_the_log() -> None:
    with service(obey) as server, desk(server.url, SECOND * 30, ended=False, pace=0.01) as at:
        at.next_event()
        at.do(at.session.finish_here)
        events = at.until_closed()

        assert events[0] == TerminateSent(3, 0, whole=False)
        assert kinds(events)[-1] == "Closed"
        assert server.logbook.audio == b""
        assert server.logbook.texts == [TERMINATE]


def test_finish_here_before_begin_still_sends_terminate() -> None:
    begin = threading.Event()

    def late(talk: Conversation) -> None:
        assert begin.wait(DEADLINE_S)
        obey(talk)

    with service(late) as server, desk(server.url, SECOND * 30, ended=False) as at:
        at.do(at.session.finish_here)
        begin.set()

        assert at.closed().terminated
        assert server.logbook.texts == [TERMINATE]


def test_abandoned_session_ends_at_once() -> None:
    with service(obey) as server:
        with desk(server.url, ended=False) as at:
            at.next_event()
            began = time.monotonic()
            at.do(at.session.abandon)

            assert not at.closed().terminated
            assert time.monotonic() - began < DEADLINE_S / 2
        assert server.logbook.closed.is_set()


def test_abandoning_twice_is_harmless() -> None:
    with service(obey) as server, desk(server.url) as at:
        at.until_closed()
        at.do(at.session.abandon)
        at.do(at.session.abandon)
        at.do(at.session.finish_here)

        assert at.inbox.empty()


def test_key_is_in_no_repr() -> None:
    target = Target("wss://host/v3/ws?token=secret-token", {"Authorization": "secret-key"})

    assert "secret" not in repr(target)
    assert "secret" not in str(target)


def test_begin_says_when_it_came() -> None:
    before = time.monotonic()

    with service(obey) as server, desk(server.url) as at:
        first = at.next_event()
        at.until_closed()

    assert isinstance(first, Received)
    assert isinstance(first.decoded.message, Begin)
    assert before < first.at < time.monotonic()


def test_pace_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with service(obey) as server, desk(server.url, SECOND, pace=4.0) as at:
        began = time.monotonic()
        at.until_closed()

        assert time.monotonic() - began >= 0.25
        assert server.logbook.audio == SECOND
