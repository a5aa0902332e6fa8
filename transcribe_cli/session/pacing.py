"""When a chunk may be sent: by the recording's absolute clock, never much faster than real time.

Pure: the time is an argument. Sources: page "Streaming API" ("pace the chunks at approximately
real-time"), page "Common session errors and closures" (3007, "Audio Transmission Rate Exceeded").
"""

CATCH_UP = 1.2
"""A backlog is sent this much faster than its pace; the service throttles at about 1.25."""

LATE_S = 0.05
"""How much of a chunk's delay is made up at once; delays occur, as main serves many sessions."""


class Pacer:
    """The timetable of one session.

    Args:
        rate_hz: frames a second.
        pace: seconds of audio sent per second, for audio that is available before its time (a
            file); None for audio that comes on its own clock (a microphone).
        limited: a backlog is sent at no more than `CATCH_UP` times the pace.

    Attributes:
        paced: chunks have times of their own.
        real_time: audio is sent about as fast as it is spoken.
        free: when the rate limit allows the next chunk; a time in the past if there is no limit.
    """

    def __init__(self, rate_hz: int, pace: float | None, *, limited: bool) -> None:
        self._rate_hz = rate_hz
        self._pace = pace
        self._limit = rate_hz * CATCH_UP * (pace or 1.0) if limited else None
        self._began = 0.0
        self._first = 0
        self.paced = pace is not None
        self.real_time = limited and (pace or 1.0) <= CATCH_UP
        self.free = 0.0

    def start(self, frame: int, now: float) -> None:
        """The session's first frame is `frame`, and its clock starts now."""
        self._first = frame
        self._began = now
        self.free = now

    def due(self, end: int, now: float) -> float:
        """When the chunk that ends at frame `end` may go; a time up to `now` means at once.

        A chunk is due when its last sample would have been spoken. The clock is absolute, so errors
        do not add up, and a delay is made up at the limited rate.
        """
        due = now
        if self._pace is not None:
            due = self._began + (end - self._first) / (self._rate_hz * self._pace)
        if self._limit is not None:
            due = max(due, self.free)
        return due

    def sent(self, frames: int, now: float) -> None:
        """A chunk of that many frames went out."""
        if self._limit is not None:
            self.free = max(self.free, now - LATE_S) + frames / self._limit
