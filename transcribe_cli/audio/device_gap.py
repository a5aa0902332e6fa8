"""How much audio a device owes: what it did not give while it was wanted. Pure."""

LEAST_S = 0.2
"""Blocks come in rows: less than this is no more than the next ones that were to come."""


class MissingAudio:
    """Times in seconds, on any clock that only goes forward.

    A device that comes back has mostly kept what it heard, as a sound server does that was held up:
    so nothing is missing then, but what the system says it has dropped.
    """

    def __init__(self) -> None:
        self._lost_at: float | None = None
        self._paused_at: float | None = None
        self._not_wanted_s = 0.0

    def lost(self, at: float) -> None:
        """No block has come since then."""
        self._lost_at = at
        self._not_wanted_s = 0.0
        if self._paused_at is not None:
            self._paused_at = max(self._paused_at, at)

    def back(self) -> None:
        """Blocks come again."""
        self._lost_at = None

    def pause(self, at: float) -> None:
        """From here on nothing is wanted."""
        self._paused_at = at

    def resume(self, at: float) -> None:
        """It is again."""
        if self._paused_at is not None and self._lost_at is not None:
            self._not_wanted_s += max(0.0, at - max(self._paused_at, self._lost_at))
        self._paused_at = None

    def seconds(self, at: float) -> float:
        """What is missing at the end; 0 while blocks come."""
        if self._lost_at is None:
            return 0.0
        until = at if self._paused_at is None else min(at, self._paused_at)
        missing_s = until - self._lost_at - self._not_wanted_s
        return missing_s if missing_s >= LEAST_S else 0.0
