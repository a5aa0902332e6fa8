"""One recording from start to end: wires the parts, owns the main loop.

Audio goes source -> recorder -> audio log -> sender -> service; messages come service -> receiver
-> inbox -> here -> transcript -> outputs. Only this thread prints, writes outputs and decides.
"""

import queue
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from transcribe_cli.audio.log import AudioLog
from transcribe_cli.audio.recorder import Recorder
from transcribe_cli.audio.source import DeviceBack, DeviceLost, Overflow, Source, SourceWarning
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.outputs.record import Record, message_record, turn_record
from transcribe_cli.plans import Earlier, Plans, Result
from transcribe_cli.protocol.messages import Termination, Turn
from transcribe_cli.protocol.messages import Warning as ServiceWarning
from transcribe_cli.protocol.models import Family
from transcribe_cli.session.bill import Bill
from transcribe_cli.session.chunks import chunk_sizes
from transcribe_cli.session.events import (
    BadFrame,
    Closed,
    Event,
    Received,
    SourceEnded,
    SourceReported,
    StopRequested,
)
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.session import Plan, Session
from transcribe_cli.session.supervisor import (
    FORCING,
    AbandonSession,
    Command,
    Finish,
    FinishHere,
    OpenSession,
    Policy,
    StopSource,
    Supervisor,
    TellDisconnected,
    TellReconnected,
)
from transcribe_cli.signals import stop_signals
from transcribe_cli.transcript.clock import on_recording_clock
from transcribe_cli.transcript.totals import Totals
from transcribe_cli.transcript.turns import Transcript, TurnUpdate
from transcribe_cli.ui.notices import Notices
from transcribe_cli.ui.status_line import Status
from transcribe_cli.watch import Watch

_STATUS_EVERY_S = 0.2
_IDLE_WAKE_S = 1.0
# Page "Streaming API": a turn is cut after 60 s at the latest, so words older than that are final.
LONGEST_TURN_MS = 60_000
_JOIN_S = 1.0
_BAIL_OUT_S = 3.0


class View(Protocol):
    """What the live view offers."""

    def turn(self, update: TurnUpdate) -> None: ...
    def drop_partial(self, session: int | None = None) -> None: ...
    def status(self, status: Status) -> None: ...
    def tick(self, now: float | None = None) -> float | None: ...


class Run:
    """One recording. Everything it is given is open already, and closed by who opened it."""

    def __init__(
        self,
        plans: Plans,
        source: Source,
        log: AudioLog,
        outputs: Outputs,
        notices: Notices,
        view: View | None = None,
        inbox: "queue.SimpleQueue[Event] | None" = None,
        earlier: Earlier | None = None,
    ) -> None:
        self._plans = plans
        self._source = source
        self._log = log
        self._outputs = outputs
        self._notices = notices
        self._view = view
        self._inbox = queue.SimpleQueue() if inbox is None else inbox
        # Spoken now: it cannot wait, and stopping it is how it normally ends.
        self._spoken_now = source.kind == "mic" and source.live
        self._recorder = Recorder(
            source,
            log,
            report=lambda event: self._inbox.put(SourceReported(event)),
            ended=lambda problem: self._inbox.put(SourceEnded(problem)),
            most_frames=(
                None
                if plans.limits.max_duration_s is None
                else plans.audio.frames(plans.limits.max_duration_s)
            ),
        )
        self._supervisor = Supervisor(
            Policy(
                live=self._spoken_now,
                drops_backlog=not self._spoken_now,
                new_sessions_per_minute=plans.new_sessions_per_minute,
            ),
            first_session=earlier.next_session if earlier else 0,
        )
        self._resumed = earlier is not None
        self._signals_taken: Callable[[], None] = lambda: None
        self._transcript = Transcript()
        self._totals = Totals()
        self._bill = Bill(plans.usd_per_hour)
        if earlier is not None:
            self._transcript = Transcript(earlier.next_turn, earlier.finished_ms)
            self._totals = earlier.totals
            self._bill = Bill(plans.usd_per_hour, earlier.session_s, earlier.next_session)
        self._session: Session | None = None
        self._offsets: dict[int, int] = {}
        self._begun: set[int] = set()
        self._billed: dict[int, float | None] = {}
        self._stops: list[str] = []
        self._finish: Finish | None = None
        self._lost_ms = 0
        self._resume_ms = self._transcript.finished_ms
        self._watch = Watch(
            plans, source, log, self._recorder, self._supervisor, self._bill, self._totals
        )
        self._status_at = 0.0

    def run(self) -> Result:
        """Record and transcribe until the source ends or someone stops it."""
        now = time.monotonic()
        with stop_signals(lambda name: self._inbox.put(StopRequested(name))) as signals:
            self._signals_taken = signals.taken
            self._recorder.start()
            if not self._resumed:
                self._tell_start()
            for note in self._plans.parameters.notes:
                self._warn(note)
            try:
                self._carry_out(self._supervisor.start(now), now)
                while self._finish is None:
                    self._step()
                return self._end(self._finish)
            except BaseException:
                # A fault of ours must not leave a session open, and billed, behind it.
                self._bail_out()
                raise

    def _tell_start(self) -> None:
        self._write_own(
            "Recording",
            id=self._plans.recording,
            source=self._source.name,
            kind=self._source.kind,
            path=self._source.path,
            folder=self._plans.folder,
            audio={
                "sample_rate": self._plans.audio.rate_hz,
                "channels": self._plans.audio.channels,
                "encoding": "pcm_s16le",
            },
            model=self._plans.parameters.query["speech_model"],
            endpoint=self._plans.endpoint,
            local=self._plans.local,
            parameters=self._plans.parameters.query,
        )

    def _step(self) -> None:
        """Take one event, or let time pass."""
        wake = self._next_wake(time.monotonic())
        try:
            event = self._inbox.get(timeout=max(0.0, wake - time.monotonic()))
        except queue.Empty:
            event = None
        now = time.monotonic()
        if event is not None:
            self._take(event, now)
            self._carry_out(self._supervisor.handle(event, now), now)
        self._carry_out(self._supervisor.tick(now), now)
        for update in self._transcript.release_due(now):
            self._tell_turn(update)
        self._check_limits(now)
        if self._view is not None:
            if now - self._status_at >= _STATUS_EVERY_S:
                self._status_at = now
                self._view.status(self._watch.status(self._session, now))
            self._view.tick(now)

    def _next_wake(self, now: float) -> float:
        idle = _IDLE_WAKE_S if self._view is None else _STATUS_EVERY_S
        due = [now + idle, self._supervisor.next_due(), self._transcript.next_due()]
        if self._view is not None:
            due.append(self._view.tick(now))
        return min(at for at in due if at is not None)

    def _bail_out(self) -> None:
        self._recorder.stop()
        if self._session is not None:
            self._session.finish_here()
            self._session.join(_BAIL_OUT_S)

    # Events.

    def _take(self, event: Event, now: float) -> None:
        """What an event means for transcript, outputs and bill; the supervisor decides the rest."""
        match event:
            case Received():
                self._take_message(event, now)
            case BadFrame(problem=problem):
                self._warn(f"the service sent a message that cannot be read: {problem}")
            case Closed():
                self._take_close(event, now)
            case SourceReported(event=reported):
                self._take_report(reported)
            case SourceEnded():
                if self._recorder.full:
                    self._notices.note("stopping: the longest duration is reached")
            case StopRequested(cause=cause):
                self._signals_taken()
                self._stops.append(cause)

    def _take_message(self, event: Received, now: float) -> None:
        session, decoded = event.session, event.decoded
        for problem in decoded.problems:
            self._warn(f"the service sent an odd message: {problem}")
        message = decoded.message
        if isinstance(message, Turn):
            for update in self._transcript.receive(session, decoded, now):
                self._tell_turn(update)
            if self._view is not None:
                for held in self._transcript.held_updates(session):
                    self._view.turn(held)
            if message.words:
                self._watch.heard(message.words[-1].end + self._offsets[session], now)
            return
        offset = self._offsets[session]
        decoded = on_recording_clock(decoded, offset)
        self._write(
            message_record(
                message.type or str(decoded.raw.get("type") or "Unknown"),
                decoded.raw,
                session,
                offset,
                datetime.now(UTC),
            )
        )
        if message.type == "Begin" and session not in self._begun:
            self._begun.add(session)
            self._bill.began(session, event.at)
        elif isinstance(message, Termination):
            self._billed[session] = message.session_duration_seconds
        elif isinstance(message, ServiceWarning):
            self._notices.warning(f"the service warns: {message.warning}")

    def _take_close(self, event: Closed, now: float) -> None:
        session = event.session
        open_since_ms = self._transcript.open_since_ms(session)
        for update in self._transcript.end_session(session, complete=event.terminated):
            self._tell_turn(update)
        self._resume_ms = self._next_start_ms(open_since_ms)
        billed = self._billed.get(session)
        # A session that the service itself has closed is over, also where it said no Termination.
        over = event.terminated or event.code is not None
        if over and billed is None:
            billed = event.open_s
        if event.open_s > 0 and event.code is None and session not in self._begun:
            self._bill.began(session, now - event.open_s)  # opened, and its end never confirmed
        self._bill.ended(session, billed if over else None, now)
        if self._view is not None:
            self._view.drop_partial(session)

    def _next_start_ms(self, open_since_ms: int | None) -> int:
        """The earliest time whose words may not be final yet.

        That is not simply the end of the last final word: what was silent long ago stays silent,
        and sending hours of silence again would cost hours.
        """
        earliest = max(self._resume_ms, self._transcript.finished_ms)
        if self._session is None or not self._plans.limited:
            return earliest  # what is sent faster than it is spoken may be heard much later
        sent_ms = self._log.audio.ms(self._session.position)
        undecided = sent_ms - LONGEST_TURN_MS
        if open_since_ms is not None:
            undecided = min(undecided, open_since_ms)
        return max(earliest, undecided)

    def _take_report(self, event: object) -> None:
        at = self._log.audio.ms(self._log.frames)
        match event:
            case DeviceLost():
                self._write_own("DeviceLost", at=at)
                self._watch.trouble = "no audio from the microphone: is it unplugged?"
                self._notices.warning(self._watch.trouble)
            case DeviceBack():
                self._write_own("DeviceBack", at=at)
                self._watch.trouble = ""
            case Overflow():
                self._watch.overflows += 1
                self._write_own("Overflow", at=at)
            case SourceWarning(text=text):
                self._warn(text)

    # Commands.

    def _carry_out(self, commands: list[Command], now: float) -> None:
        for command in commands:
            match command:
                case OpenSession(number=number):
                    self._open_session(number)
                case StopSource():
                    self._recorder.stop()
                case FinishHere():
                    if self._session is not None:
                        self._session.finish_here()
                case AbandonSession():
                    if self._session is not None:
                        self._session.abandon()
                case TellDisconnected():
                    self._tell_disconnected(command)
                case TellReconnected(session=session):
                    self._tell_reconnected(session)
                case Finish():
                    self._finish = command

    def _open_session(self, number: int) -> None:
        plans, audio = self._plans, self._plans.audio
        start = audio.frames_before(self._resume_ms)
        if self._source.live:
            start = min(start, self._log.frames)  # a file's log may not have come so far yet
        self._log.consumed(start)
        offset = self._offsets[number] = audio.ms(start)
        model = plans.parameters.model
        query = plans.parameters.query
        self._transcript.begin_session(
            number,
            offset,
            # Universal-Streaming Multilingual formats as it goes, and never sets the flag.
            expects_formatted=query.get("format_turns") is not False
            and not (
                model is not None
                and model.always_formats
                and model.family is Family.UNIVERSAL_STREAMING
            ),
        )
        waits = None if self._source.kind == "mic" else plans.pace
        self._session = Session(
            Plan(number, start),
            plans.target,
            self._log,
            chunk_sizes(audio, plans.chunk_ms),
            Pacer(audio.rate_hz, waits, limited=plans.limited),
            self._inbox.put,
        )
        self._notices.debug(f"session {number}: connecting to {plans.endpoint}")
        self._session.start()

    def _tell_disconnected(self, command: TellDisconnected) -> None:
        verdict = command.verdict
        self._write_own(
            "Disconnected",
            session=command.session,
            at=self._log.audio.ms(self._log.frames),
            reason=verdict.sentence,
            retry_in_ms=round(command.retry_in_s * 1000),
        )
        sentence = verdict.sentence.rstrip(".")
        self._notices.warning(f"{sentence}; the next try is in {command.retry_in_s:.1f} s")

    def _tell_reconnected(self, session: int) -> None:
        behind = self._log.audio.ms(self._log.frames) - self._offsets[session]
        self._write_own(
            "Reconnected", session=session, at=self._offsets[session], behind_ms=max(0, behind)
        )
        self._notices.note(f"connected again, {behind / 1000:.1f} s behind")

    # Telling.

    def _tell_turn(self, update: TurnUpdate) -> None:
        if update.final:
            self._totals.add(update)
        self._write(turn_record(update, datetime.now(UTC)))
        if self._view is not None:
            self._view.turn(update)

    def _warn(self, text: str) -> None:
        self._notices.warning(text)
        self._write_own("Warning", message=text)

    def _write_own(self, type_name: str, **body: Any) -> None:
        self._write(Record(datetime.now(UTC), type_name, body))

    def _write(self, record: Record) -> None:
        if self._plans.tells_source and "source" not in record.body:
            record.body["source"] = self._source.name
        self._outputs.write(record)

    def _check_limits(self, now: float) -> None:
        if self._stops or self._finish is not None:
            return
        reason = self._watch.limit_reached(self._session, now)
        if reason is not None:
            self._notices.note(f"stopping: {reason}")
            self._stops.append("limit")
            self._carry_out(self._supervisor.handle(StopRequested("limit"), now), now)

    # The end.

    def _end(self, finish: Finish) -> Result:
        self._recorder.stop()
        self._recorder.join(_JOIN_S)
        if self._session is not None:
            self._session.abandon()
            self._session.join(_JOIN_S)
        now = time.monotonic()
        self._take_the_rest(now)
        signals = [cause for cause in self._stops if cause.startswith("SIG")]
        cut_short = bool(signals) and not self._spoken_now
        status = finish.exit_status
        if cut_short or signals.count("SIGINT") > 1:
            by_int = not cut_short or signals[0] in FORCING
            status = ExitStatus.INTERRUPTED if by_int else ExitStatus.TERMINATED
        complete = finish.complete and not cut_short
        if not complete and self._source.kind != "file":
            self._tell_gap(finish)
        if finish.problem is not None:
            self._write_own(
                "Error",
                exit_code=int(status),
                message=finish.problem.message,
                hint=finish.problem.hint,
            )
        cost = self._bill.cost_usd(now)
        summary = {
            "audio_s": round(self._watch.position_s(self._session), 3),
            "session_s": round(self._bill.session_s(now), 3),
            "cost_usd": None if cost is None else round(cost, 6),
            "sessions": self._bill.sessions,
            "turns": self._totals.turns,
            "words": self._totals.words,
            "languages": {c: ms / 1000 for c, ms in self._totals.language_ms.items()},
            "lost_ms": self._lost_ms,
            "terminated": self._bill.terminated,
            "complete": complete,
        }
        self._write_own("Summary", **summary)
        return Result(status, finish.problem, summary, bool(signals))

    def _take_the_rest(self, now: float) -> None:
        """What came in while the last session was being closed."""
        with suppress(queue.Empty):
            while True:
                self._take(self._inbox.get_nowait(), now)

    def _tell_gap(self, finish: Finish) -> None:
        """Audio that was captured and whose words are not final."""
        start = self._transcript.finished_ms
        end = self._log.audio.ms(self._log.frames)
        if end > start:
            self._lost_ms += end - start
            reason = "stopped" if finish.problem is None else finish.problem.message
            self._write_own("Gap", start=start, end=end, reason=reason)
