"""One recording from start to end: passes events to its parts, and does what is due.

Audio goes source -> recorder -> audio log -> session -> service; messages come service -> session
-> here -> sequencer -> reporter -> outputs. `Loop` drives a run; only the loop's thread prints,
writes and decides. Events are handled in `service_events.py`, `source_reports.py`, `controls.py`
(what is typed) and `live_settings.py`. Decisions are made in `supervisor/` (when a session opens
and ends), `limits.py` (when a limit stops the run) and `exit_status.py` (the exit code).
"""

from functools import cache
from typing import TYPE_CHECKING

from transcribe_cli.run.billing import Bill
from transcribe_cli.run.channel import Channel, SessionEvent
from transcribe_cli.run.config import Result, RunConfig
from transcribe_cli.run.limits import RunLimits, Stops
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.progress import Progress
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sequencer import Said
from transcribe_cli.run.service_events import ServiceEvents
from transcribe_cli.run.source_reports import SourceReports
from transcribe_cli.run.status import RunStatus
from transcribe_cli.run.summary import Conclusion
from transcribe_cli.session.events import (
    EndTurnRequested,
    Event,
    KeyPressed,
    KeytermsChanged,
    OutputFailed,
    SettingsTyped,
    SourceEnded,
    SourceReported,
    StopRequested,
)
from transcribe_cli.session.session import Session
from transcribe_cli.supervisor.lease import NEVER
from transcribe_cli.transcript.turns import TurnNumbers

_JOIN_S = 1.0
_BAIL_OUT_S = 3.0

if TYPE_CHECKING:
    from transcribe_cli.run.controls import Controls


class Run:
    """One recording: passes each event to its receiver, and knows when something is due.

    Attributes:
        due, has_work: read by the loop.
        over: the run has ended.
        begun: the run has started, so there may be something to keep.
        result: how the run ended; None before.
    """

    def __init__(self, config: RunConfig, parts: RunParts) -> None:
        self.due = 0.0
        self.has_work = False
        self.over = False
        self.begun = False
        self.result: Result | None = None
        self._parts = parts
        now = parts.loop.clock()
        bill = _make_bill(config)
        parts.budget.add(bill)
        recorder = parts.doors.make_recorder(
            parts.source,
            parts.log,
            report=lambda event, frame: self._post(SourceReported(event, frame)),
            ended=lambda problem: self._post(SourceEnded(problem)),
            grew=self._push,
            sync=parts.sync,
            most_frames=config.limits.max_frames(config.audio),
        )
        reporter = Reporter(
            *(config, parts.source, parts.outputs, parts.notices, parts.view),
            parts.heard.with_channels,
        )
        status = RunStatus(config, parts.source, reporter.totals, now)
        limits = RunLimits(config.limits, parts.budget, bill, now)
        self._service_events = ServiceEvents(config, reporter, bill, limits, status)
        point = config.resume_point
        numbers = TurnNumbers(0 if point is None else point.next_turn)
        self._channels = [
            Channel(
                *(config, parts, number, numbers, recorder, reporter),
                *(self, self._post, self._service_events.tell),
            )
            for number in range(len(parts.logs))
        ]
        progress = Progress(parts, self._channels, recorder, bill)
        stops = Stops(limits, progress, parts.notices)

        def mark_ms() -> int:
            return status.mark_ms(progress.elapsed_s)

        self._settings = self._status_updates = None
        if parts.view is not None or parts.keyterms_file is not None:  # something can change them
            from transcribe_cli.run import live_settings

            sessions = [channel.sessions for channel in self._channels]
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
                *(parts, recorder, self._channels, reporter, self._settings),
                *(self._post, mark_ms),
                tracks=config.tracks,
            )

        self._controls = controls
        self._stops = stops
        self._source_events = SourceReports(
            *(config.audio, recorder, self._channels, reporter, status, progress, stops)
        )
        self._conclusion = Conclusion(parts, self._channels, progress, stops, bill, reporter)

    def _post(self, event: Event) -> None:
        self._parts.loop.post(self, event)

    # What the loop calls.

    def start(self, now: float) -> None:
        """Begin to record and to connect."""
        self.begun = True
        self._source_events.start()
        if self._settings is not None:
            self._settings.start(self._parts.typed)
        for channel in self._channels:
            channel.start(now)
        self.advance(now)

    def take(self, event: Event, now: float) -> None:
        """Take an event, of this thread or of another; called on the loop's thread."""
        if isinstance(event, SessionEvent):
            channel = self._channels[event.session % len(self._channels)]
            known = channel.take(event, now)
            if known is None or self.over:
                return
            if isinstance(known, Said):
                self._service_events.take(known, channel, now)
            channel.decide(known, now)
        elif not self.over:
            self._take(event, now)
            for channel in self._channels:
                channel.decide(event, now)
        self.has_work = True

    def read(self, session: Session, now: float) -> None:
        """Read a session's socket, which has something."""
        for event in session.read(now):
            self.take(event, now)
        self.has_work = self.has_work or session.due <= now  # it gives only so much at a time

    def advance(self, now: float) -> None:
        """Do what is due, and set `due` to the next time."""
        if self.over:
            return
        self.has_work = False
        for channel in self._channels:
            channel.advance(now)
        due = self._stops.due(now)
        if due < NEVER and (stop := self._stops.check_limits(now)) is not None:
            self.take(stop, now)
        over = True
        for channel in self._channels:
            due = min(due, channel.due)
            over = over and channel.finish is not None
        if over:
            self._end(now)
            return
        if self._status_updates is not None:
            due = min(due, self._status_updates.advance(now))
        self.due = due

    def bail_out(self) -> None:
        """End everything after a bug in this program; sessions are still sent their Terminate."""
        self._source_events.stop(0.0)
        for channel in self._channels:
            channel.sessions.bail_out(self._parts.loop.clock())
        self._source_events.stop(_BAIL_OUT_S)

    # What the recorder calls, on its own thread.

    def _push(self, start: int, samples: bytes) -> None:
        """Send what has just been recorded."""
        loop = self._parts.loop
        if self._parts.heard.views:
            samples = b""  # sessions hear other samples than those recorded
        for channel in self._channels:
            if channel.sessions.push(start, samples, loop.clock()):
                self.has_work = True
                loop.wake()

    # Events.

    def _take(self, event: Event, now: float) -> None:
        """Handle an event that is not a session's; the supervisors decide about it afterwards."""
        match event:
            case SourceReported() | SourceEnded():
                self._source_events.take(event, now)
            case KeyPressed():
                self._controls().take(event, now)
            case EndTurnRequested():
                self._controls().end_turn()
            case KeytermsChanged() | SettingsTyped() if self._settings is not None:
                self._settings.take(event)
            case StopRequested(cause=cause):
                self._stops.causes.append(cause)
            case OutputFailed():
                self._parts.outputs.flush()

    def _end(self, now: float) -> None:
        self._source_events.stop(_JOIN_S)
        for channel in self._channels:
            for event in channel.end(now):
                self._service_events.take(event, channel, now)
        self.result = self._conclusion.result(now)
        self.over = True


def _make_bill(config: RunConfig) -> Bill:
    price, point = config.tariff.usd_per_hour(), config.resume_point
    return Bill(price) if point is None else Bill(price, point.session_s, point.sessions)
