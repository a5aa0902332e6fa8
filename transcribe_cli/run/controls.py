"""Carries out what a key asks of a run: pause, mute, bookmark, end the turn, show a panel.

Which key means what is in `ui/key_table.py`.
"""

from typing import TYPE_CHECKING

from transcribe_cli.audio.format import SYSTEM
from transcribe_cli.audio.recorder import Recorder
from transcribe_cli.audio.source import is_spoken_now
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.parameters import MANUAL
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.pauses import Pauses
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.session.session import Session
from transcribe_cli.supervisor.actions import Action

if TYPE_CHECKING:
    from transcribe_cli.run.live_settings import LiveSettings
    from transcribe_cli.ui.key_table import KeyAction
    from transcribe_cli.ui.line_editor import LineEditor

KEYTERMS_LABEL = "key terms, with commas between them: "


class Controls:
    """Carries out every key action but `stop`, which a run handles like a signal."""

    def __init__(
        self,
        parts: RunParts,
        recorder: Recorder,
        pauses: Pauses,
        reporter: Reporter,
        settings: "LiveSettings | None",
        tracks: tuple[str, ...] = (),
    ) -> None:
        self._recorder = recorder
        self._pauses = pauses
        self._reporter = reporter
        self._view = parts.view
        self._settings = settings
        self._spoken_now = is_spoken_now(parts.source)
        self._has_microphone = self._spoken_now and tracks != (SYSTEM,)
        self._line: LineEditor | None = None

    def do(
        self, action: "KeyAction | None", session: Session | None, at: int, now: float
    ) -> list[Action]:
        """Carry out a key's action, and return what the run has to do next.

        `session` reads the log now; `at` is the place of a mark, in ms on the recording's clock.
        """
        match action:
            case "pause":
                return self._pause_or_resume(session, at, now)
            case "mute":
                self._mute(at)
            case "bookmark":
                self._reporter.mark("Mark", at, "bookmark", label="bookmark")
            case "end turn":
                if session is not None and session.force_endpoint():
                    self._hint("the service is asked to end the turn")
            case "key terms":
                self._open_line()
        if self._view is not None:
            from transcribe_cli.ui.key_table import toggle

            toggle(self._view, action, self._reporter.totals.language_ms)
        return []

    # The line that is typed.

    @property
    def takes_text(self) -> bool:
        """A line is being typed, and takes what is typed in place of keys."""
        return self._line is not None

    def type(self, text: str, at: int) -> None:
        """Take what was typed into the line; at its end, have the run's settings take it.

        `at`: a place on the recording's clock, in ms.
        """
        line = self._line
        if line is None or self._view is None or self._settings is None:
            return
        state = line.type(text)
        self._view.prompt(KEYTERMS_LABEL, line.text if state == "open" else None)
        if state != "open":
            self._line = None
        if state == "entered":
            try:
                if not self._settings.take_line(line.text, at) and line.text.strip():
                    self._hint("that is so already")
            except UsageError as e:
                self._hint(f"{e.message.rstrip('.')}: {e.hint}")

    @property
    def ends_turns(self) -> bool:
        """Turns end when the user says so."""
        return self._settings is not None and self._settings.query.get("mode") == MANUAL

    def _open_line(self) -> None:
        if self._view is None or self._settings is None:
            return
        if not self._settings.takes_keyterms():
            self._hint(f"{self._settings.query['speech_model']} takes no key terms")
            return
        from transcribe_cli.ui.line_editor import LineEditor

        self._line = LineEditor()
        self._view.prompt(KEYTERMS_LABEL, "")

    # What keys do.

    def _pause_or_resume(self, session: Session | None, at: int, now: float) -> list[Action]:
        paused = self._recorder.paused = not self._recorder.paused
        if session is not None:
            session.paused(paused=paused, now=now)
            if not self._spoken_now:
                session.hold(held=paused, now=now)
        if paused:
            self._reporter.mark("Paused", at, "paused")
            return self._pauses.begin("user", now)
        self._reporter.mark("Resumed", at, "goes on")
        return self._pauses.end("user", now)

    def _mute(self, at: int) -> None:
        if not self._has_microphone:
            self._hint("only a microphone can be muted")
            return
        muted = self._recorder.muted = not self._recorder.muted
        words = "muted" if muted else "not muted any more"
        self._reporter.mark("Mark", at, words, label="muted" if muted else "unmuted")

    def _hint(self, text: str) -> None:
        if self._view is not None:
            self._view.hint(text)
