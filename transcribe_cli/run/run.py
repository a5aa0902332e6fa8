"""One recording from start to end: passes events in, and carries out the actions that come out.

Audio goes source -> recorder -> audio log -> session -> service; messages come service -> session
-> here -> sequencer -> reporter -> outputs. `Loop` drives it; only that thread prints, writes and
decides. What an event means is in `service_events.py`, `source_events.py`, `controls.py` (what is
typed) and `live_settings.py`; what is decided where: when a session opens and ends in
`supervisor/`, when a limit stops the run in `limits.py`, the exit code in `exit_status.py`.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from transcribe_cli.audio.format import SYSTEM
from transcribe_cli.audio.source import is_spoken_now
from transcribe_cli.protocol.codec import encode_client_message
from transcribe_cli.protocol.messages import Terminate
from transcribe_cli.run.action_runner import ActionRunner
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import Result, RunConfig
from transcribe_cli.run.limits import RunLimits, Stops
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.pauses import Pauses
from transcribe_cli.run.progress import Progress
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sequencer import Sequencer
from transcribe_cli.run.service_events import ServiceEvents
from transcribe_cli.run.sessions import Sessions
from transcribe_cli.run.source_events import SourceEvents
from transcribe_cli.run.status import RunStatus
from transcribe_cli.run.summary import Conclusion
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
from transcribe_cli.supervisor.facts import Policy
from transcribe_cli.supervisor.supervisor import Supervisor

_NEVER = float("inf")
_JOIN_S = 1.0
_BAIL_OUT_S = 3.0

if TYPE_CHECKING:
    from transcribe_cli.run.controls import Controls


class Run:
    """One recording: knows who takes which event, and who has something to do when.

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
        self._parts = parts
        now = parts.loop.clock()
        bill = _make_bill(config)
        parts.budget.add(bill)
        sequencer = Sequencer(config)
        sessions = Sessions(config, parts, sequencer, self, self._post)
        recorder = parts.make_recorder(
            parts.source,
            parts.log,
            report=lambda event, frame: self._post(SourceReported(event, frame)),
            ended=lambda problem: self._post(SourceEnded(problem)),
            grew=self._push,
            sync=parts.sync,
            most_frames=config.limits.max_frames(config.audio),
        )
        supervisor = _make_supervisor(config, parts)
        reporter = Reporter(
            *(config, parts.source, parts.outputs, parts.notices, parts.view, _sides(config, parts))
        )
        status = RunStatus(config, parts.source, reporter.totals, now)
        limits = RunLimits(config.limits, parts.budget, bill, now)
        progress = Progress(parts, sessions, recorder, supervisor, bill)
        stops = Stops(limits, progress, supervisor, parts.notices)
        pauses = Pauses(supervisor)

        def mark_ms() -> int:
            return status.mark_ms(progress.elapsed_s)

        self._settings = self._status_updates = None
        if parts.view is not None or parts.keyterms_file is not None:  # something can change them
            from transcribe_cli.run import live_settings

            self._settings = live_settings.LiveSettings(
                *(config, parts, sessions, reporter, bill, status, mark_ms)
            )
        if parts.view is not None:
            from transcribe_cli.run import status_updates

            self._status_updates = status_updates.StatusUpdates(parts.view, status, progress)

        @cache
        def controls() -> "Controls":  # most runs have no keys
            from transcribe_cli.run.controls import Controls

            return Controls(
                *(parts, recorder, sessions, pauses, reporter, self._settings),
                *(self._post, mark_ms),
                tracks=config.tracks,
            )

        self._controls = controls
        self._supervisor = supervisor
        self._sessions = sessions
        self._stops = stops
        self._service_events = ServiceEvents(
            *(config, sessions, supervisor, sequencer, reporter, bill, limits, status)
        )
        self._source_events = SourceEvents(
            *(config.audio, recorder, sessions, pauses, reporter, status, progress, stops)
        )
        self._actions = ActionRunner(
            *(config.audio, sessions, sequencer, recorder, reporter, progress)
        )
        self._conclusion = Conclusion(
            *(parts, sessions, sequencer, progress, stops, bill, reporter)
        )

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
        self._source_events.start()
        if self._settings is not None:
            self._settings.start(self._parts.typed)
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
        self._carry_out(self._source_events.advance(now), now)
        self._service_events.advance(now)
        self._sessions.trim_log(self._supervisor.leases)
        stop = self._stops.check_limits(now)
        if stop is not None:
            self.take(stop, now)
        if self._actions.finish is not None:
            self._end(self._actions.finish, now)
            return
        due = [
            None if self._status_updates is None else self._status_updates.advance(now),
            self._supervisor.next_due(),
            self._source_events.due,
            self._service_events.due,
            self._stops.due(now),
            *self._sessions.due(),
        ]
        self.due = min((at for at in due if at is not None), default=_NEVER)

    def bail_out(self) -> None:
        """A fault of ours ends everything: sessions are still told that they are over."""
        self._source_events.stop(0.0)
        self._sessions.bail_out(self._parts.loop.clock())
        self._source_events.stop(_BAIL_OUT_S)

    # What the recorder calls, on its own thread.

    def _push(self, start: int, samples: bytes) -> None:
        """Send what has just been recorded."""
        loop = self._parts.loop
        if self._parts.mix is not None:
            samples = b""  # sessions hear something else than what was recorded
        if self._sessions.push(start, samples, loop.clock()):
            self.has_work = True
            loop.wake()

    # Events in, actions out.

    def _take(self, event: Event, now: float) -> None:
        """What an event means for transcript, outputs and bill; the supervisor decides the rest."""
        match event:
            case Opened() | Received() | BadFrame() | Closed():
                self._service_events.take(event, now)
            case SourceReported() | SourceEnded():
                self._carry_out(self._source_events.take(event, now), now)
            case KeyPressed():
                self._carry_out(self._controls().take(event, now), now)
            case KeytermsChanged() | SettingsTyped() if self._settings is not None:
                self._settings.take(event)
            case StopRequested(cause=cause):
                self._stops.causes.append(cause)
            case OutputFailed():
                self._parts.outputs.flush()

    def _carry_out(self, actions: list[Action], now: float) -> None:
        for action in actions:
            if self._actions.do(action, now):
                self._service_events.go_on(now)  # the session's Begin comes before what it says
        if actions:
            self.has_work = True
        self._service_events.go_on(now)  # only now is it known whose words count

    def _end(self, finish: Finish, now: float) -> None:
        self._source_events.stop(_JOIN_S)
        for event in self._sessions.end(now):
            self._take(event, now)
        self.result = self._conclusion.result(finish, now)


def _make_bill(config: RunConfig) -> Bill:
    price, point = config.tariff.usd_per_hour(), config.resume_point
    return Bill(price) if point is None else Bill(price, point.session_s, point.next_session)


def _make_supervisor(config: RunConfig, parts: RunParts) -> Supervisor:
    point, spoken_now = config.resume_point, is_spoken_now(parts.source)
    return Supervisor(
        Policy(live=spoken_now, drops_backlog=not spoken_now, timeouts=config.timeouts),
        parts.quota,
        parts.chance,
        first_session=0 if point is None else point.next_session,
        wall=parts.wall,
    )


def _sides(config: RunConfig, parts: RunParts) -> Callable[[int, int], int | None] | None:
    """Which side of a call says what lies between two times; None of anything else."""
    if parts.mix is not None:
        return parts.mix.channel_of
    return (lambda start_ms, end_ms: 1) if config.tracks == (SYSTEM,) else None
