"""One recording from start to end: passes events in, and carries out the actions that come out.

Audio goes source -> recorder -> audio log -> session -> service; messages come service -> session
-> here -> sequencer -> reporter -> outputs. `Loop` drives it; only that thread prints, writes and
decides. What is decided where: when a session opens and ends in `supervisor/`, when a limit stops
the run in `limits.py`, the exit code in `exit_status.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from transcribe_cli.audio.format import SYSTEM
from transcribe_cli.audio.source import AudioGap, DeviceBack, DeviceLost, SourceEvent, is_spoken_now
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.codec import encode_client_message
from transcribe_cli.protocol.messages import Begin, Terminate
from transcribe_cli.run.action_runner import ActionRunner
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import Result, RunConfig
from transcribe_cli.run.controls import Controls
from transcribe_cli.run.limits import DURATION_REACHED, RunLimits
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.pauses import GONE_S, Pauses
from transcribe_cli.run.progress import Progress
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sequencer import Sequencer, Told
from transcribe_cli.run.sessions import Sessions
from transcribe_cli.run.status import RunStatus
from transcribe_cli.run.summary import conclude
from transcribe_cli.session.events import (
    BadFrame,
    Closed,
    Event,
    KeyPressed,
    KeytermsChanged,
    Opened,
    OutputFailed,
    Received,
    SettingsTyped,
    SourceEnded,
    SourceReported,
    StopRequested,
    TerminateSent,
)
from transcribe_cli.session.session import Session
from transcribe_cli.supervisor.actions import Action, Finish
from transcribe_cli.supervisor.facts import Policy, RunState
from transcribe_cli.supervisor.supervisor import Supervisor
from transcribe_cli.transcript.turns import TurnUpdate

if TYPE_CHECKING:
    from transcribe_cli.run.live_settings import LiveSettings

_STATUS_EVERY_S = 0.2
_NEVER = float("inf")
_JOIN_S = 1.0
_BAIL_OUT_S = 3.0


class Run:
    """One recording. Its fields are the parts that it wires, most of them one file of this room.

    Attributes:
        due, has_work, over: for the loop.
        begun: there may be something to keep.
        result: how it ended, once it is over.
    """

    def __init__(self, config: RunConfig, parts: RunParts) -> None:
        self.due = 0.0
        self.has_work = False
        self.begun = False
        self.result: Result | None = None
        self._config = config
        self._parts = parts
        now = parts.loop.clock()
        point = config.resume_point
        price = config.tariff.usd_per_hour()
        self._bill = Bill(price)
        if point is not None:
            self._bill = Bill(price, point.session_s, point.next_session)
        parts.budget.add(self._bill)
        self._sequencer = Sequencer(config)
        self._sessions = Sessions(config, parts, self._sequencer, self, self._post)
        self._recorder = parts.make_recorder(
            parts.source,
            parts.log,
            report=lambda event, frame: self._post(SourceReported(event, frame)),
            ended=lambda problem: self._post(SourceEnded(problem)),
            grew=self._push,
            sync=parts.sync,
            most_frames=config.limits.max_frames(config.audio),
        )
        spoken_now = is_spoken_now(parts.source)
        self._supervisor = Supervisor(
            Policy(live=spoken_now, drops_backlog=not spoken_now, timeouts=config.timeouts),
            parts.quota,
            parts.chance,
            first_session=0 if point is None else point.next_session,
            wall=parts.wall,
        )
        self._reporter = Reporter(
            *(config, parts.source, parts.outputs, parts.notices, parts.view, _sides(config, parts))
        )
        self._status = RunStatus(config, parts.source, self._reporter.totals, now)
        self._limits = RunLimits(config.limits, parts.budget, self._bill, now)
        self._progress = Progress(
            *(parts, self._sessions, self._recorder, self._supervisor, self._bill)
        )
        self._actions = ActionRunner(
            *(config.audio, self._sessions, self._sequencer),
            *(self._recorder, self._reporter, self._progress),
        )
        self._pauses = Pauses(self._supervisor)
        self._settings = _live_settings(config, parts, self._sessions, self._reporter)
        self._controls = Controls(
            *(parts, self._recorder, self._pauses, self._reporter, self._settings),
            tracks=config.tracks,
        )
        self._stops: list[str] = []  # the causes of the stops that were asked for
        self._limit = ""  # the limit that stopped it before its source had ended, in words
        self._source_ended = False
        self._finish: Finish | None = None
        self._status_at = 0.0

    @property
    def over(self) -> bool:
        """It has ended, and `result` says how."""
        return self.result is not None

    def _post(self, event: Event) -> None:
        self._parts.loop.post(self, event)

    # What the loop calls.

    def start(self, now: float) -> None:
        """Begin to record and to connect."""
        self.begun = True
        self._recorder.start()
        if self._config.resume_point is None:
            self._reporter.start()
        self._take_keyterms_file()  # it may have changed before this recording came
        for line in self._parts.typed:
            self._take_typed(line)
        self._carry_out(self._supervisor.start(now), now)
        self.advance(now)

    def take(self, event: Event, now: float) -> None:
        """Something happened outside this thread."""
        if isinstance(event, Opened | Closed) and event.session not in self._sessions:
            # Given up while it was connecting, and that came about all the same.
            if isinstance(event, Opened):
                event.connection.close(encode_client_message(Terminate()))
            return
        if self.over:
            return
        if isinstance(event, Closed | TerminateSent):
            event = self._sessions.completed(event)
        self._take(event, now)
        self._carry_out(self._supervisor.handle(event, now), now)
        self.has_work = True

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
        for event in self._sessions.advance(now):
            self.take(event, now)
        self._carry_out(self._supervisor.tick(now), now)
        self._carry_out(self._pauses.advance(now, up_to_date=self._progress.is_up_to_date), now)
        self._skip_silence(now)
        self._reporter.tell(self._sequencer.release_due(now))
        self._sessions.trim_log(self._supervisor.leases)
        self._check_limits(now)
        if self._finish is not None:
            self._end(self._finish, now)
            return
        due = [self._supervisor.next_due(), self._sequencer.next_due(), *self._sessions.due()]
        due.append(self._pauses.due)
        if self._parts.view is not None:
            if now - self._status_at >= _STATUS_EVERY_S:
                self._status_at = now
                self._parts.view.status(self._status.status(self._progress.at(now)))
            due += [self._parts.view.tick(now), self._status_at + _STATUS_EVERY_S]
        if self._limits.needs_clock:
            due.append(now + _STATUS_EVERY_S)
        self.due = min((at for at in due if at is not None), default=_NEVER)

    def bail_out(self) -> None:
        """A fault of ours ends everything: sessions are still told that they are over."""
        self._recorder.stop()
        self._sessions.bail_out(self._parts.loop.clock())
        self._recorder.join(_BAIL_OUT_S)

    # What the recorder calls, on its own thread.

    def _push(self, start: int, samples: bytes) -> None:
        """Send what has just been recorded."""
        loop = self._parts.loop
        if self._parts.mix is not None:
            samples = b""  # sessions hear something else than what was recorded
        if self._sessions.push(start, samples, loop.clock()):
            self.has_work = True
            loop.wake()

    # Events.

    def _take(self, event: Event, now: float) -> None:
        """What an event means for transcript, outputs and bill; the supervisor decides the rest."""
        match event:
            case Opened(session=number, connection=connection):
                self._sessions.opened(number, connection, now)
            case Received():
                self._bill.take(event, now)
                if isinstance(event.decoded.message, Begin):
                    self._begun(event)
                self._hear(event, now)
            case BadFrame():
                self._hear(event, now)
            case Closed(session=number):
                self._sessions.closed(number)
                self._bill.take(event, now)
                self._hear(event, now)
            case SourceReported(event=reported, frame=frame):
                self._reporter.source_event(reported, self._config.audio.ms(frame), self._status)
                self._take_device(reported, frame, now)
            case SourceEnded():
                if self._recorder.full:
                    self._limit = DURATION_REACHED
                    self._parts.notices.note(f"stopping: {DURATION_REACHED}")
                self._source_ended = True
                if not self._stops:  # else that ends the pause
                    self._device_is_back(self._parts.log.frames, now)
            case StopRequested(cause=cause):
                self._stops.append(cause)
            case OutputFailed():
                self._parts.outputs.flush()
            case KeyPressed(text=text) if self._controls.takes_text:
                self._controls.type(text, self._mark_ms())
                self._reprice()
                self._status.manual = self._controls.ends_turns
            case KeyPressed(key=key):
                self._take_key(key, now)
            case KeytermsChanged(problem=""):
                self._take_keyterms_file()
            case KeytermsChanged(problem=problem):  # told once, for all runs
                self._reporter.record("Warning", message=problem)
            case SettingsTyped(line=line):
                self._take_typed(line)

    def _begun(self, event: Received) -> None:
        """What runs is what costs, and what the status line names."""
        running = self._config.running(event.decoded, self._asked)
        self._bill.is_priced(event.session, self._config.tariff.usd_per_hour(running))
        self._status.model = str(running["speech_model"])
        self._reporter.compare(self._asked, running)

    @property
    def _asked(self) -> Mapping[str, Any]:
        """What a session is asked for now."""
        return self._config.parameters.query if self._settings is None else self._settings.query

    def _reprice(self) -> None:
        """Settings that were changed may cost something."""
        now_runs = {**self._asked, "speech_model": self._status.model}
        self._bill.reprice(self._config.tariff.usd_per_hour(now_runs))

    def _hear(self, event: Received | BadFrame | Closed, now: float) -> None:
        """Tell what a session says, where its turn has come."""
        self._tell(self._sequencer.take(event, self._supervisor.leases, now), now)

    def _tell(self, all_told: Iterable[Told], now: float) -> None:
        for told in all_told:
            if isinstance(told, TurnUpdate) and told.message.words:
                self._limits.heard_words(now)
                self._status.heard(told, now)
        self._reporter.tell(all_told)

    def _take_key(self, key: str, now: float) -> None:
        from transcribe_cli.ui.key_table import action_of

        action = action_of(key, "run")
        if action == "stop":
            self._post(StopRequested(key))
        elif action != "pause" or not self._stops:  # there is nothing to pause any more
            reader, at = self._sessions.reader, self._mark_ms()
            self._carry_out(self._controls.do(action, reader, at, now), now)

    def _take_device(self, event: SourceEvent, frame: int, now: float) -> None:
        match event:
            case DeviceLost():
                self._pauses.device_lost(now)
                self._sessions.silences.begin(frame)
            case DeviceBack():
                self._device_is_back(frame, now)
            case AudioGap(seconds=seconds):
                silences = self._sessions.silences
                silences.begin(frame - self._config.audio.frames(seconds))
                silences.end(frame)

    def _device_is_back(self, frame: int, now: float) -> None:
        """Go on from there; also where a limit has ended the run while the device was gone."""
        self._sessions.silences.end(frame)
        self._carry_out(self._pauses.device_back(now), now)

    def _skip_silence(self, now: float) -> None:
        """End the session that has come to a long silence; the next one begins behind it."""
        reader, state = self._sessions.reader, self._supervisor.state
        if reader is None or state not in (RunState.LISTENING, RunState.STOPPING):
            return
        silence = self._sessions.silences.ahead(reader.offset, self._config.audio.frames(GONE_S))
        if silence is None:
            return
        silence.skips += 1
        if state is RunState.STOPPING:  # then no session follows
            reader.finish_here()
        else:
            self._carry_out(self._pauses.skip(now), now)

    def _mark_ms(self) -> int:
        return self._status.mark_ms(self._progress.elapsed_s)

    def _take_keyterms_file(self) -> None:
        file = self._parts.keyterms_file
        if file is not None and self._settings is not None:
            try:
                self._settings.take_file(file.terms, self._mark_ms())
                self._reprice()
            except UsageError as e:
                self._reporter.warn(
                    f"{e.message.rstrip('.')}; {e.hint}; the key terms are as before"
                )

    def _take_typed(self, line: str) -> None:
        if self._settings is not None:
            try:
                self._settings.take_line(line, self._mark_ms())
                self._reprice()
            except UsageError as e:
                self._reporter.warn(f"{e.message.rstrip('.')}; the settings are as before")

    # Actions.

    def _carry_out(self, actions: list[Action], now: float) -> None:
        for action in actions:
            if isinstance(action, Finish):
                self._finish = action
            elif self._actions.do(action, now):
                self._go_on(now)  # the session's Begin comes before what is told of it
        if actions:
            self.has_work = True
        self._go_on(now)  # only now is it known whose words count

    def _go_on(self, now: float) -> None:
        """Tell what sessions have said whose turn has come since."""
        self._tell(self._sequencer.go_on(self._supervisor.leases, now), now)

    # Limits, the status line, the end.

    def _check_limits(self, now: float) -> None:
        if self._stops or self._finish is not None:
            return
        listening = self._supervisor.state is RunState.LISTENING
        reason = self._limits.reached(now, listening=listening, lag_s=self._progress.lag_s)
        if reason is not None:
            if not self._source_ended:
                self._limit = reason
            self._parts.notices.note(f"stopping: {reason}")
            self.take(StopRequested("limit"), now)

    def _end(self, finish: Finish, now: float) -> None:
        self._recorder.stop()
        self._recorder.join(_JOIN_S)
        audio_s = self._progress.elapsed_s
        for event in self._sessions.end(now):
            self._take(event, now)
        self._parts.budget.settle(self._bill, now)
        self.result = conclude(
            *(finish, self._stops, self._parts, self._bill, self._reporter),
            sent=self._sessions.sent_to,
            final_ms=self._sequencer.final_ms,
            audio_s=audio_s,
            limit=self._limit,
            now=now,
        )


def _sides(config: RunConfig, parts: RunParts) -> Callable[[int, int], int | None] | None:
    """Which side of a call says what lies between two times; None of anything else."""
    if parts.mix is not None:
        return parts.mix.channel_of
    return (lambda start_ms, end_ms: 1) if config.tracks == (SYSTEM,) else None


def _live_settings(
    config: RunConfig, parts: RunParts, sessions: Sessions, reporter: Reporter
) -> "LiveSettings | None":
    """The settings that may change, where something can change them."""
    file = parts.keyterms_file
    if parts.view is None and file is None:
        return None
    from transcribe_cli.run.live_settings import LiveSettings

    return LiveSettings(config, sessions, reporter, () if file is None else file.first)
