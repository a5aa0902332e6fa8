"""Shows a recording again in the live view, at the times of its records."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rich.text import Text

from transcribe_cli.exit_status import ExitStatus, is_signal, of_signal
from transcribe_cli.outputs.document_contents import what_heard
from transcribe_cli.recordings.journal import JournalRecord
from transcribe_cli.recordings.scenes import Scene
from transcribe_cli.transcript.recording_clock import format_time
from transcribe_cli.transcript.turn_text import read_turn_text
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.ui.key_table import action_of, toggle
from transcribe_cli.ui.live_view import LiveView
from transcribe_cli.ui.notices import Notices
from transcribe_cli.ui.safe_text import safe_text
from transcribe_cli.ui.shown_records import ms_of, show_beside_turns
from transcribe_cli.ui.status_line import Status
from transcribe_cli.ui.suspend import TerminalHolder, suspend, take_back
from transcribe_cli.ui.turn_rendering import DIM, gutter

_STATUS_EVERY_S = 0.2
_SOON_S = 0.001  # shorter waits are skipped


class Player:
    """Shows records in the live view, as the run showed them.

    Attributes:
        totals: the totals of the finals so far.
        status: the status line's values that records tell; its times are not among them.
    """

    def __init__(self, view: LiveView, notices: Notices) -> None:
        self._view = view
        self._notices = notices
        self._recordings = 0
        self._open: dict[int, Scene] = {}
        self.totals = TurnTotals()
        self.status: Status = Status(state="replaying")

    def show(self, scene: Scene) -> None:
        """Show one scene. Records of unknown types are ignored."""
        record = scene.record
        match record["type"]:
            case "Recording":
                self._begin(record)
            case "Turn" if scene.update is not None:
                self._turn(scene)
            case "Begin":
                self._say(state="replaying")
            case "Disconnected":
                self._say(state="reconnecting")
                self._drop(scene.session)
                self._notices.warning(str(record.get("reason") or "the connection was lost"))
            case "Reconnected":
                self._say(state="replaying")
                self._notices.note("connected again")
            case "Mark" if record.get("label") in ("muted", "unmuted"):
                self._say(muted=record["label"] == "muted")
                show_beside_turns(self._view, record, scene.session)
            case "Gap":
                start, end = (format_time(ms_of(record, name)) for name in ("start", "end"))
                reason = record.get("reason")
                self._notices.warning(
                    f"not transcribed: {start} to {end}" + (f" ({reason})" if reason else "")
                )
            case "Overflow":
                self._say(dropped=self.status.dropped + 1)
            case "DeviceLost":
                self._say(message="no audio from the microphone")
            case "DeviceBack":
                self._say(message="")
            case "Warning":
                self._notices.warning(str(record.get("message") or record.get("warning") or "?"))
            case "Error":
                message = str(record.get("message") or record.get("error") or "?")
                self._notices.error(message, str(record.get("hint") or ""))
            case _:
                show_beside_turns(self._view, record, scene.session)

    def end(self) -> None:
        """Show the partials that were open when the recording broke off."""
        for _, scene in sorted(self._open.items()):
            update = scene.update
            if update is not None and (said := read_turn_text(update.message).whole):
                line = gutter(update.start_ms, self._view.console.width) + safe_text(said)
                self._view.notice(Text(f"{line}  (not final)", DIM))
        self._drop(None)

    def _begin(self, record: JournalRecord) -> None:
        self._recordings += 1
        source = str(record.get("source") or "")
        self._say(model=what_heard(record), source=source)
        if self._recordings > 1:
            self._notices.note(source)

    def _turn(self, scene: Scene) -> None:
        update = scene.update
        assert update is not None
        if update.final:
            self.totals.add(update)
            self._open.pop(update.turn, None)
            self._say(turns=self.totals.turns, language=self.totals.language)
        elif update.message.words or update.message.transcript:
            self._open[update.turn] = scene
        for turn, older in list(self._open.items()):
            if older.session == scene.session and turn < update.turn and update.final:
                del self._open[turn]
        self._view.turn(update)

    def _drop(self, session: int | None) -> None:
        """A session broke off: forget its open turns, which the next session transcribes again."""
        self._open = {
            turn: scene
            for turn, scene in self._open.items()
            if session is not None and scene.session != session
        }
        self._view.drop_partial(session)

    def _say(self, **changes: Any) -> None:
        self.status = replace(self.status, **changes)


class Replay:
    """Shows scenes at their times, and handles keys and signals meanwhile.

    Args:
        speed: 2 shows the recording twice as fast.
        wait: waits so many seconds, or returns earlier with a key or the name of a signal.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        player: Player,
        view: LiveView,
        keys: TerminalHolder,
        speed: float,
        wait: Callable[[float], str | None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._player = player
        self._view = view
        self._keys = keys
        self._speed = speed
        self._wait = wait
        self._now = now
        self._paused = False

    def run(self, played: Sequence[Scene]) -> ExitStatus:
        """Show all scenes, until the end or until stopped."""
        length_s = played[-1].at_s if played else 0.0
        position_s, before = 0.0, self._now()
        for scene in played:
            while scene.at_s - position_s > _SOON_S:
                self._tell(position_s, length_s)
                left_s = (scene.at_s - position_s) / self._speed
                event = self._wait(
                    _STATUS_EVERY_S if self._paused else min(left_s, _STATUS_EVERY_S)
                )
                now = self._now()
                if not self._paused:
                    position_s += (now - before) * self._speed
                before = now
                if event is not None and (status := self._take(event)) is not None:
                    return status
            self._player.show(scene)
            self._view.tick(self._now())
        self._player.end()
        return ExitStatus.OK

    def _tell(self, position_s: float, length_s: float) -> None:
        rate = 0.0 if self._paused else self._speed
        status = replace(
            self._player.status,
            elapsed_s=position_s,
            progress=(position_s, length_s, rate),
        )
        self._view.status(replace(status, state="paused") if self._paused else status)
        self._view.tick(self._now())

    def _take(self, event: str) -> ExitStatus | None:
        """Handle a key or a signal. Returns the exit status if it ends the replay."""
        match event:
            case "suspend":
                suspend(self._view, self._keys)
            case "continue":
                take_back(self._view, self._keys)
            case signal if is_signal(signal):
                return of_signal(signal)
            case key:
                action = action_of(key, "replay")
                if action == "stop":
                    return ExitStatus.OK
                if action == "pause":
                    self._paused = not self._paused
                toggle(self._view, action, self._player.totals.language_ms)
        return None
