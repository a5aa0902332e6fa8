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
from transcribe_cli.audio.source import Source
from transcribe_cli.errors import AudioError, StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.loop import Loop
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.plans import Earlier, Plans, Result
from transcribe_cli.protocol.codec import encode_client_message
from transcribe_cli.protocol.messages import Terminate, Termination, Turn
from transcribe_cli.protocol.models import Family
from transcribe_cli.session.backoff import Arrivals
from transcribe_cli.session.bill import Bill
from transcribe_cli.session.chunks import chunk_sizes
from transcribe_cli.session.commands import (
    AbandonSession,
    Command,
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
from transcribe_cli.session.supervisor import FORCING, Policy, Supervisor
from transcribe_cli.telling import Teller, View
from transcribe_cli.transcript.clock import on_recording_clock
from transcribe_cli.transcript.totals import Totals
from transcribe_cli.transcript.turns import Transcript
from transcribe_cli.ui.notices import Notices
from transcribe_cli.watch import Watch

_STATUS_EVERY_S = 0.2
_FORGET_EVERY_S = 30.0
_NEVER = float("inf")
# Page "Streaming API": a turn is cut after 60 s at the latest, so words older than that are final.
LONGEST_TURN_MS = 60_000
_JOIN_S = 1.0
_BAIL_OUT_S = 3.0


@dataclass(slots=True)
class _Conversation:
    """A session that is not over, and what is known of it.

    Attributes:
        offset_ms: where its clock starts in the recording; of one opened ahead, not known yet.
        connecting: until it is open.
        held: what it said while the session before it had not ended.
        last_turn: its turns after this `turn_order` are said again by the next session.
        mute: nothing that it says counts.
    """

    session: Session
    connecting: Connecting
    offset_ms: int | None
    held: list[Event]
    last_turn: float = _NEVER
    mute: bool = False
    begun: bool = False
    billed_s: float | None = None
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
        plans: Plans,
        source: Source,
        log: AudioLog,
        outputs: Outputs,
        notices: Notices,
        loop: Loop,
        arrivals: Arrivals,
        *,
        view: View | None = None,
        earlier: Earlier | None = None,
        sync: Callable[[], None] = lambda: None,
        connect: Callable[[int, Target, Callable[[Event], None]], Connecting] = Connecting,
        make_recorder: Callable[..., Recorder] = Recorder,
        wall: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        self.due = 0.0
        self.nudged = False
        self.result: Result | None = None
        self._plans = plans
        self._source = source
        self._log = log
        self._outputs = outputs
        self._notices = notices
        self._loop = loop
        self._connect = connect
        self._view = view
        # Spoken now: it cannot wait, and stopping it is how it normally ends.
        self._spoken_now = source.kind == "mic" and source.live
        self._recorder = make_recorder(
            source,
            log,
            report=lambda event: self._post(SourceReported(event)),
            ended=lambda problem: self._post(SourceEnded(problem)),
            grew=self._push,
            sync=sync,
            most_frames=(
                None
                if plans.limits.max_duration_s is None
                else plans.audio.frames(plans.limits.max_duration_s)
            ),
        )
        self._supervisor = Supervisor(
            Policy(live=self._spoken_now, drops_backlog=not self._spoken_now),
            arrivals,
            chance,
            first_session=earlier.next_session if earlier else 0,
            wall=wall,
        )
        self._resumed = earlier is not None
        self._transcript = Transcript()
        self._bill = Bill(plans.usd_per_hour)
        totals = Totals()
        if earlier is not None:
            self._transcript = Transcript(earlier.next_turn, earlier.finished_ms)
            self._bill = Bill(plans.usd_per_hour, earlier.session_s, earlier.next_session)
            totals = earlier.totals
        self._tell = Teller(plans, source, outputs, notices, view, totals)
        self._conversations: dict[int, _Conversation] = {}
        self._current: Session | None = None  # the one that reads the log, or did last
        self._told: int | None = None  # the session whose words come now
        self._stops: list[str] = []
        self._finish: Finish | None = None
        self._lost_ms = 0
        self._resume_ms = self._transcript.finished_ms
        self._forget_from = 0  # the position at which it is looked what the log may forget
        # The last turn that ended: its session, its turn_order, and its end in ms.
        self._ended_turn = (-1, 0, 0)
        self._watch = Watch(
            *(plans, source, log, self._recorder, self._supervisor, self._bill, totals),
            loop.clock(),
        )
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
        if isinstance(event, Opened | Closed) and event.session not in self._conversations:
            # Given up while it was connecting, and that came about all the same.
            if isinstance(event, Opened):
                event.connection.close(encode_client_message(Terminate()))
            return
        if self.over:
            return
        if isinstance(event, Closed) and event.session == self._told:
            owes_words = self._transcript.open_since_ms(event.session) is not None
            event = replace(event, owes_words=owes_words)
        self._take(event, now)
        self._carry_out(self._supervisor.handle(event, now), now)
        if self._told is None:
            self._tell_next(now)  # only now is it known whether what it said counts
        self.nudged = True

    def read(self, session: Session, now: float) -> None:
        """A session's socket has something."""
        for event in session.read(now):
            self.take(event, now)

    def advance(self, now: float) -> None:
        """Do what is due, and find out when that is the case next."""
        if self.over:
            return
        self.nudged = False
        for conversation in list(self._conversations.values()):
            session = conversation.session
            if session.nudged or session.due <= now:
                for event in session.advance(now):
                    self.take(event, now)
                self._watch_writing(conversation)
        self._carry_out(self._supervisor.tick(now), now)
        for update in self._transcript.release_due(now):
            self._tell.turn(update)
        if self._current is not None and self._current.position >= self._forget_from:
            self._forget(self._current)
        self._check_limits(now)
        if self._finish is not None:
            self._end(self._finish, now)
            return
        due = [self._supervisor.next_due(), self._transcript.next_due()]
        due += [conversation.session.due for conversation in self._conversations.values()]
        if self._view is not None:
            if now - self._status_at >= _STATUS_EVERY_S:
                self._status_at = now
                self._view.status(self._watch.status(self._current, now))
            due += [self._view.tick(now), self._status_at + _STATUS_EVERY_S]
        if self._plans.limits.watched:
            due.append(now + _STATUS_EVERY_S)
        self.due = min((at for at in due if at is not None), default=_NEVER)

    def bail_out(self) -> None:
        """A fault of ours ends everything: sessions are still told that they are over."""
        self._recorder.stop()
        for conversation in self._conversations.values():
            conversation.connecting.abandon()
            conversation.session.abandon()
            conversation.session.advance(self._loop.clock())
        self._recorder.join(_BAIL_OUT_S)

    # What the recorder calls, on its own thread.

    def _push(self) -> None:
        """Send what has just been recorded."""
        session = self._current
        if session is None:
            return
        due = session.push(self._loop.clock())
        connection = session.connection
        if due is not None or (connection is not None and connection.unsent):
            session.nudged = self.nudged = True
            self._loop.wake()

    # Events.

    def _take(self, event: Event, now: float) -> None:
        """What an event means for transcript, outputs and bill; the supervisor decides the rest."""
        match event:
            case Opened(session=number, connection=connection):
                conversation = self._conversations[number]
                conversation.session.opened(connection, now)
                self._loop.watch(self, conversation.session)
            case Received() | BadFrame():
                self._hear(event, now)
            case Closed():
                self._take_close(event, now)
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

    def _hear(self, event: Received | BadFrame, now: float) -> None:
        """What a session says; where another one has not ended, it waits until that has."""
        conversation = self._conversations[event.session]
        if conversation.mute:
            if isinstance(event, Received):
                self._take_message(conversation, event, now)
            return
        if self._told is None and conversation.offset_ms is not None:
            self._told = event.session
            self._begin_telling(event.session, conversation)
        if self._told != event.session:
            conversation.held.append(event)
        elif isinstance(event, BadFrame):
            self._tell.warn(f"the service sent a message that cannot be read: {event.problem}")
        else:
            self._take_message(conversation, event, now)

    def _begin_telling(self, number: int, conversation: _Conversation) -> None:
        model, query = self._plans.parameters.model, self._plans.parameters.query
        assert conversation.offset_ms is not None
        self._transcript.begin_session(
            number,
            conversation.offset_ms,
            # Universal-Streaming Multilingual formats as it goes, and never sets the flag.
            expects_formatted=query.get("format_turns") is not False
            and not (
                model is not None
                and model.always_formats
                and model.family is Family.UNIVERSAL_STREAMING
            ),
        )

    def _take_message(self, conversation: _Conversation, event: Received, now: float) -> None:
        session, decoded = event.session, event.decoded
        for problem in decoded.problems:
            self._tell.warn(f"the service sent an odd message: {problem}")
        message = decoded.message
        offset = conversation.offset_ms or 0
        if isinstance(message, Turn):
            if conversation.mute or message.turn_order > conversation.last_turn:
                return
            for update in self._transcript.receive(session, decoded, now):
                self._tell.turn(update)
            self._tell.held(self._transcript.held_updates(session))
            if message.words:
                end_ms = message.words[-1].end + offset
                self._watch.heard(end_ms, now)
                if message.end_of_turn:
                    # A formatted version may come after the raw final of a later turn.
                    ended = (session, message.turn_order, end_ms)
                    self._ended_turn = max(self._ended_turn, ended)
            return
        if isinstance(message, Termination) and session == self._told:
            # No formatted version comes any more: turns are told before their session's end.
            for update in self._transcript.release_due(_NEVER):
                self._tell.turn(update)
        self._tell.message(session, offset, on_recording_clock(decoded, offset))
        if message.type == "Begin" and not conversation.begun:
            conversation.begun = True
            self._bill.began(session, event.at)
        elif isinstance(message, Termination):
            conversation.billed_s = message.session_duration_seconds

    def _take_close(self, event: Closed, now: float) -> None:
        session = event.session
        conversation = self._conversations[session]
        conversation.session.closed = True
        self._loop.forget(conversation.session)
        if event.terminated and self._waits(conversation):
            conversation.held.append(event)  # all that it said still has to be heard
            return
        self._conversations.pop(session)
        if self._told == session:
            self._finish_telling(conversation, event, now)
        else:
            self._tell_unheard(conversation, now)
            self._settle(conversation, event, now)

    def _settle(self, conversation: _Conversation, event: Closed, now: float) -> None:
        """What a session that is over has cost."""
        session, billed = event.session, conversation.billed_s
        # A session that the service itself has closed is over, also where it said no Termination.
        closed_there = event.terminated or event.code is not None
        if closed_there and billed is None:
            billed = event.open_s
        if event.open_s > 0 and event.code is None and not conversation.begun:
            self._bill.began(session, now - event.open_s)  # opened, and its end never confirmed
        self._bill.ended(session, billed if closed_there else None, now)
        self._tell.drop_partial(session)

    def _waits(self, conversation: _Conversation) -> bool:
        """Whether its words come after those of the session that is heard now."""
        heard = self._told in (None, conversation.session.number)
        return not (heard or conversation.mute or conversation.offset_ms is None)

    def _finish_telling(self, conversation: _Conversation, event: Closed, now: float) -> None:
        complete = event.terminated and conversation.last_turn == _NEVER
        self._stop_telling(conversation, complete=complete)
        self._settle(conversation, event, now)

    def _stop_telling(self, conversation: _Conversation, *, complete: bool) -> None:
        session = conversation.session.number
        open_since_ms = self._transcript.open_since_ms(session)
        for update in self._transcript.end_session(session, complete=complete):
            self._tell.turn(update)
        self._resume_ms = self._next_start_ms(conversation.session, open_since_ms)
        self._told = None

    def _tell_unheard(self, conversation: _Conversation, now: float) -> None:
        """A session has ended before its turn came: what it said about itself is kept."""
        conversation.mute = True
        for event in conversation.held:
            if isinstance(event, Received):
                self._take_message(conversation, event, now)
            elif isinstance(event, Closed):
                self._settle(conversation, event, now)

    def _tell_next(self, now: float) -> None:
        """The session that has waited for its turn is heard; where it has ended too, the next."""
        for number, conversation in list(self._conversations.items()):
            if conversation.offset_ms is None or conversation.mute:
                continue
            held, conversation.held = conversation.held, []
            for event in held:
                if isinstance(event, Received | BadFrame):
                    self._hear(event, now)
                elif isinstance(event, Closed):
                    self._conversations.pop(number)
                    self._finish_telling(conversation, event, now)
            if number in self._conversations:
                return

    def _next_start_ms(self, session: Session, open_since_ms: int | None) -> int:
        """The earliest time whose words may not be final yet.

        That is not simply the end of the last final word: what was silent long ago stays silent,
        and sending hours of silence again would cost hours.
        """
        earliest = max(self._resume_ms, self._transcript.finished_ms)
        if not self._plans.limited:
            return earliest  # what is sent faster than it is spoken may be heard much later
        undecided = self._log.audio.ms(session.position) - LONGEST_TURN_MS
        if open_since_ms is not None:
            undecided = min(undecided, open_since_ms)
        return max(earliest, undecided)

    def _forget(self, session: Session) -> None:
        """The log of a file need not keep what no session will be sent again."""
        self._forget_from = session.position + self._plans.audio.frames(_FORGET_EVERY_S)
        before_ms = max(self._resume_ms, self._transcript.finished_ms)
        if list(self._conversations) == [self._told] == [session.number]:
            open_since_ms = self._transcript.open_since_ms(session.number)
            before_ms = self._next_start_ms(session, open_since_ms)
        # Words that come late may lie before those that are heard now.
        before_ms = max(0, before_ms - LONGEST_TURN_MS)
        self._log.forget(self._plans.audio.frames_before(before_ms))

    @property
    def _captured_ms(self) -> int:
        return self._log.audio.ms(self._log.frames)

    # Keys.

    def _take_key(self, key: str, now: float) -> None:
        at = self._captured_ms if self._source.live else self._position_ms
        match key:
            case "q":
                self._post(StopRequested("q"))
            case "space":
                self._pause_or_resume(at, now)
            case "m":
                self._mute(at)
            case "b":
                self._tell.mark("Mark", at, "bookmark", label="bookmark")
            case "e":
                self._force_endpoint()
        if self._view is None:
            return
        match key:
            case "?":
                self._view.toggle_help()
            case "l":
                self._view.toggle_languages(self._tell.totals.language_ms)
            case "w":
                self._view.toggle_confidences()

    @property
    def _position_ms(self) -> int:
        return 0 if self._current is None else self._log.audio.ms(self._current.position)

    def _pause_or_resume(self, at: int, now: float) -> None:
        if self._stops:
            return
        paused = self._recorder.paused = not self._recorder.paused
        if self._current is not None and not self._spoken_now:
            self._current.hold(held=paused, now=now)
        if paused:
            self._tell.mark("Paused", at, "paused")
            self._supervisor.pause(now)
        else:
            self._tell.mark("Resumed", at, "goes on")
            self._carry_out(self._supervisor.resume(now), now)

    def _mute(self, at: int) -> None:
        if not self._spoken_now:
            self._hint("only a microphone can be muted")
            return
        muted = self._recorder.muted = not self._recorder.muted
        words = "muted" if muted else "not muted any more"
        self._tell.mark("Mark", at, words, label="muted" if muted else "unmuted")

    def _force_endpoint(self) -> None:
        if self._current is not None and self._current.force_endpoint():
            self._hint("the service is asked to end the turn")

    def _hint(self, text: str) -> None:
        if self._view is not None:
            self._view.hint(text)

    # Commands.

    def _carry_out(self, commands: list[Command], now: float) -> None:
        for command in commands:
            match command:
                case OpenSession():
                    self._open_session(command)
                case StartSession(number=number):
                    self._start_session(number, self._resume_frame(), now)
                case HandOver():
                    self._hand_over(command, now)
                case FinishAtPause(session=session):
                    self._conversations[session].session.finish_at_pause()
                case DropSession(session=session):
                    self._drop(session, now)
                case StopSource():
                    self._recorder.stop()
                case FinishHere(session=session):
                    self._conversations[session].session.finish_here()
                case AbandonSession(session=session):
                    self._abandon(session)
                case TellDisconnected():
                    self._tell.disconnected(command, self._captured_ms)
                case TellReconnected(session=session):
                    offset = self._conversations[session].offset_ms or 0
                    self._tell.reconnected(session, offset, self._captured_ms)
                case Finish():
                    self._finish = command
        if commands:
            self.nudged = True

    def _resume_frame(self) -> int:
        start = max(self._log.first, self._plans.audio.frames_before(self._resume_ms))
        # A file's log may not have come so far yet.
        return min(start, self._log.frames) if self._source.live else start

    def _open_session(self, command: OpenSession) -> None:
        plans, audio, number = self._plans, self._plans.audio, command.number
        start = None if command.ahead else self._resume_frame()
        waits = None if self._source.kind == "mic" else plans.pace
        sizes = chunk_sizes(audio, plans.chunk_ms)
        session = Session(
            number,
            self._log,
            sizes,
            Pacer(audio.rate_hz, waits, limited=plans.limited),
            start,
            0 if self._source.live else sizes.least,
        )
        self._notices.debug(f"session {number}: connecting to {plans.endpoint}")
        self._conversations[number] = _Conversation(
            session,
            self._connect(number, plans.target, self._post),
            None if start is None else audio.ms(start),
            [],
        )
        if start is not None:
            self._log.consumed(start)
            self._current = session

    def _start_session(self, number: int, start: int, now: float) -> None:
        conversation = self._conversations[number]
        conversation.offset_ms = self._plans.audio.ms(start)
        self._log.consumed(start)
        conversation.session.start_at(start, now)
        self._current = conversation.session
        if self._told is None:
            self._tell_next(now)

    def _hand_over(self, command: HandOver, now: float) -> None:
        start = command.frame
        if start is None:
            _, order, end_ms = self._ended_turn
            start = self._plans.audio.frames_before(end_ms)
            # What the old one was sent beyond its last turn, the next one says again.
            old = self._conversations[command.old]
            old.last_turn = order
            old.session.finish_at(0)
        at = self._plans.audio.ms(start)
        self._tell.record("Rollover", session=command.old, next_session=command.new, at=at)
        self._start_session(command.new, start, now)

    def _drop(self, session: int, now: float) -> None:
        conversation = self._conversations.get(session)
        if conversation is None:
            return
        if session == self._told:
            # Its end may be long in coming, and the next one starts where its words end.
            self._stop_telling(conversation, complete=False)
            self._tell.drop_partial(session)
        conversation.mute = True
        if conversation.session.closed:
            self._conversations.pop(session)
            self._tell_unheard(conversation, now)
        elif conversation.session.connection is None:
            self._abandon(session)
        else:
            conversation.session.finish_at(0)

    def _abandon(self, session: int) -> None:
        conversation = self._conversations.get(session)
        if conversation is not None:
            conversation.connecting.abandon()
            conversation.session.abandon()

    def _watch_writing(self, conversation: _Conversation) -> None:
        connection = conversation.session.connection
        writing = connection is not None and bool(connection.unsent)
        if writing != conversation.writing and not conversation.session.closed:
            conversation.writing = writing
            self._loop.watch_writing(self, conversation.session, writing)

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
        position_s = self._watch.position_s(self._current)
        for number, conversation in list(self._conversations.items()):
            conversation.connecting.abandon()
            conversation.connecting.join(_JOIN_S)
            conversation.session.abandon()
            for event in conversation.session.advance(now):
                self._take(event, now)
            if self._told is None:
                self._tell_next(now)
            self._conversations.pop(number, None)
        signals = [cause for cause in self._stops if cause.startswith("SIG")]
        cut_short = bool(signals or "q" in self._stops) and not self._spoken_now
        status = finish.exit_status
        if cut_short or signals.count("SIGINT") > 1:
            by_term = cut_short and bool(signals) and signals[0] not in FORCING
            status = ExitStatus.TERMINATED if by_term else ExitStatus.INTERRUPTED
        # What was captured while a forced end was already under way has not been sent.
        sent = self._current is not None and self._current.position >= self._log.frames
        complete = finish.complete and sent
        if not complete and self._source.kind != "file":
            self._tell_gap(finish)
        problem = finish.problem or self._tell_unsaved()
        if problem is not None:
            status = status or problem.exit_status
            self._tell.record(
                "Error", exit_code=int(status), message=problem.message, hint=problem.hint
            )
        cost, totals = self._bill.cost_usd(now), self._tell.totals
        summary = {
            "audio_s": round(position_s, 3),
            "session_s": round(self._bill.session_s(now), 3),
            "cost_usd": None if cost is None else round(cost, 6),
            "sessions": self._bill.sessions,
            "turns": totals.turns,
            "words": totals.words,
            "languages": {c: ms / 1000 for c, ms in totals.language_ms.items()},
            "lost_ms": self._lost_ms,
            "terminated": self._bill.terminated,
            "complete": complete,
        }
        self._tell.record("Summary", **summary)
        interrupted = bool(signals) or "q" in self._stops
        self.result = Result(status, problem, summary, interrupted)

    def _tell_unsaved(self) -> StreamError | None:
        """Audio that was heard, and that the disk did not take."""
        missing = self._log.missing if self._log.path is not None else []
        reason = f"not saved: {self._log.unwritable or 'the disk was full'}"
        for start, end in missing:
            audio = self._log.audio
            self._tell.record("Gap", start=audio.ms(start), end=audio.ms(end), reason=reason)
        if not missing:
            return None
        seconds = self._log.audio.seconds(sum(end - start for start, end in missing))
        return AudioError(
            f"{seconds:.1f} s of the recording could not be saved; the transcript has them.",
            "free some space on the disk",
        )

    def _tell_gap(self, finish: Finish) -> None:
        """Audio that was captured and whose words are not final."""
        start, end = self._transcript.finished_ms, self._captured_ms
        if end > start:
            self._lost_ms += end - start
            reason = "stopped" if finish.problem is None else finish.problem.message
            self._tell.record("Gap", start=start, end=end, reason=reason)
