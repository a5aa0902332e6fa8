"""Where a recording's source was gone: silence, which no session need be sent. Pure."""

from dataclasses import dataclass

_MOST_SKIPS = 3  # of one silence: a service that never says its last words is not asked for ever


@dataclass(slots=True)
class Silence:
    """A stretch of the audio log, in frames.

    Attributes:
        end: None while it goes on.
        skips: how many sessions have ended because of it.
    """

    begin: int
    end: int | None = None
    skips: int = 0

    def reaches(self, log_end: int) -> bool:
        """Whether nothing comes behind it."""
        return self.end is None or self.end >= log_end


class Silences:
    """All of them from the first frame whose words may not be final yet."""

    def __init__(self) -> None:
        self._all: list[Silence] = []

    def __bool__(self) -> bool:
        return bool(self._all)

    def begin(self, frame: int) -> None:
        """From there on there is silence, until it is said to have ended."""
        self._all.append(Silence(frame))

    def end(self, frame: int) -> None:
        """There it has ended, if it had not before."""
        if self._all and self._all[-1].end is None:
            self._all[-1].end = frame

    def forget(self, frame: int) -> None:
        """Nothing before that frame is read again."""
        self._all = [s for s in self._all if s.end is None or s.end > frame]

    def is_rest(self, frame: int, log_end: int) -> bool:
        """Whether there is nothing but silence from that frame on."""
        last = self._all[-1] if self._all else None
        return last is not None and frame >= last.begin and last.reaches(log_end)

    def start(self, first: int, settled_to: int) -> int:
        """Where a session starts whose first word may lie at `first`.

        Args:
            settled_to: a session has said all before that frame.
        """
        for silence in self._all:
            if max(first, settled_to) >= silence.begin:
                first = max(first, silence.end or 0)
        return first

    def ahead(self, frame: int, least: int) -> Silence | None:
        """The silence that a session which has come so far would be sent at least `least` frames
        of, though audio follows; None where it is not worth its end.
        """
        for silence in self._all:
            left = (silence.end or 0) - frame
            if silence.begin <= frame and left >= least and silence.skips < _MOST_SKIPS:
                return silence
        return None
