"""Finds the last frame that a session sends, once it was told to end."""

from transcribe_cli.audio.audio_log import ReadableLog
from transcribe_cli.audio.level import find_pause

_LAST_MOMENT_S = 1.0  # a session that ends now still sends a remainder of this length at most
_QUIET_S = 0.03  # the length of a pause between two words
_QUIET_WITHIN_S = 1.0  # if this much audio has no pause, the session ends without one


class LastFrame:
    """How a session was asked to end, and the last frame that follows from it.

    It is used under the session's lock.

    Attributes:
        here: it ends now, or after a last moment of audio; a backlog stays in the log.
    """

    def __init__(self, log: ReadableLog) -> None:
        self.here = False
        self._log = log
        self._here_is_settled = False
        self._last_frame: int | None = None
        self._pause_from: int | None = None

    def at(self, frame: int) -> None:
        """End before that frame."""
        self._last_frame = frame

    def at_pause(self, frame: int) -> None:
        """End at the first short pause of the speech from that frame on."""
        self._pause_from = frame

    def find(self, offset: int, log_end: int, *, log_ended: bool) -> int | None:
        """The first frame that is not sent any more; None while it is not known yet.

        Args:
            offset: the first frame that has not been sent yet; the session cannot end before it.
            log_end: number of frames in the log.
            log_ended: the log does not grow any more.
        """
        if self.here and not self._here_is_settled:
            # A moment of audio is still sent, a backlog is not.
            moment = self._log.audio.frames(_LAST_MOMENT_S)
            last = log_end if self._last_frame is None else min(log_end, self._last_frame)
            self._last_frame = last if last - offset <= moment else offset
            self._here_is_settled = True
        elif self._pause_from is not None and self._last_frame is None:
            self._last_frame = self._find_pause(self._pause_from, offset, log_end)
            if self._last_frame is None and log_ended:
                self._last_frame = log_end
        return self._last_frame

    def _find_pause(self, start: int, offset: int, log_end: int) -> int | None:
        audio = self._log.audio
        within = audio.frames(_QUIET_WITHIN_S)
        samples = self._log.read(start, min(log_end - start, within))
        pause = find_pause(samples, audio.frames(_QUIET_S))
        if pause is not None:
            return max(start + pause, offset)
        return max(start + within, offset) if log_end - start >= within else None
