"""Has the live view draw itself, and gives it the status as often as the view wants it."""

from transcribe_cli.run.progress import Progress
from transcribe_cli.run.reporter import View
from transcribe_cli.run.status import RunStatus


class StatusUpdates:
    """Times are monotonic, in seconds."""

    def __init__(self, view: View, status: RunStatus, progress: Progress) -> None:
        self._view = view
        self._status = status
        self._progress = progress
        self._last_at = 0.0

    def advance(self, now: float) -> float:
        """Do what is due; returns the next time something is."""
        every_s = self._view.status_every_s
        if now - self._last_at >= every_s:
            self._last_at = now
            self._view.status(self._status.status(self._progress.at(now)))
        next_status_at, next_drawing_at = self._last_at + every_s, self._view.tick(now)
        return next_status_at if next_drawing_at is None else min(next_status_at, next_drawing_at)
