"""What a worker's runs would show on a screen: kept until the client is told."""

from collections.abc import Mapping

from msgspec.structs import replace

from transcribe_cli.cluster.wire import Notice, ProgressReport
from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui.notices import Notices, PlainConsole
from transcribe_cli.ui.status_line import Status


class ForwardedNotices(Notices):
    """Notices that go to the client, by the thread of the loop."""

    def __init__(self, *, verbose: bool) -> None:
        super().__init__(PlainConsole(stderr=True), verbose=verbose)
        self._untold: list[Notice] = []

    def take(self) -> list[Notice]:
        """What has come since the last time."""
        untold, self._untold = self._untold, []
        return untold

    def _show(self, label: str, label_style: str, text: str, style: str) -> None:
        match label:
            case "hint: " if self._untold:
                self._untold[-1] = replace(self._untold[-1], hint=text)
            case "error: ":
                self._untold.append(Notice("error", text))
            case "warning: ":
                self._untold.append(Notice("warning", text))
            case _:
                self._untold.append(Notice("debug" if style == "dim" else "note", text))


class ProgressView:
    """What a run shows: kept for the client's bar."""

    status_every_s = 0.5

    def __init__(self, recording: str) -> None:
        self.newest: ProgressReport | None = None  # that has not been told
        self._recording = recording

    def status(self, status: Status) -> None:
        """Take the file's progress."""
        position_s, length_s, rate = status.progress or (status.elapsed_s, None, 0.0)
        self.newest = ProgressReport(
            *(self._recording, position_s, length_s, rate, status.elapsed_s),
            *(status.state, status.turns, status.message, status.cost_usd),
        )

    def tick(self, now: float | None = None) -> float | None:
        """There is nothing to draw."""
        return None

    # The words are in the journal.
    def turn(self, update: TurnUpdate) -> None: ...
    def revise(self, session: int, revision: SpeakerRevision) -> None: ...
    def mark(self, at_ms: int, words: str) -> None: ...
    def other_message(self, text: str) -> None: ...
    def hint(self, text: str) -> None: ...
    def prompt(self, label: str, text: str | None) -> None: ...
    def toggle_help(self) -> None: ...
    def toggle_languages(self, shares: Mapping[str, int]) -> None: ...
    def toggle_confidences(self) -> None: ...
    def drop_partial(self, session: int | None = None) -> None: ...
