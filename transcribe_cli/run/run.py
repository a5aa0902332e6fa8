"""One recording from start to end: takes what happens, and carries out what the supervisor says.

Audio goes source -> recorder -> audio log -> session -> service; messages come service -> session
-> here -> transcript -> outputs. `Loop` drives it; only that thread prints, writes and decides.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from transcribe_cli.audio.log import AudioLog
from transcribe_cli.audio.recorder import Recorder
from transcribe_cli.audio.source import Source, is_spoken_now
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.protocol.codec import encode_client_message
from transcribe_cli.protocol.messages import Terminate
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import Result, ResumePoint, RunConfig
from transcribe_cli.run.controls import Controls
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.reporter import Reporter, View
from transcribe_cli.run.sequencer import Sequencer, Told
from transcribe_cli.run.status import RunStatus
from transcribe_cli.run.summary import conclude
from transcribe_cli.session.chunks import chunk_sizes
from transcribe_cli.session.connecting import Connecting
from transcribe_cli.session.events import (
    BadFrame,
    Closed,
    Event,
    KeyPressed,
    Opened,
    OutputFailed,
    Received,
    SourceEnded,
    SourceReported,
    StopRequested,
)
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.session import Session, Target
from transcribe_cli.supervisor.actions import (
    AbandonSession,
    Action,
    DropSession,
    Finish,
    FinishAtPause,
    FinishHere,
    HandOver,
    OpenSession,
    StartSession,
    StopSource,
    TellDisconnected,
    TellReconnected,
)
from transcribe_cli.supervisor.facts import Policy
from transcribe_cli.supervisor.session_quota import SessionQuota
from transcribe_cli.supervisor.supervisor import Supervisor
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import Transcript, TurnUpdate
from transcribe_cli.ui.key_table import action_of
from transcribe_cli.ui.notices import Notices

_STATUS_EVERY_S = 0.2
_FORGET_EVERY_S = 30.0
_NEVER = float("inf")
_JOIN_S = 1.0
_BAIL_OUT_S = 3.0


@dataclass(slots=True)
class _Live:
    """A session that is not over.

    Attributes:
        connecting: until it is open.
        writing: the loop waits until its socket takes more.
    """

    session: Session
    connecting: Connecting
    writing: bool = False


class Run:
    """One recording. Everything it is given is open already, and closed by who opened it.

    Args:
        sync: puts the journal on the disk, as the recorder does with the audio; on its thread.
        connect, make_recorder: what opens a session's connection, and what records the source.
        wall: seconds since 1970.
        chance: the jitter of waits comes from it.

    Attributes:
        due, nudged, over: for the loop.
        result: how it ended, once it is over.
    """

    def __init__(
        self,
        config: RunConfig,
        source: Source,
        log: AudioLog,
        outputs: Outputs,
        notices: Notices,
        loop: Loop,
        quota: SessionQuota,
        *,
        view: View | None = None,
        earlier: ResumePoint | None = None,
        sync: Callable[[], None] = lambda: None,
        connect: Callable[[int, Target, Callable[[Event], None]], Connecting] = Connecting,
        make_recorder: Callable[..., Recorder] = Recorder,
        wall: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        self.due = 0.0
        self.has_work = False
        self.result: Result | None = None
        self._config = config
        self._source = source
        self._log = log
        self._outputs = outputs
        self._notices = notices
        self._loop = loop
        self._connect = connect
        self._view = view
        self._recorder = make_recorder(
            source,
            log,
            report=lambda event: self._post(SourceReported(event)),
            ended=lambda problem: self._post(SourceEnded(problem)),
            grew=self._push,
            sync=sync,
            most_frames=(
                None
                if config.limits.max_duration_s is None
                else config.audio.frames(config.limits.max_duration_s)
            ),
        )
        self._supervisor = Supervisor(
            Policy(
                live=is_spoken_now(source),
                drops_backlog=not is_spoken_now(source),
                timeouts=config.patience,
            ),
            quota,
            chance,
            first_session=earlier.next_session if earlier else 0,
            wall=wall,
        )
        self._resumed = earlier is not None
        transcript = Transcript()
        self._bill = Bill(config.usd_per_hour)
        totals = TurnTotals()
        if earlier is not None:
            transcript = Transcript(earlier.next_turn, earlier.finished_ms)
            self._bill = Bill(config.usd_per_hour, earlier.session_s, earlier.next_session)
            totals = earlier.totals
        self._tell = Reporter(config, source, outputs, notices, view, totals)
        self._current: Session | None = None  # the one that reads the log, or did last
        self._stops: list[str] = []
        self._finish: Finish | None = None
        self._forget_from = 0  # the position at which it is looked what the log may forget
        self._watch = RunStatus(
            *(config, source, log, self._recorder, self._supervisor, self._bill, totals),
            loop.clock(),
        )
        self._sequencer = Sequencer(config, log.audio, transcript)
        self._live: dict[int, _Live] = {}  # by the sessions' numbers, the earliest first
        self._controls = Controls(source, self._recorder, self._supervisor, self._tell, view)
        self._status_at = 0.0

    @property
    def over(self) -> bool:
        """It has ended, and `result` says how."""
        return self.result is not None

    def cost_usd(self, now: float) -> float:
        """About what it has cost so far; 0 where no price is known."""
        return self._bill.cost_usd(now) or 0.0

    def _post(self, event: Event) -> None:
        self._loop.post(self, event)

    # What the loop calls.

    def start(self, now: float) -> None:
        """Begin to record and to connect."""
        self._recorder.start()
        if not self._resumed:
            self._tell.start()
        self._carry_out(self._supervisor.start(now), now)
        self.advance(now)

    def take(self, event: Event, now: float) -> None:
        """Something happened outside this thread."""
        if isinstance(event, Opened | Closed) and event.session not in self._live:
            # Given up while it was connecting, and that came about all the same.
            if isinstance(event, Opened):
                event.connection.close(encode_client_message(Terminate()))
            return
        if self.over:
            return
        if isinstance(event, Closed):
            event = self._whole(event)
        self._take(event, now)
        self._carry_out(self._supervisor.handle(event, now), now)
        self.has_work = True

    def _whole(self, closed: Closed) -> Closed:
        """The end of a session, with what its socket does not know."""
        session = self._live[closed.session].session
        owes_words = self._sequencer.owes_words(closed.session)
        return replace(closed, owes_words=owes_words, position=session.position)

    def read(self, session: Session, now: float) -> None:
        """A session's socket has something."""
        for event in session.read(now):
            self.take(event, now)
        self.has_work = self.has_work or session.due <= now  # it has more than it gives at a time

    def advance(self, now: float) -> None:
        """Do what is due, and find out when that is the case next."""
        if self.over:
            return
        self.has_work = False
        for live in list(self._live.values()):
            session = live.session
            if session.has_work or session.due <= now:
                for event in session.advance(now):
                    self.take(event, now)
                self._watch_writing(live)
        self._carry_out(self._supervisor.tick(now), now)
        self._tell.tell(self._sequencer.release_due(now))
        if self._current is not None and self._current.position >= self._forget_from:
            self._forget(self._current)
        self._check_limits(now)
        if self._finish is not None:
            self._end(self._finish, now)
            return
        due = [self._supervisor.next_due(), self._sequencer.next_due()]
        due += [live.session.due for live in self._live.values()]
        if self._view is not None:
            if now - self._status_at >= _STATUS_EVERY_S:
                self._status_at = now
                self._view.status(self._watch.status(self._current, now))
            due += [self._view.tick(now), self._status_at + _STATUS_EVERY_S]
        if self._config.limits.watched:
            due.append(now + _STATUS_EVERY_S)
        self.due = min((at for at in due if at is not None), default=_NEVER)

    def bail_out(self) -> None:
        """A fault of ours ends everything: sessions are still told that they are over."""
        self._recorder.stop()
        for live in self._live.values():
            live.connecting.abandon()
            live.session.abandon()
            live.session.advance(self._loop.clock())
        self._recorder.join(_BAIL_OUT_S)

    # What the recorder calls, on its own thread.

    def _push(self, start: int, samples: bytes) -> None:
        """Send what has just been recorded."""
        session = self._current
        if session is None:
            return
        due = session.push_block(start, samples, self._loop.clock())
        connection = session.connection
        if due is not None or (connection is not None and connection.unsent):
            session.has_work = self.has_work = True
            self._loop.wake()

    # Events.

    def _take(self, event: Event, now: float) -> None:
        """What an event means for transcript, outputs and bill; the supervisor decides the rest."""
        match event:
            case Opened(session=number, connection=connection):
                session = self._live[number].session
                session.opened(connection, now)
                self._loop.watch(self, session)
            case Received():
                self._bill.take(event, now)
                self._hear(event, now)
            case BadFrame():
                self._hear(event, now)
            case Closed(session=number):
                session = self._live.pop(number).session
                session.closed = True
                self._loop.forget(session)
                self._bill.take(event, now)
                self._hear(event, now)
            case SourceReported(event=reported):
                self._tell.source_event(reported, self._captured_ms, self._watch)
            case SourceEnded():
                if self._recorder.full:
                    self._notices.note("stopping: the longest duration is reached")
            case StopRequested(cause=cause):
                self._stops.append(cause)
            case OutputFailed():
                self._outputs.flush()
            case KeyPressed(key=key):
                self._take_key(key, now)

    def _hear(self, event: Received | BadFrame | Closed, now: float) -> None:
        """Tell what a session says, where its turn has come."""
        self._tell_heard(self._sequencer.take(event, self._supervisor.leases, now), now)

    def _go_on(self, now: float) -> None:
        """Tell what sessions have said whose turn has come since."""
        self._tell_heard(self._sequencer.go_on(self._supervisor.leases, now), now)

    def _tell_heard(self, all_told: list[Told], now: float) -> None:
        for told in all_told:
            if isinstance(told, TurnUpdate):
                self._watch.heard(told, now)
        self._tell.tell(all_told)

    def _forget(self, session: Session) -> None:
        """The log of a file need not keep what no session will be sent again."""
        self._forget_from = session.position + self._config.audio.frames(_FORGET_EVERY_S)
        leases = self._supervisor.leases
        needed_from_ms = self._sequencer.needed_from_ms(leases, session.position)
        self._log.forget(self._config.audio.frames_before(needed_from_ms))

    @property
    def _captured_ms(self) -> int:
        return self._log.audio.ms(self._log.frames)

    def _take_key(self, key: str, now: float) -> None:
        action = action_of(key, "run")
        if action == "stop":
            self._post(StopRequested(key))
        elif action != "pause" or not self._stops:  # there is nothing to pause any more
            session, audio = self._current, self._log.audio
            position = 0 if session is None else session.position
            at = self._captured_ms if self._source.live else audio.ms(position)
            self._carry_out(self._controls.do(action, session, at, now), now)

    # Actions.

    def _carry_out(self, actions: list[Action], now: float) -> None:
        for action in actions:
            match action:
                case OpenSession():
                    self._open_session(action)
                case StartSession(number=number):
                    self._start_session(number, self._resume_frame(), now)
                case HandOver():
                    self._hand_over(action, now)
                case FinishAtPause(session=session):
                    self._live[session].session.finish_at_pause()
                case DropSession(session=session):
                    self._drop(session)
                case StopSource():
                    self._recorder.stop()
                case FinishHere(session=session):
                    self._live[session].session.finish_here()
                case AbandonSession(session=session):
                    self._abandon(session)
                case TellDisconnected():
                    self._tell.disconnected(action, self._captured_ms)
                case TellReconnected(session=session):
                    start_ms = self._sequencer.start_ms(session)
                    self._tell.reconnected(session, start_ms, self._captured_ms)
                case Finish():
                    self._finish = action
        if actions:
            self.has_work = True
        self._go_on(now)  # only now is it known whose words count

    def _resume_frame(self) -> int:
        start = max(self._log.first, self._config.audio.frames_before(self._sequencer.committed_ms))
        # A file's log may not have come so far yet.
        return min(start, self._log.frames) if self._source.live else start

    def _open_session(self, action: OpenSession) -> None:
        config, audio, number = self._config, self._config.audio, action.number
        start = None if action.ahead else self._resume_frame()
        waits = None if self._source.kind == "mic" else config.pace
        sizes = chunk_sizes(audio, config.chunk_ms)
        session = Session(
            number,
            self._log,
            sizes,
            Pacer(audio.rate_hz, waits, limited=config.limited),
            start,
            0 if self._source.live else sizes.least,
            config.patience,
        )
        self._notices.debug(f"session {number}: connecting to {config.endpoint}")
        self._live[number] = _Live(session, self._connect(number, config.target, self._post))
        if start is not None:
            self._reads(session, start)

    def _start_session(self, number: int, start: int, now: float) -> None:
        session = self._live[number].session
        session.start_at(start, now)
        self._reads(session, start)
        self._go_on(now)  # its Begin comes before what is told of it

    def _reads(self, session: Session, start: int) -> None:
        """From now on it is this session that reads the log."""
        self._sequencer.started(session.number, self._config.audio.ms(start))
        self._log.consumed(start)
        self._current = session

    def _hand_over(self, action: HandOver, now: float) -> None:
        start = action.frame
        if start is None:
            # What the old one was sent beyond its last turn, the next one says again.
            start = self._config.audio.frames_before(self._sequencer.last_turn_end_ms)
            self._live[action.old].session.finish_at(0)
        at = self._config.audio.ms(start)
        self._tell.record("Rollover", session=action.old, next_session=action.new, at=at)
        self._start_session(action.new, start, now)

    def _drop(self, number: int) -> None:
        live = self._live.get(number)
        position = 0 if live is None else live.session.position
        self._tell.tell(self._sequencer.drop(number, position))
        if live is None:
            return  # it had ended before its turn came
        if live.session.connection is None:
            self._abandon(number)
        else:
            live.session.finish_at(0)

    def _abandon(self, number: int) -> None:
        live = self._live.get(number)
        if live is not None:
            live.connecting.abandon()
            live.session.abandon()

    def _watch_writing(self, live: _Live) -> None:
        connection = live.session.connection
        writing = connection is not None and bool(connection.unsent)
        if writing != live.writing and not live.session.closed:
            live.writing = writing
            self._loop.watch_writing(live.session, writing)

    def _check_limits(self, now: float) -> None:
        if self._stops or self._finish is not None:
            return
        reason = self._watch.limit_reached(self._current, now)
        if reason is not None:
            self._notices.note(f"stopping: {reason}")
            self.take(StopRequested("limit"), now)

    # The end.

    def _end(self, finish: Finish, now: float) -> None:
        self._recorder.stop()
        self._recorder.join(_JOIN_S)
        audio_s = self._watch.position_s(self._current)
        for live in list(self._live.values()):
            live.connecting.abandon()
            live.connecting.join(_JOIN_S)
            live.session.abandon()
            for event in live.session.advance(now):
                self._take(event, now)
        self._live.clear()
        sent = 0 if self._current is None else self._current.position
        self.result = conclude(
            *(finish, self._stops, self._source, self._log, self._bill, self._tell),
            sent=sent,
            finished_ms=self._sequencer.finished_ms,
            audio_s=audio_s,
            now=now,
        )
