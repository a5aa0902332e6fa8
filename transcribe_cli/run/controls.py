"""Carries out what a key asks of a run: pause, mute, bookmark, end the turn, show a panel.

Which key means what is in `ui/key_table.py`.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from transcribe_cli.audio.format import SYSTEM
from transcribe_cli.audio.recorder_thread import Recorder
from transcribe_cli.audio.source import is_spoken_now
from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import BY_KEY
from transcribe_cli.run.channel import Channel
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.session.events import Event, KeyPressed, StopRequested
from transcribe_cli.ui.key_table import action_of, toggle
from transcribe_cli.ui.line_editor import KeytermsLine

if TYPE_CHECKING:
    from transcribe_cli.run.live_settings import LiveSettings


class Controls:
    """Takes what is typed: keys, and the line of key terms and settings that `k` opens.

    Args:
        settings: takes that line; None: there is no view to type it in.
        post: takes an event for the run, such as the request to stop.
        mark_ms: returns where a mark that a person makes now belongs, on the recording's clock.
        tracks: the names of the log's channels; empty where they need no names.
    """

    def __init__(
        self,
        parts: RunParts,
        recorder: Recorder,
        channels: Sequence[Channel],
        reporter: Reporter,
        settings: "LiveSettings | None",
        post: Callable[[Event], None],
        mark_ms: Callable[[], int],
        *,
        tracks: tuple[str, ...] = (),
    ) -> None:
        self._view = parts.view
        self._recorder = recorder
        self._channels = channels
        self._reporter = reporter
        self._settings = settings
        self._post = post
        self._mark_ms = mark_ms
        self._has_microphone = is_spoken_now(parts.source) and tracks != (SYSTEM,)
        self._line = KeytermsLine(self._prompt, self._enter)

    def take(self, event: KeyPressed, now: float) -> None:
        """Carry out what was typed."""
        if self._line.is_open:
            self._line.type(event.text)
            return
        action = action_of(event.key, "run")
        match action:
            case "stop":
                self._post(StopRequested(BY_KEY))
            case "pause":
                if any(channel.pauses.may_begin for channel in self._channels):
                    self._pause_or_resume(now)
            case "mute":
                self._mute()
            case "bookmark":
                self._reporter.mark("Mark", self._mark_ms(), "bookmark", label="bookmark")
            case "end turn":
                self.end_turn()
            case "key terms":
                self._open_line()
            case _ if self._view is not None:
                toggle(self._view, action, self._reporter.totals.language_ms)

    def end_turn(self) -> None:
        """Ask the service to end what is being said now."""
        asked = [channel.end_turn() for channel in self._channels]
        if any(asked):
            self._hint("the service is asked to end the turn")

    # The line that is typed.

    def _open_line(self) -> None:
        if self._view is None or self._settings is None:
            return
        if not self._settings.takes_keyterms:
            self._hint(f"{self._channels[0].sessions.asked['speech_model']} takes no key terms")
            return
        self._line.open()

    def _enter(self, line: str) -> None:
        """Have the run's settings take a line."""
        if self._settings is None:
            return
        try:
            if not self._settings.take_line(line):
                self._hint("nothing changes: the settings are so already")
        except UsageError as e:
            self._hint(f"{e.message.rstrip('.')}: {e.hint}")

    # What keys do.

    def _pause_or_resume(self, now: float) -> None:
        paused = self._recorder.paused = not self._recorder.paused
        mark, words = ("Paused", "paused") if paused else ("Resumed", "goes on")
        self._reporter.mark(mark, self._mark_ms(), words)
        for channel in self._channels:
            channel.pause(paused=paused, now=now)

    def _mute(self) -> None:
        if not self._has_microphone:
            self._hint("only a microphone can be muted")
            return
        muted = self._recorder.muted = not self._recorder.muted
        words = "muted" if muted else "not muted any more"
        label = "muted" if muted else "unmuted"
        self._reporter.mark("Mark", self._mark_ms(), words, label=label)

    def _hint(self, text: str) -> None:
        if self._view is not None:
            self._view.hint(text)

    def _prompt(self, label: str, text: str | None) -> None:
        if self._view is not None:
            self._view.prompt(label, text)
