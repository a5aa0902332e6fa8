"""The rules of a run, as conversations: what happens, when, and what is done about it."""

import dataclasses
import random
from typing import Any, cast

import pytest

from transcribe_cli.errors import AudioError, ConnectionFailed, StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.codec import decode_server_message, encode_server_message
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.run import sessions
from transcribe_cli.session.connection import Connection
from transcribe_cli.session.events import (
    BadFrame,
    Closed,
    Opened,
    Received,
    SourceEnded,
    StopRequested,
    TerminateSent,
    WorkerFailed,
)
from transcribe_cli.session.timeouts import LOCAL, SERVICE
from transcribe_cli.supervisor.actions import (
    AbandonSession,
    DropSession,
    FinishAtPause,
    FinishHere,
    FinishRun,
    HandOver,
    OpenSession,
    RunAction,
    StartSession,
    StopSource,
    TellDisconnected,
    TellReconnected,
)
from transcribe_cli.supervisor.facts import Policy, RunState
from transcribe_cli.supervisor.lease import LONGEST_SESSION_S, NEVER, ROLL_BY, ROLL_FROM
from transcribe_cli.supervisor.rules_ending import CONNECT_GRACE_S, LONG_PAUSE_S
from transcribe_cli.supervisor.session_quota import SessionQuota
from transcribe_cli.supervisor.stop_requests import SHORT_DEADLINE_S
from transcribe_cli.supervisor.supervisor import Supervisor

MIC = Policy(live=True, drops_backlog=False)
FILE = Policy(live=False, drops_backlog=True)
UNREACHABLE = ConnectionFailed("host cannot be reached: no route.", "check the network")
DONE = FinishRun(ExitStatus.OK)


class Talk:
    """A supervisor and the time, with a word for everything that can happen."""

    def __init__(self, policy: Policy, *, begun: bool = True, per_minute: int | None = 5) -> None:
        self.now = 100.0
        self.session = 0
        self.quota = SessionQuota(per_minute)
        self.supervisor = Supervisor(policy, self.quota, random.Random(0), wall=lambda: 1e9)
        assert self.supervisor.start(self.now) == [OpenSession(0)]
        if begun:
            assert self.begin() == []

    @property
    def state(self) -> RunState:
        return self.supervisor.state

    def happens(self, event: Any, after_s: float = 0.0) -> list[RunAction]:
        self.now += after_s
        return self.supervisor.handle(event, self.now)

    def answered(self, after_s: float = 0.0) -> list[RunAction]:
        """Its socket is open."""
        return self.happens(Opened(self.session, cast("Connection", None)), after_s)

    def begin(self, after_s: float = 0.0) -> list[RunAction]:
        begin = decode_server_message('{"type":"Begin","id":"a","expires_at":1}')
        return self.happens(Received(self.session, begin, self.now), after_s)

    def says_word(self, end_ms: int, after_s: float = 0.0) -> list[RunAction]:
        """A partial turn up to there."""
        turn = decode_server_message(turn_of_a_word(end_ms, ended=False))
        return self.happens(Received(self.session, turn, self.now), after_s)

    def stop(self, cause: str = "SIGINT", after_s: float = 0.0) -> list[RunAction]:
        return self.happens(StopRequested(cause), after_s)

    def source_ends(self, problem: StreamError | None = None) -> list[RunAction]:
        return self.happens(SourceEnded(problem))

    def terminate_sent(self, *, whole: bool = True, after_s: float = 0.0) -> list[RunAction]:
        return self.happens(TerminateSent(self.session, whole=whole), after_s)

    def closed(self, after_s: float = 0.0, open_s: float = 5.0, **how: Any) -> list[RunAction]:
        return self.happens(Closed(self.session, open_s=open_s, **how), after_s)

    def terminated(self) -> list[RunAction]:
        return self.closed(terminated=True)

    def passes(self, seconds: float) -> list[RunAction]:
        self.now += seconds
        return self.supervisor.tick(self.now)

    def next_session(self) -> float:
        """Wait for the next try; returns how long that was."""
        due = self.supervisor.due
        assert due < NEVER
        waited = due - self.now
        assert self.passes(waited - 0.001) == []
        self.session += 1
        assert self.passes(0.002) == [OpenSession(self.session)]
        return waited


def turn_of_a_word(end_ms: int, *, ended: bool) -> str:
    words = [Word(start=0, end=end_ms, text="hi")]
    return encode_server_message(Turn(end_of_turn=ended, transcript="hi", words=words))


def finish_of(commands: list[RunAction]) -> FinishRun:
    assert isinstance(commands[-1], FinishRun)
    return commands[-1]


# The normal end.


@pytest.mark.parametrize("policy", [MIC, FILE])
def test_run_ends_when_its_last_session_is_terminated(policy: Policy) -> None:
    talk = Talk(policy)

    assert talk.source_ends() == []
    assert talk.terminate_sent() == []
    assert talk.terminated() == [DONE]


def test_states_are_those_that_the_live_view_shows() -> None:
    talk = Talk(MIC, begun=False)
    states = [talk.state]
    talk.begin()
    states.append(talk.state)
    talk.closed(code=1006)
    states.append(talk.state)
    talk.next_session()
    talk.begin()
    states.append(talk.state)
    talk.source_ends()
    states.append(talk.state)  # a file is read ahead of what is sent
    talk.terminate_sent()
    states.append(talk.state)
    talk.terminated()
    states.append(talk.state)

    assert states == [
        "connecting",
        "listening",
        "reconnecting",
        "listening",
        "listening",
        "draining",
        "over",
    ]


def test_stopped_run_is_stopping_also_before_its_session_begins() -> None:
    talk = Talk(MIC, begun=False)
    talk.stop()
    before = talk.state
    talk.begin()

    assert before is talk.state is RunState.STOPPING


def test_short_file_may_end_before_its_session_begins() -> None:
    talk = Talk(FILE, begun=False)
    talk.source_ends()

    assert talk.begin() == []
    talk.terminate_sent()
    assert talk.terminated() == [DONE]


def test_nothing_is_due_while_a_session_is_open() -> None:
    talk = Talk(MIC)

    assert talk.supervisor.due == talk.now + ROLL_FROM * LONGEST_SESSION_S
    assert talk.passes(3600) == []


def test_nothing_happens_after_the_end() -> None:
    talk = Talk(MIC)
    talk.source_ends()
    talk.terminate_sent()
    talk.terminated()

    assert talk.stop() == []
    assert talk.closed(code=1006) == []
    assert talk.passes(100) == []


def test_events_of_an_earlier_session_are_ignored() -> None:
    talk = Talk(MIC)
    talk.closed(code=1006)
    talk.next_session()
    talk.begin()

    assert talk.happens(Closed(0, code=1008)) == []
    assert talk.happens(TerminateSent(0)) == []
    assert talk.state is RunState.LISTENING


def test_message_that_cannot_be_read_ends_nothing() -> None:
    talk = Talk(MIC)

    assert talk.happens(BadFrame(0, "not JSON")) == []
    assert talk.state is RunState.LISTENING


# Stopping.


@pytest.mark.parametrize("cause", ["SIGINT", "SIGTERM", "SIGHUP", "limit", "output"])
def test_stopped_microphone_sends_what_it_captured(cause: str) -> None:
    talk = Talk(MIC)

    assert talk.stop(cause) == [StopSource()]
    assert talk.supervisor.due == NEVER  # a backlog takes as long as it takes
    talk.source_ends()
    talk.terminate_sent(after_s=30)
    assert talk.terminated() == [DONE]


@pytest.mark.parametrize("cause", ["SIGINT", "SIGTERM", "SIGHUP", "limit", "output"])
def test_stopped_file_ends_where_it_is(cause: str) -> None:
    talk = Talk(FILE)

    assert talk.stop(cause) == [StopSource(), FinishHere(0)]
    talk.source_ends()
    talk.terminate_sent(whole=False)
    assert talk.terminated() == [FinishRun(ExitStatus.OK, complete=False)]


def test_stopped_file_is_not_complete_even_if_all_that_was_read_went_out() -> None:
    talk = Talk(FILE)
    talk.stop("limit")
    talk.terminate_sent(whole=True)

    assert talk.terminated() == [FinishRun(ExitStatus.OK, complete=False)]


def test_file_that_had_ended_when_it_was_stopped_is_complete() -> None:
    talk = Talk(FILE)
    talk.source_ends()
    talk.terminate_sent()
    talk.stop("SIGTERM")

    assert talk.terminated() == [DONE]


@pytest.mark.parametrize("policy", [MIC, FILE])
def test_termination_may_come_before_the_source_says_that_it_has_ended(policy: Policy) -> None:
    talk = Talk(policy)
    talk.stop()
    talk.terminate_sent()

    assert finish_of(talk.terminated()).exit_status is ExitStatus.OK


def test_drain_has_a_deadline() -> None:
    talk = Talk(MIC)
    talk.stop()
    talk.source_ends()
    talk.terminate_sent(after_s=1.0)

    assert talk.supervisor.due == talk.now + SERVICE.last_words_s == talk.now + 15
    assert talk.passes(14.99) == []
    assert talk.passes(0.02) == [AbandonSession(0)]
    assert talk.closed() == [FinishRun(ExitStatus.INCOMPLETE, complete=False)]


def test_busy_machine_has_a_minute_for_the_recogniser_that_it_runs_itself() -> None:
    talk = Talk(dataclasses.replace(FILE, timeouts=LOCAL))
    talk.source_ends()
    talk.terminate_sent()

    assert talk.passes(59.99) == []
    assert talk.passes(0.02) == [AbandonSession(0)]


def test_session_that_still_says_new_words_is_waited_for() -> None:
    talk = Talk(FILE)
    talk.source_ends()
    talk.terminate_sent()
    for second in range(1, 10):
        talk.says_word(1000 * second, after_s=14.0)

        assert talk.supervisor.due == talk.now + SERVICE.last_words_s
    talk.says_word(9000, after_s=1.0)  # which is nothing new

    assert talk.passes(SERVICE.last_words_s - 1.0) == [AbandonSession(0)]


def test_new_words_do_not_lengthen_a_wait_that_was_shortened() -> None:
    talk = Talk(MIC)
    talk.stop()
    talk.source_ends()
    talk.terminate_sent()
    talk.stop(after_s=1.0)
    due = talk.supervisor.due
    talk.says_word(1000, after_s=1.0)

    assert talk.supervisor.due == due


@pytest.mark.parametrize("policy", [MIC, FILE])
def test_second_ctrl_c_shortens_the_wait_and_still_sends_terminate(policy: Policy) -> None:
    talk = Talk(policy)
    talk.stop()

    assert talk.stop(after_s=3.0) == [StopSource(), FinishHere(0)]
    assert talk.supervisor.due == talk.now + SHORT_DEADLINE_S
    talk.terminate_sent(whole=False, after_s=0.5)
    assert talk.passes(SHORT_DEADLINE_S - 0.5) == [AbandonSession(0)]
    assert talk.closed() == [FinishRun(ExitStatus.INCOMPLETE, complete=False)]


def test_second_ctrl_c_while_draining_shortens_the_wait() -> None:
    talk = Talk(MIC)
    talk.stop()
    talk.source_ends()
    talk.terminate_sent()

    talk.stop(after_s=1.0)

    assert talk.supervisor.due == talk.now + SHORT_DEADLINE_S


def test_third_ctrl_c_does_not_lengthen_the_wait() -> None:
    talk = Talk(MIC)
    talk.stop()
    talk.stop()
    due = talk.supervisor.due
    talk.stop(after_s=1.5)

    assert talk.supervisor.due == due


def test_late_terminate_after_a_second_ctrl_c_does_not_lengthen_the_wait() -> None:
    talk = Talk(MIC)
    talk.stop()
    talk.stop()
    due = talk.supervisor.due
    talk.terminate_sent(after_s=1.0)

    assert talk.supervisor.due == due


def test_backlog_dropped_by_a_second_ctrl_c_makes_the_transcript_incomplete() -> None:
    talk = Talk(MIC)
    talk.stop()
    talk.stop(after_s=1.0)
    talk.source_ends()
    talk.terminate_sent(whole=False)

    assert talk.terminated() == [FinishRun(ExitStatus.OK, complete=False)]


def test_second_ctrl_c_that_dropped_nothing_leaves_the_transcript_complete() -> None:
    talk = Talk(MIC)
    talk.stop()
    talk.source_ends()
    talk.terminate_sent(whole=True)
    talk.stop(after_s=1.0)

    assert talk.terminated() == [DONE]


@pytest.mark.parametrize("cause", ["SIGHUP", "SIGTERM", "output", "limit"])
def test_terminal_that_goes_away_in_several_ways_is_one_stop(cause: str) -> None:
    talk = Talk(MIC)
    talk.stop("SIGHUP")

    assert talk.stop(cause, after_s=0.01) == []
    assert talk.supervisor.due == NEVER


def test_ctrl_c_after_another_stop_shortens_the_wait() -> None:
    talk = Talk(MIC)
    talk.stop("limit")

    assert talk.stop("SIGINT", after_s=1.0) == [StopSource(), FinishHere(0)]


def test_stop_while_connecting_gives_the_session_a_little_time_to_begin() -> None:
    talk = Talk(MIC, begun=False)

    assert talk.stop() == [StopSource()]
    assert talk.supervisor.due == talk.now + CONNECT_GRACE_S
    assert talk.begin(after_s=1.0) == []
    assert talk.supervisor.due == NEVER
    talk.source_ends()
    talk.terminate_sent()
    assert talk.terminated() == [DONE]


def test_stop_while_connecting_does_not_wait_for_a_connection_that_hangs() -> None:
    talk = Talk(MIC, begun=False)
    talk.stop()

    assert talk.passes(CONNECT_GRACE_S) == [
        AbandonSession(0),
        FinishRun(ExitStatus.INCOMPLETE, complete=False),
    ]


def test_ctrl_c_while_connecting_ends_within_two_seconds() -> None:
    talk = Talk(MIC, begun=False)
    talk.stop()

    assert finish_of(talk.passes(2.0 - sessions._JOIN_S)).exit_status is ExitStatus.INCOMPLETE


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (ConnectionFailed("h answered with HTTP 401.", http_status=401), ExitStatus.ACCOUNT),
        (ConnectionFailed("h answered with HTTP 402.", http_status=402), ExitStatus.ACCOUNT),
        (
            ConnectionFailed(
                "The proxy p:1 wants user and password.", "do", retry=False, wants_credentials=True
            ),
            ExitStatus.SERVICE,
        ),
    ],
)
@pytest.mark.parametrize("policy", [MIC, FILE])
def test_refused_credentials_end_a_run_also_when_it_reconnects(
    policy: Policy, failure: ConnectionFailed, status: ExitStatus
) -> None:
    talk = Talk(policy)
    talk.closed(code=1006)
    talk.next_session()
    finish = finish_of(talk.closed(failure=failure, open_s=0.0))

    assert finish.exit_status is status
    assert finish.problem is not None
    assert finish.problem.hint


def test_second_ctrl_c_while_connecting_shortens_the_grace() -> None:
    talk = Talk(MIC, begun=False)
    talk.stop()
    talk.stop(after_s=0.5)

    assert finish_of(talk.passes(SHORT_DEADLINE_S)).exit_status is ExitStatus.INCOMPLETE


def test_session_that_begins_after_a_second_ctrl_c_keeps_the_short_deadline() -> None:
    talk = Talk(MIC, begun=False)
    talk.stop()
    talk.stop(after_s=0.5)
    due = talk.now + SHORT_DEADLINE_S
    talk.begin(after_s=0.3)
    talk.terminate_sent(after_s=0.1)

    assert talk.supervisor.due == due


def test_connection_that_fails_after_a_stop_is_not_tried_again() -> None:
    talk = Talk(MIC, begun=False)
    talk.stop()

    finish = finish_of(talk.closed(failure=UNREACHABLE, open_s=0.0))

    assert finish.exit_status is ExitStatus.INCOMPLETE
    assert finish.problem is not None
    assert "cannot be reached" in finish.problem.message


@pytest.mark.parametrize("policy", [MIC, FILE])
def test_stop_while_offline_ends_the_run_at_once(policy: Policy) -> None:
    talk = Talk(policy)
    talk.closed(code=1006)

    assert talk.stop() == [StopSource(), FinishRun(ExitStatus.INCOMPLETE, complete=False)]
    assert talk.passes(60) == []


@pytest.mark.parametrize("how", [{"code": 1006}, {"code": 1011}, {"failure": UNREACHABLE}])
def test_session_that_is_lost_while_a_stopped_run_drains_ends_it(how: dict[str, Any]) -> None:
    talk = Talk(MIC)
    talk.stop()
    talk.source_ends()
    talk.terminate_sent()

    finish = finish_of(talk.closed(**how))

    assert (finish.exit_status, finish.complete) == (ExitStatus.INCOMPLETE, False)


# Sessions that end before their time.

RETRYABLE: list[dict[str, Any]] = [
    {},
    {"code": 1000},
    {"code": 1001},
    {"code": 1006},
    {"code": 1011},
    {"code": 1012},
    {"code": 1013},
    {"code": 3005, "error_code": 3005, "error_text": "Session Cancelled: An error occurred"},
    {"code": 1008, "error_text": "Unauthorized Connection: Too many concurrent sessions"},
    {"code": 1008, "error_text": "Unauthorized connection: Incorrect padding"},
    {"code": 3009},
    {"code": 3008, "error_text": "Session Expired: Maximum session duration exceeded"},
    {"code": 3006, "error_text": "Session terminated due to inactivity: No messages received"},
    {"failure": UNREACHABLE},
    {"failure": ConnectionFailed("h answered with HTTP 429.", http_status=429)},
    {"failure": ConnectionFailed("h answered with HTTP 503.", http_status=503)},
    {"terminated": True},
]
FATAL: list[tuple[dict[str, Any], ExitStatus]] = [
    ({"code": 1008, "error_text": "Unauthorized Connection: Invalid API key"}, ExitStatus.ACCOUNT),
    ({"error_code": 1008, "error_text": "Missing Authorization header"}, ExitStatus.ACCOUNT),
    ({"code": 1008, "error_text": "Signature has expired"}, ExitStatus.ACCOUNT),
    ({"code": 1008}, ExitStatus.ACCOUNT),
    ({"code": 1009}, ExitStatus.SERVICE),
    (
        {"code": 3006, "error_text": "User Input Validation Error: Invalid 'mode': no"},
        ExitStatus.USAGE,
    ),
    ({"code": 3007, "error_text": "Input Duration Violation: 20.0 ms"}, ExitStatus.SERVICE),
    ({"code": 4001}, ExitStatus.ACCOUNT),
]
FATAL_HANDSHAKES: list[tuple[ConnectionFailed, ExitStatus]] = [
    (ConnectionFailed("h answered with HTTP 403.", http_status=403), ExitStatus.ACCOUNT),
    (ConnectionFailed("h answered with HTTP 404.", http_status=404), ExitStatus.SERVICE),
    (ConnectionFailed("The certificate does not verify.", retry=False), ExitStatus.SERVICE),
]


@pytest.mark.parametrize("policy", [MIC, FILE])
@pytest.mark.parametrize("how", RETRYABLE)
def test_session_lost_before_begin_is_followed_by_another(
    how: dict[str, Any], policy: Policy
) -> None:
    talk = Talk(policy, begun=False)

    (told,) = talk.closed(open_s=0.0, **how)

    assert isinstance(told, TellDisconnected)
    talk.next_session()
    assert talk.state is RunState.CONNECTING
    assert talk.begin() == []


@pytest.mark.parametrize("policy", [MIC, FILE])
@pytest.mark.parametrize("how", RETRYABLE)
def test_session_lost_after_begin_is_followed_by_another(
    how: dict[str, Any], policy: Policy
) -> None:
    talk = Talk(policy)

    (told,) = talk.closed(open_s=60.0, **how)

    assert isinstance(told, TellDisconnected)
    assert told.session == 0
    assert talk.next_session() == pytest.approx(told.retry_in_s)
    assert talk.begin() == [TellReconnected(1)]
    assert talk.state is RunState.LISTENING


LOST = [how for how in RETRYABLE if "terminated" not in how and how.get("code") != 1000]


def test_normal_close_after_a_stop_is_no_end_without_a_termination() -> None:
    talk = Talk(MIC)
    talk.stop()
    talk.terminate_sent()

    finish = finish_of(talk.closed(code=1000))
    assert finish.exit_status is ExitStatus.INCOMPLETE
    assert finish.complete is False


@pytest.mark.parametrize("how", LOST)
def test_session_lost_while_a_file_drains_is_followed_by_another(how: dict[str, Any]) -> None:
    talk = Talk(FILE)
    talk.source_ends()
    talk.terminate_sent()
    talk.closed(**how)
    talk.next_session()

    assert talk.begin() == [TellReconnected(1)]
    talk.terminate_sent()
    assert talk.terminated() == [DONE]


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("policy", [MIC, FILE])
@pytest.mark.parametrize(("how", "status"), FATAL)
def test_refusal_ends_the_run(
    how: dict[str, Any], status: ExitStatus, policy: Policy, begun: bool
) -> None:
    talk = Talk(policy, begun=begun)

    commands = talk.closed(**how)

    assert commands[0] == StopSource()
    finish = finish_of(commands)
    assert (finish.exit_status, finish.complete) == (status, False)
    assert finish.problem is not None
    assert finish.problem.exit_status is status
    assert talk.supervisor.due == NEVER


@pytest.mark.parametrize(("how", "status"), FATAL)
def test_refusal_while_draining_ends_the_run(how: dict[str, Any], status: ExitStatus) -> None:
    talk = Talk(FILE)
    talk.source_ends()
    talk.terminate_sent()

    assert finish_of(talk.closed(**how)).exit_status is status


@pytest.mark.parametrize("policy", [MIC, FILE])
@pytest.mark.parametrize(("failure", "status"), FATAL_HANDSHAKES)
def test_first_handshake_that_cannot_succeed_ends_the_run(
    failure: ConnectionFailed, status: ExitStatus, policy: Policy
) -> None:
    talk = Talk(policy, begun=False)

    assert finish_of(talk.closed(failure=failure, open_s=0.0)).exit_status is status


@pytest.mark.parametrize(("failure", "status"), FATAL_HANDSHAKES)
def test_log_in_page_of_a_network_does_not_end_a_recording(
    failure: ConnectionFailed, status: ExitStatus
) -> None:
    talk = Talk(MIC)
    talk.closed(code=1006, open_s=60.0)
    talk.next_session()

    (told,) = talk.closed(failure=failure, open_s=0.0)

    assert isinstance(told, TellDisconnected)
    talk.next_session()
    assert talk.begin() == [TellReconnected(2)]


def test_error_text_explains_the_end_better_than_its_close() -> None:
    talk = Talk(MIC)
    how: dict[str, Any] = {
        "code": 1008,
        "reason": "See Error message for details",
        "error_code": 1008,
    }

    finish = finish_of(talk.closed(error_text="Unauthorized Connection: Invalid API key", **how))

    assert finish.problem is not None
    assert "Invalid API key" in finish.problem.message


@pytest.mark.parametrize("policy", [MIC, FILE])
def test_termination_that_was_not_asked_for_is_not_the_end(policy: Policy) -> None:
    talk = Talk(policy)

    (told,) = talk.closed(terminated=True, open_s=10_800.0)

    assert isinstance(told, TellDisconnected)
    assert talk.next_session() < 0.5
    assert talk.begin() == [TellReconnected(1)]


def test_termination_that_was_not_asked_for_does_not_end_a_file_that_is_read_ahead() -> None:
    talk = Talk(FILE)
    talk.source_ends()  # decoded to its end, but not sent yet

    (told,) = talk.terminated()

    assert isinstance(told, TellDisconnected)


def test_polite_close_in_mid_turn_is_no_end() -> None:
    talk = Talk(FILE)
    talk.source_ends()
    talk.terminate_sent()
    (told,) = talk.closed(code=1000, owes_words=True)

    assert isinstance(told, TellDisconnected)


def test_sessions_that_bring_no_word_after_the_end_do_not_go_on_for_ever() -> None:
    """Each may be too short for the silence that it is sent, and each is billed."""
    talk = Talk(MIC)
    talk.source_ends()
    for _ in range(MIC.later_tries - 1):
        (told,) = talk.closed(code=3008, open_s=1000.0)
        assert isinstance(told, TellDisconnected)
        talk.next_session()
        talk.begin()

    finish = finish_of(talk.closed(code=3008, open_s=1000.0))
    assert finish.exit_status is ExitStatus.INCOMPLETE


def test_service_that_never_says_termination_is_not_asked_for_ever() -> None:
    talk = Talk(FILE)
    talk.source_ends()
    for _ in range(2):
        talk.terminate_sent()
        (told,) = talk.closed(code=1000)
        assert isinstance(told, TellDisconnected)
        talk.next_session()
        talk.begin()
    talk.terminate_sent()

    finish = finish_of(talk.closed(code=1000))
    assert finish.exit_status is ExitStatus.SERVICE
    assert finish.complete is False


def test_expired_session_is_followed_at_once() -> None:
    talk = Talk(MIC)
    talk.closed(code=3008, open_s=10_800.0)

    assert talk.passes(0.0) == [OpenSession(1)]


def test_sessions_that_expire_as_soon_as_they_begin_are_not_opened_in_a_loop() -> None:
    talk = Talk(MIC, per_minute=None)
    talk.closed(code=3008, open_s=10_800.0)
    talk.passes(0.0)
    waits = []
    for session in range(1, 8):
        talk.session = session
        talk.begin()
        (told,) = talk.closed(code=3008, open_s=0.1)
        assert isinstance(told, TellDisconnected)
        waits.append(told.retry_in_s)
        talk.passes(told.retry_in_s + 0.001)

    assert waits == sorted(waits)
    assert waits[-1] > 10


# How often.


def test_file_gives_up_when_the_first_session_cannot_be_opened() -> None:
    talk = Talk(FILE, begun=False)
    for _ in range(2):
        talk.closed(failure=UNREACHABLE, open_s=0.0)
        talk.next_session()

    finish = finish_of(talk.closed(failure=UNREACHABLE, open_s=0.0))

    assert finish.exit_status is ExitStatus.SERVICE
    assert finish.problem is not None
    assert finish.problem.hint == "check the network"


def test_file_that_has_begun_tries_longer() -> None:
    talk = Talk(FILE)
    tries = 0
    while not isinstance(talk.closed(failure=UNREACHABLE, open_s=0.0)[-1], FinishRun):
        talk.next_session()
        tries += 1

    assert tries == FILE.later_tries - 1 == 11


def test_words_that_no_audio_was_sent_for_are_no_reason_to_try_on() -> None:
    talk = Talk(FILE)
    made_up = decode_server_message(turn_of_a_word(500, ended=True))
    tries = 0
    talk.happens(Received(talk.session, made_up, talk.now, sent_ms=0))
    while not isinstance(talk.closed(failure=UNREACHABLE, open_s=1.0)[-1], FinishRun):
        talk.next_session()
        talk.begin()
        talk.happens(Received(talk.session, made_up, talk.now, sent_ms=0))
        tries += 1

    assert tries == FILE.later_tries - 1


def test_microphone_tries_as_long_as_it_records() -> None:
    talk = Talk(MIC, begun=False)
    for _ in range(200):
        (told,) = talk.closed(failure=UNREACHABLE, open_s=0.0)
        assert isinstance(told, TellDisconnected)
        assert told.retry_in_s <= 45
        talk.next_session()
    assert talk.begin() == []


def test_microphone_that_has_ended_offline_gives_up_at_last() -> None:
    talk = Talk(MIC)
    talk.closed(code=1006)
    talk.source_ends(AudioError("The device is gone."))
    finish: FinishRun | None = None
    for _ in range(MIC.later_tries):
        talk.next_session()
        last = talk.closed(failure=UNREACHABLE, open_s=0.0)[-1]
        if isinstance(last, FinishRun):
            finish = last
            break

    assert finish is not None
    assert finish.exit_status is ExitStatus.AUDIO


def test_first_try_after_a_loss_comes_within_half_a_second() -> None:
    talk = Talk(MIC)
    talk.closed(code=1006, open_s=1.0)

    assert talk.next_session() < 0.5


def test_session_that_lasted_makes_the_waits_small_again() -> None:
    talk = Talk(MIC)
    for _ in range(3):
        talk.closed(failure=UNREACHABLE, open_s=0.0)
        talk.next_session()
    talk.begin()
    talk.closed(code=1006, open_s=3600.0, after_s=3600.0)

    assert talk.next_session() < 0.5


def test_no_more_new_sessions_a_minute_than_the_account_may_open() -> None:
    talk = Talk(MIC)
    opened = [talk.now]
    for _ in range(12):
        talk.closed(code=1006, open_s=60.0)
        talk.next_session()
        opened.append(talk.now)
        talk.begin()

    assert all(later - earlier > 60 for earlier, later in zip(opened, opened[5:], strict=False))


def test_a_slow_line_brings_no_more_new_sessions_within_a_minute_to_the_service() -> None:
    talk = Talk(MIC, begun=False)
    talk.answered(after_s=2.0)
    reached = talk.now
    for _ in range(5):
        talk.begin()
        talk.closed(code=1006, open_s=0.1)
        talk.next_session()

    assert talk.now - reached > 60


def test_the_quota_is_asked_only_where_a_session_is_wanted() -> None:
    asked: list[float] = []

    class Asked(SessionQuota):
        def free_at(self, now: float) -> float:
            asked.append(now)
            return now

    talk = Talk(FILE)
    talk.supervisor._quota = Asked(5)
    talk.says_word(1000)
    talk.source_ends()
    talk.terminate_sent()
    talk.terminated()
    assert not asked

    talk = Talk(MIC)
    talk.supervisor._quota = Asked(5)
    talk.closed(code=1006)
    assert asked


def test_tries_that_never_reach_the_service_do_not_use_the_account_up() -> None:
    talk = Talk(MIC)
    for _ in range(6):
        talk.closed(failure=UNREACHABLE, open_s=0.0)
        waited = talk.next_session()

    assert waited < 15


# Faults.


def test_source_that_fails_is_transcribed_as_far_as_it_went() -> None:
    talk = Talk(FILE)
    problem = AudioError("'a.wav' is damaged.")

    assert talk.source_ends(problem) == []
    talk.terminate_sent()
    assert talk.terminated() == [FinishRun(ExitStatus.AUDIO, problem, complete=False)]


def test_fault_of_a_thread_ends_the_run_and_the_session_is_told_so() -> None:
    talk = Talk(MIC)
    problem = StreamError("The recorder failed: KeyError: 5")

    assert talk.happens(WorkerFailed(problem)) == [StopSource(), FinishHere(0)]
    assert talk.happens(TerminateSent(0)) == []
    assert talk.terminated() == [FinishRun(ExitStatus.FAULT, problem, complete=False)]


def test_fault_of_the_thread_that_would_tell_the_session_ends_the_run_soon() -> None:
    talk = Talk(MIC)
    problem = StreamError("The sender failed: KeyError: 5")

    talk.happens(WorkerFailed(problem))
    assert talk.passes(SHORT_DEADLINE_S) == [AbandonSession(0)]
    assert talk.closed() == [FinishRun(ExitStatus.FAULT, problem, complete=False)]


def test_fault_between_two_sessions_ends_the_run() -> None:
    talk = Talk(FILE, per_minute=None)
    talk.closed(code=1006)
    problem = StreamError("The receiver failed: KeyError: 5")

    assert talk.happens(WorkerFailed(problem)) == [
        StopSource(),
        FinishRun(ExitStatus.FAULT, problem, complete=False),
    ]
    assert talk.supervisor.due == NEVER


# A session's time runs out.

LIFE_S = 1000.0
WALL = 1e9


class Rolling(Talk):
    """A talk whose sessions live for `LIFE_S`; session 1 is to follow session 0."""

    def __init__(self, policy: Policy = MIC) -> None:
        super().__init__(policy, begun=False)
        self.says(0, f'{{"type":"Begin","id":"a","expires_at":{WALL + LIFE_S}}}')

    def says(self, session: int, text: str) -> list[RunAction]:
        return self.happens(Received(session, decode_server_message(text), self.now))

    def next_begins(self) -> list[RunAction]:
        return self.says(1, f'{{"type":"Begin","id":"b","expires_at":{WALL + LIFE_S}}}')

    def turn_ends(self, session: int = 0) -> list[RunAction]:
        return self.says(session, turn_of_a_word(9, ended=True))

    def ends(self, session: int, **how: Any) -> list[RunAction]:
        return self.happens(Closed(session, open_s=500.0, **how))

    def open_ahead(self) -> None:
        assert self.passes(ROLL_FROM * LIFE_S - 1) == []
        assert self.passes(1) == [OpenSession(1, ahead=True)]
        assert self.next_begins() == []


def test_next_session_is_opened_when_nine_tenths_are_over() -> None:
    talk = Rolling()

    assert talk.supervisor.due == talk.now + ROLL_FROM * LIFE_S
    talk.open_ahead()
    assert talk.state is RunState.LISTENING


def test_next_session_takes_over_at_the_end_of_a_turn() -> None:
    talk = Rolling()
    talk.open_ahead()

    assert talk.turn_ends() == [HandOver(0, 1)]
    assert talk.ends(0, terminated=True) == []
    assert talk.state is RunState.LISTENING


def test_turn_that_ends_before_the_next_session_has_begun_changes_nothing() -> None:
    talk = Rolling()
    talk.passes(ROLL_FROM * LIFE_S)

    assert talk.turn_ends() == []


def test_next_session_takes_over_at_a_pause_when_no_turn_ends_in_time() -> None:
    talk = Rolling()
    talk.open_ahead()

    assert talk.supervisor.due == pytest.approx(100 + ROLL_BY * LIFE_S)
    assert talk.passes(100 + ROLL_BY * LIFE_S - talk.now) == [FinishAtPause(0)]
    assert talk.happens(TerminateSent(0, 4711)) == [HandOver(0, 1, 4711)]
    assert talk.ends(0, terminated=True) == []


def test_session_that_breaks_off_while_it_owes_words_is_said_again() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.passes(ROLL_BY * LIFE_S - ROLL_FROM * LIFE_S)
    talk.happens(TerminateSent(0, 4711))
    commands = talk.ends(0, code=1006)

    assert commands[0] == DropSession(1)
    assert isinstance(commands[1], TellDisconnected)
    talk.session = 1
    talk.next_session()


def test_session_that_breaks_off_after_its_last_turn_is_not_missed() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.turn_ends()

    assert talk.ends(0, code=1006) == []
    assert talk.state is RunState.LISTENING


def test_session_that_does_not_end_in_time_is_abandoned() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.turn_ends()

    assert talk.passes(SERVICE.last_words_s) == [AbandonSession(0)]
    assert talk.ends(0) == []
    assert talk.state is RunState.LISTENING


def test_session_that_breaks_off_is_replaced_by_the_one_that_waits() -> None:
    talk = Rolling()
    talk.open_ahead()
    commands = talk.ends(0, code=1006)

    assert isinstance(commands[0], TellDisconnected)
    assert commands[1:] == [StartSession(1), TellReconnected(1)]


def test_next_session_that_cannot_be_opened_is_tried_again() -> None:
    talk = Rolling()
    talk.passes(ROLL_FROM * LIFE_S)

    assert talk.happens(Closed(1, failure=UNREACHABLE)) == []
    due = talk.supervisor.due
    assert due < NEVER
    assert talk.passes(due - talk.now) == [OpenSession(2, ahead=True)]


def test_expiry_without_a_next_session_is_a_reconnect() -> None:
    talk = Rolling()
    talk.passes(ROLL_FROM * LIFE_S)
    talk.happens(Closed(1, failure=UNREACHABLE))
    (told,) = talk.ends(0, code=3008)

    assert isinstance(told, TellDisconnected)


def test_third_session_follows_the_second() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.turn_ends()
    talk.ends(0, terminated=True)

    assert talk.passes(ROLL_FROM * LIFE_S) == [OpenSession(2, ahead=True)]


def test_stop_while_the_old_session_drains_waits_for_both() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.turn_ends()
    assert talk.stop() == [StopSource()]
    talk.happens(TerminateSent(1))

    assert talk.ends(1, terminated=True) == []
    assert talk.ends(0, terminated=True) == [DONE]


def test_new_words_of_the_old_session_do_not_lengthen_a_wait_that_was_shortened() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.turn_ends()
    talk.stop()
    talk.happens(TerminateSent(1))
    talk.ends(1, terminated=True)
    talk.stop(after_s=1.0)
    talk.says_word(1000, after_s=1.0)

    assert talk.supervisor.due == talk.now - 1.0 + SHORT_DEADLINE_S


def test_stop_ends_the_session_that_was_opened_ahead_too() -> None:
    talk = Rolling()
    talk.open_ahead()

    assert talk.stop() == [StopSource(), DropSession(1)]
    talk.happens(TerminateSent(0))
    assert talk.ends(0, terminated=True) == []
    assert talk.ends(1, terminated=True) == [DONE]


def test_sessions_that_do_not_end_are_not_waited_for_forever() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.stop()
    talk.happens(TerminateSent(0))
    talk.ends(0, terminated=True)

    assert talk.passes(SERVICE.last_words_s) == [AbandonSession(1), DONE]


def test_both_sessions_lost_at_once_are_one_reconnect() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.turn_ends()
    commands = talk.ends(1, code=1006)

    assert commands[0] == DropSession(0)
    assert isinstance(commands[1], TellDisconnected)
    assert talk.ends(0, code=1006) == []


def test_fault_while_connecting_does_not_wait_long_for_a_session_that_was_dropped() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.turn_ends()
    talk.ends(1, code=1006)  # the first one's words are said again
    talk.session = 1
    talk.next_session()
    talk.happens(WorkerFailed(StreamError("Connecting failed: KeyError: 5")))

    assert talk.supervisor.due == talk.now + SHORT_DEADLINE_S
    commands = talk.passes(SHORT_DEADLINE_S)
    assert commands[0] == AbandonSession(0)
    assert finish_of(commands).exit_status is ExitStatus.FAULT


@pytest.mark.parametrize("expires_at", [0, -5, WALL - 3600, WALL + 1e12])
def test_odd_expiry_is_taken_for_three_hours(expires_at: float) -> None:
    talk = Talk(MIC, begun=False)
    message = f'{{"type":"Begin","id":"a","expires_at":{int(expires_at)}}}'
    talk.happens(Received(0, decode_server_message(message), talk.now))

    assert talk.supervisor.due == talk.now + ROLL_FROM * LONGEST_SESSION_S


# A pause.


def test_short_pause_closes_nothing() -> None:
    talk = Talk(MIC)
    talk.supervisor.pause(talk.now)

    assert talk.state is RunState.PAUSED
    assert talk.passes(LONG_PAUSE_S - 1) == []
    assert talk.supervisor.resume(talk.now) == []
    assert str(talk.state) == "listening"


def test_long_pause_ends_the_session_and_going_on_opens_another() -> None:
    talk = Talk(MIC)
    talk.supervisor.pause(talk.now)

    assert talk.passes(LONG_PAUSE_S) == [FinishHere(0)]
    assert talk.terminate_sent() == []
    assert talk.terminated() == []
    assert talk.state is RunState.PAUSED
    assert talk.supervisor.resume(talk.now) == [OpenSession(1)]


def test_going_on_while_the_session_is_being_ended_opens_another_after_it() -> None:
    talk = Talk(MIC)
    talk.supervisor.pause(talk.now)
    talk.passes(LONG_PAUSE_S)
    talk.terminate_sent()

    assert talk.supervisor.resume(talk.now) == []
    assert talk.terminated() == [OpenSession(1)]


def test_stop_in_a_long_pause_is_a_clean_end() -> None:
    talk = Talk(MIC)
    talk.supervisor.pause(talk.now)
    talk.passes(LONG_PAUSE_S)
    talk.terminate_sent()
    talk.terminated()

    assert talk.stop() == [StopSource(), DONE]


def test_session_that_breaks_off_in_a_pause_is_not_replaced_before_it_is_needed() -> None:
    talk = Talk(MIC)
    talk.supervisor.pause(talk.now)

    assert talk.closed(code=1006) == []
    assert talk.supervisor.due == NEVER
    assert talk.supervisor.resume(talk.now) == [OpenSession(1)]


def test_pause_holds_the_rollover_back() -> None:
    talk = Rolling()
    talk.supervisor.pause(talk.now)

    assert talk.passes(LONG_PAUSE_S) == [FinishHere(0)]
    assert talk.passes(LIFE_S) == []


def test_no_follower_stays_open_in_a_pause_where_the_session_breaks_off() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.supervisor.pause(talk.now)

    assert talk.ends(0, code=1006) == [DropSession(1)]
    assert talk.ends(1, terminated=True) == []
    assert talk.passes(LONG_PAUSE_S) == []
    assert talk.supervisor.resume(talk.now) == [OpenSession(2)]


@pytest.mark.parametrize("policy", [MIC, FILE])
def test_no_session_is_opened_in_a_pause_that_began_before_the_next_try(policy: Policy) -> None:
    talk = Talk(policy)
    talk.closed(code=1006)
    talk.supervisor.pause(talk.now)

    assert talk.supervisor.due == NEVER
    assert talk.passes(LONG_PAUSE_S) == []
    assert talk.state is RunState.PAUSED
    assert talk.supervisor.resume(talk.now) == [OpenSession(1)]


def test_short_pause_after_a_loss_does_not_hurry_the_next_try() -> None:
    talk = Talk(MIC)
    (told,) = talk.closed(code=1006)
    assert isinstance(told, TellDisconnected)
    talk.supervisor.pause(talk.now)

    assert talk.supervisor.resume(talk.now) == []
    talk.next_session()


def test_follower_that_begins_in_a_pause_waits_for_its_end() -> None:
    talk = Rolling()
    talk.passes(ROLL_FROM * LIFE_S)
    talk.supervisor.pause(talk.now)

    assert talk.next_begins() == []
    assert talk.turn_ends() == []
    assert talk.supervisor.resume(talk.now) == []
    assert talk.turn_ends() == [HandOver(0, 1)]


def test_long_pause_ends_the_follower_too() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.supervisor.pause(talk.now)

    assert talk.passes(LONG_PAUSE_S) == [FinishHere(0), DropSession(1)]
    talk.happens(TerminateSent(0))
    assert talk.ends(0, terminated=True) == []
    assert talk.supervisor.resume(talk.now) == [OpenSession(2)]


def test_session_that_ends_for_a_follower_that_is_gone_is_not_replaced_in_a_pause() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.passes((ROLL_BY - ROLL_FROM) * LIFE_S)
    talk.ends(1, code=1006)
    talk.supervisor.pause(talk.now)
    talk.happens(TerminateSent(0))

    assert talk.ends(0, terminated=True) == []
    assert talk.supervisor.resume(talk.now) == [OpenSession(2)]


def test_session_that_owes_words_and_breaks_off_in_a_pause_is_said_again_after_it() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.passes((ROLL_BY - ROLL_FROM) * LIFE_S)
    talk.happens(TerminateSent(0, 4711))
    talk.supervisor.pause(talk.now)

    assert talk.ends(0, code=1006) == [DropSession(1)]
    assert talk.passes(LONG_PAUSE_S) == [AbandonSession(1)]
    assert talk.supervisor.resume(talk.now) == [OpenSession(2)]


def test_next_session_waits_for_the_words_of_one_that_was_handed_over_before_the_pause() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.turn_ends()
    talk.supervisor.pause(talk.now)
    assert talk.ends(1, code=1006) == []

    assert talk.supervisor.resume(talk.now) == []
    assert talk.ends(0, terminated=True) == [OpenSession(2)]


@pytest.mark.parametrize(("how", "status"), FATAL)
def test_refusal_in_a_pause_ends_the_run(how: dict[str, Any], status: ExitStatus) -> None:
    talk = Talk(MIC)
    talk.supervisor.pause(talk.now)

    commands = talk.closed(**how)
    assert commands[0] == StopSource()
    assert finish_of(commands).exit_status is status


def test_connection_that_fails_in_a_pause_is_tried_again_after_it() -> None:
    talk = Talk(MIC, begun=False)
    talk.supervisor.pause(talk.now)

    assert talk.closed(failure=UNREACHABLE, open_s=0.0) == []
    assert talk.supervisor.resume(talk.now) == [OpenSession(1)]


def test_stop_in_a_pause_that_has_no_session_leaves_words_unsaid() -> None:
    talk = Talk(MIC)
    talk.supervisor.pause(talk.now)
    talk.closed(code=1006)

    assert talk.stop() == [StopSource(), FinishRun(ExitStatus.INCOMPLETE, complete=False)]


# Two things at once.


def test_fault_of_ours_while_connecting_waits_for_no_connection() -> None:
    talk = Talk(MIC, begun=False)
    problem = StreamError("Connecting failed: KeyError: 5")

    assert talk.happens(WorkerFailed(problem)) == [
        StopSource(),
        AbandonSession(0),
        FinishRun(ExitStatus.FAULT, problem, complete=False),
    ]


def test_fault_of_ours_while_a_stopped_run_connects_waits_for_no_connection() -> None:
    talk = Talk(MIC, begun=False)
    talk.stop()
    problem = StreamError("Connecting failed: KeyError: 5")

    assert talk.happens(WorkerFailed(problem)) == [
        AbandonSession(0),
        FinishRun(ExitStatus.FAULT, problem, complete=False),
    ]


def test_fault_of_ours_in_connecting_ahead_ends_the_session_that_reads_too() -> None:
    talk = Rolling()
    talk.passes(ROLL_FROM * LIFE_S)
    problem = StreamError("Connecting failed: KeyError: 5")

    assert talk.happens(WorkerFailed(problem)) == [StopSource(), DropSession(1), FinishHere(0)]
    talk.ends(1)
    talk.happens(TerminateSent(0))
    assert talk.ends(0, terminated=True) == [FinishRun(ExitStatus.FAULT, problem, complete=False)]


@pytest.mark.parametrize(("how", "status"), FATAL)
def test_what_went_wrong_first_is_told_and_gives_the_exit_code(
    how: dict[str, Any], status: ExitStatus
) -> None:
    talk = Talk(FILE)
    problem = AudioError("'a.wav' is damaged.")
    talk.source_ends(problem)

    assert finish_of(talk.closed(**how)) == FinishRun(ExitStatus.AUDIO, problem, complete=False)


@pytest.mark.parametrize(("how", "status"), FATAL)
def test_refused_follower_leaves_the_session_that_reads_alone(
    how: dict[str, Any], status: ExitStatus
) -> None:
    talk = Rolling()
    talk.passes(ROLL_FROM * LIFE_S)

    assert talk.ends(1, **how) == []
    assert talk.state is RunState.LISTENING


def test_refused_session_ends_the_run_and_its_follower() -> None:
    talk = Rolling()
    talk.open_ahead()

    assert talk.ends(0, code=4001) == [StopSource(), DropSession(1)]
    assert finish_of(talk.ends(1, terminated=True)).exit_status is ExitStatus.ACCOUNT


def test_words_that_a_refused_session_owes_are_said_by_the_next_one_that_is_let_in() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.passes((ROLL_BY - ROLL_FROM) * LIFE_S)
    talk.happens(TerminateSent(0, 4711))
    commands = talk.ends(0, code=3007)

    assert commands[0] == DropSession(1)
    assert isinstance(commands[1], TellDisconnected)


def test_follower_that_has_not_begun_may_follow_all_the_same() -> None:
    talk = Rolling()
    talk.passes(ROLL_FROM * LIFE_S)
    commands = talk.ends(0, code=1006)

    assert isinstance(commands[0], TellDisconnected)
    assert commands[1:] == [StartSession(1)]
    assert talk.state is RunState.RECONNECTING
    assert talk.next_begins() == [TellReconnected(1)]


def test_stop_lets_a_follower_say_what_is_left_where_the_session_looks_for_a_pause() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.passes((ROLL_BY - ROLL_FROM) * LIFE_S)

    assert talk.stop() == [StopSource()]
    assert talk.happens(TerminateSent(0, 4711)) == [HandOver(0, 1, 4711)]


def test_time_of_a_session_that_was_opened_ahead_runs_from_its_own_begin() -> None:
    """The service counts from there, not from when it took over."""
    talk = Rolling()
    talk.open_ahead()
    began = talk.now
    talk.passes(0.05 * LIFE_S)
    talk.turn_ends()
    talk.ends(0, terminated=True)

    assert talk.supervisor.due == began + ROLL_FROM * LIFE_S


def test_wait_for_one_session_is_not_that_for_the_other() -> None:
    talk = Rolling()
    talk.open_ahead()
    talk.turn_ends()
    talk.passes(SERVICE.last_words_s - 1.0)
    talk.source_ends()
    talk.happens(TerminateSent(1))

    assert talk.passes(1.0) == [AbandonSession(0)]
    assert talk.ends(0) == []
    assert talk.passes(SERVICE.last_words_s - 1.0) == [AbandonSession(1)]
