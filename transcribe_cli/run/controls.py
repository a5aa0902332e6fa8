"""What a person's keys do to a run: pause, mute, bookmark, end the turn, and panels of the view."""

from transcribe_cli.audio.recorder import Recorder
from transcribe_cli.audio.source import Source, is_spoken_now
from transcribe_cli.run.reporter import Reporter, View
from transcribe_cli.session.session import Session
from transcribe_cli.supervisor.actions import Action
from transcribe_cli.supervisor.supervisor import Supervisor


class Controls:
    """Takes keys one by one. (`q` is no business of theirs: it stops the run as a signal does.)"""

    def __init__(
        self,
        source: Source,
        recorder: Recorder,
        supervisor: Supervisor,
        tell: Reporter,
        view: View | None,
    ) -> None:
        self._recorder = recorder
        self._supervisor = supervisor
        self._tell = tell
        self._view = view
        self._spoken_now = is_spoken_now(source)

    def press(self, key: str, session: Session | None, at: int, now: float) -> list[Action]:
        """Do what a key is for, and say what that asks of the run.

        `session` reads the log now; `at` is the place of a mark, in ms on the recording's clock.
        """
        match key:
            case "space":
                return self._pause_or_resume(session, at, now)
            case "m":
                self._mute(at)
            case "b":
                self._tell.mark("Mark", at, "bookmark", label="bookmark")
            case "e":
                if session is not None and session.force_endpoint():
                    self._hint("the service is asked to end the turn")
        if self._view is not None:
            match key:
                case "?":
                    self._view.toggle_help()
                case "l":
                    self._view.toggle_languages(self._tell.totals.language_ms)
                case "w":
                    self._view.toggle_confidences()
        return []

    def _pause_or_resume(self, session: Session | None, at: int, now: float) -> list[Action]:
        paused = self._recorder.paused = not self._recorder.paused
        if session is not None and not self._spoken_now:
            session.hold(held=paused, now=now)
        if paused:
            self._tell.mark("Paused", at, "paused")
            return self._supervisor.pause(now)
        self._tell.mark("Resumed", at, "goes on")
        return self._supervisor.resume(now)

    def _mute(self, at: int) -> None:
        if not self._spoken_now:
            self._hint("only a microphone can be muted")
            return
        muted = self._recorder.muted = not self._recorder.muted
        words = "muted" if muted else "not muted any more"
        self._tell.mark("Mark", at, words, label="muted" if muted else "unmuted")

    def _hint(self, text: str) -> None:
        if self._view is not None:
            self._view.hint(text)
