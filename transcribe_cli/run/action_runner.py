"""Carries out what the supervisor wants done: one action, one call."""

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.recorder_thread import Recorder
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sequencer import Sequencer
from transcribe_cli.run.sessions import Sessions
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


class ActionRunner:
    """Knows which part of a run does what for one of its channels.

    Attributes:
        finish: the supervisor's last action for the channel; None while the channel goes on.
    """

    def __init__(
        self,
        log: AudioLog,
        sessions: Sessions,
        sequencer: Sequencer,
        recorder: Recorder,
        reporter: Reporter,
    ) -> None:
        self.finish: FinishRun | None = None
        self._log = log
        self._sessions = sessions
        self._sequencer = sequencer
        self._recorder = recorder
        self._reporter = reporter

    @property
    def _captured_ms(self) -> int:
        return self._log.audio.ms(self._log.frames)

    def do(self, action: RunAction, now: float) -> bool:
        """Carry out an action; returns whether another session reads the log because of it."""
        sessions = self._sessions
        match action:
            case OpenSession(number=number, ahead=ahead):
                sessions.open(number, ahead=ahead)
            case StartSession(number=number):
                sessions.start(number, now)
                return True
            case HandOver(old=old, new=new, frame=frame):
                at = self._log.audio.ms(sessions.hand_over(old, new, frame, now))
                self._reporter.record("Rollover", session=old, next_session=new, at=at)
                return True
            case FinishAtPause(session=session):
                sessions[session].finish_at_pause()
            case DropSession(session=session):
                self._reporter.tell(sessions.drop(session))
            case StopSource():
                self._recorder.stop()
            case FinishHere(session=session):
                sessions[session].finish_here()
            case AbandonSession(session=session):
                sessions.abandon(session)
            case TellDisconnected():
                self._reporter.disconnected(action, self._captured_ms)
            case TellReconnected(session=session):
                start_ms = self._sequencer.start_ms(session)
                self._reporter.reconnected(session, start_ms, self._captured_ms)
            case FinishRun():
                self._recorder.stop()  # nobody is left who would hear this channel
                self.finish = action
        return False
