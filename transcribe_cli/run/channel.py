"""One channel of a run: its sessions, its supervisor, and the sequencer of what its sessions say.

A run has one channel; with `--channels each` it has one for each channel of its audio log. Channels
share the recording, its outputs and its bill, and do not know each other. Session numbers alternate
between the channels, so that a session's number tells its channel.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from transcribe_cli.audio.recorder_thread import Recorder
from transcribe_cli.audio.source import (
    AudioGap,
    DeviceBack,
    DeviceLost,
    SourceEvent,
    is_spoken_now,
)
from transcribe_cli.protocol.codec import encode_client_message
from transcribe_cli.protocol.messages import Terminate
from transcribe_cli.run.action_runner import ActionRunner
from transcribe_cli.run.config import RunConfig
from transcribe_cli.run.loop import Task
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.pause_reasons import GONE_S, Pauses
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sequencer import Said, SequencedUpdate, Sequencer
from transcribe_cli.run.sessions import Sessions
from transcribe_cli.run.status import CATCHING_UP_S
from transcribe_cli.session.events import (
    BadFrame,
    Closed,
    Event,
    Opened,
    Received,
    TerminateSent,
)
from transcribe_cli.supervisor.actions import FinishRun, RunAction
from transcribe_cli.supervisor.facts import Policy, RunState
from transcribe_cli.supervisor.supervisor import Supervisor
from transcribe_cli.transcript.turns import TurnNumbers

SessionEvent = Opened | Received | BadFrame | TerminateSent | Closed


class ChannelEnd(NamedTuple):
    """How a channel has ended.

    Attributes:
        sent: how many frames were sent.
        final_ms: where the last final word ends.
    """

    finish: FinishRun
    sent: int
    final_ms: int


class Channel:
    """Times are monotonic, in s; frames are those of the log.

    Args:
        number: the channel's number in the run, from 0.
        numbers: gives the turns of the run their numbers.
        task: the run, as the loop knows it.
        post: takes the events of connecting, from any thread.
        tell: reports a list of updates; its second argument is the time.

    Attributes:
        sessions, sequencer, pauses: of this channel alone.
    """

    def __init__(
        self,
        config: RunConfig,
        parts: RunParts,
        number: int,
        numbers: TurnNumbers,
        recorder: Recorder,
        reporter: Reporter,
        task: Task,
        post: Callable[[Event], None],
        tell: Callable[[Iterable[SequencedUpdate], float], None],
    ) -> None:
        self._log = parts.log
        self._live = parts.source.live
        self._task = task
        self._tell = tell
        self._reporter = reporter
        self._spoken_now = is_spoken_now(parts.source)
        self.sequencer = Sequencer(config, number, numbers)
        self.sessions = Sessions(config, parts, parts.logs[number], self.sequencer, task, post)
        first = 0 if config.resume_point is None else config.resume_point.next_session
        count = len(parts.logs)
        self._supervisor = Supervisor(
            Policy(
                live=self._spoken_now,
                drops_backlog=not self._spoken_now,
                timeouts=config.service.timeouts,
                number_step=count,
            ),
            parts.quota,
            parts.doors.chance,
            first_session=first + (number - first) % count,
            wall=parts.doors.wall,
        )
        self._actions = ActionRunner(parts.log, self.sessions, self.sequencer, recorder, reporter)
        self.pauses = Pauses(self._supervisor)

    @property
    def finish(self) -> FinishRun | None:
        """How the channel ended; None while it goes on."""
        return self._actions.finish

    @property
    def source_ended(self) -> bool:
        """Whether the last block is in the log."""
        return self._supervisor.source_ended

    @property
    def state(self) -> RunState:
        """The channel's state, as a view shows it."""
        return self._supervisor.state

    @property
    def lag_s(self) -> float:
        """Seconds of audio that were captured and are not sent yet.

        0 for a source that is not live, since it is read ahead. Silence that need not be sent does
        not count.
        """
        if not self._live:
            return 0.0
        return self._log.audio.seconds(self._log.frames - self.sessions.sent_to)

    def start(self, now: float) -> None:
        """Begin to connect."""
        self._carry_out(self._supervisor.start(now), now)

    def take(self, event: SessionEvent, now: float) -> SessionEvent | None:
        """Take an event of one of the channel's sessions, before the supervisor decides about it.

        Returns the event, completed with what the channel knows; None if it no longer matters.
        """
        match event:
            case Received() | BadFrame():  # many a second
                return event
            case TerminateSent():
                return self.sessions.completed(event)
            case Opened(session=number, connection=connection):
                if number not in self.sessions:
                    # It was given up while it was connecting, but the connection opened anyway.
                    connection.close(encode_client_message(Terminate()))
                    return None
                self.sessions.opened(number, connection, now)
                return event
            case Closed(session=number):
                if number not in self.sessions:
                    return None
                event = self.sessions.completed(event)
                self.sessions.closed(number)
                return event

    def hear(self, event: Said, now: float) -> None:
        """Take what a session says, and report what may be reported now."""
        self._tell(self.sequencer.take(event, self._supervisor.leases, now), now)

    def decide(self, event: Event, now: float) -> None:
        """Have the supervisor decide about an event, and carry out its actions."""
        self._carry_out(self._supervisor.handle(event, now), now)

    def advance(self, now: float) -> None:
        """Do what is due."""
        for event in self.sessions.advance(now):
            self._task.take(event, now)
        if self._supervisor.due <= now:
            self._carry_out(self._supervisor.tick(now), now)
        if self.pauses.due <= now:
            up_to_date = self.state is RunState.LISTENING and self.lag_s < CATCHING_UP_S
            self._carry_out(self.pauses.advance(now, up_to_date=up_to_date), now)
        if self.sessions.silences:
            self._skip_silence(now)
        if self.sequencer.due <= now:
            self._reporter.tell(self.sequencer.release_due(now))
        self.sessions.trim_log(self._supervisor.leases)

    @property
    def due(self) -> float:
        """When `advance` may have something to do; NEVER if only an event can cause that."""
        supervisor, sessions = self._supervisor, self.sessions
        return min(supervisor.due, sessions.due, self.sequencer.due, self.pauses.due)

    # The source.

    def source_event(self, event: SourceEvent, frame: int, now: float) -> None:
        """The device is gone or back, or silence was recorded in place of missing audio."""
        match event:
            case DeviceLost():
                self.pauses.device_lost(now)
                self.sessions.silences.begin(frame)
            case DeviceBack():
                self.device_is_back(frame, now)
            case AudioGap(seconds=seconds):
                silences = self.sessions.silences
                silences.begin(frame - self._log.audio.frames(seconds))
                silences.end(frame)

    def device_is_back(self, frame: int, now: float) -> None:
        """End the pause of a lost device; also when a limit ends the run during that pause."""
        self.sessions.silences.end(frame)
        self._carry_out(self.pauses.device_back(now), now)

    def _skip_silence(self, now: float) -> None:
        """End the session that has reached a long silence; the next one begins after it."""
        reader, state = self.sessions.reader, self.state
        if reader is None or state not in (RunState.LISTENING, RunState.STOPPING):
            return
        silence = self.sessions.silences.ahead(reader.offset, self._log.audio.frames(GONE_S))
        if silence is None:
            return
        silence.skips += 1
        if state is RunState.STOPPING or self.sessions.end_in(silence):  # no session follows
            reader.finish_here()
        else:
            self._carry_out(self.pauses.skip(now), now)

    # The user.

    def pause(self, *, paused: bool, now: float) -> None:
        """The user pauses, or goes on."""
        session = self.sessions.reader
        if session is not None:
            session.paused(paused=paused, now=now)
            if not self._spoken_now:
                session.hold(held=paused, now=now)
        if paused:
            self._carry_out(self.pauses.begin("user", now), now)
        else:
            self._carry_out(self.pauses.end("user", now), now)

    def end_turn(self) -> bool:
        """Ask the service to end the turn; returns False where no session listens."""
        session = self.sessions.reader
        return session is not None and session.force_endpoint()

    # The end.

    @property
    def how_it_ended(self) -> "ChannelEnd":
        """How the channel ended."""
        assert self.finish is not None
        return ChannelEnd(self.finish, self.sessions.sent_to, self.sequencer.final_ms)

    def end(self, now: float) -> Iterator[Closed]:
        """Close all sessions that are left; yields their ends."""
        for event in self.sessions.end(now):
            if isinstance(event, Closed):
                self.sessions.closed(event.session)
                yield event

    # Actions.

    def _carry_out(self, actions: list[RunAction], now: float) -> None:
        for action in actions:
            if self._actions.do(action, now):
                self._go_on(now)  # reports the session's Begin before anything else about it
        if actions:
            self._task.has_work = True
        self._go_on(now)  # only the actions have settled whose words count

    def _go_on(self, now: float) -> None:
        """Report what sessions said earlier and what may be reported now."""
        if told := self.sequencer.go_on(self._supervisor.leases, now):
            self._tell(told, now)
