"""Where a recording's source was gone: silence that need not be sent to any session. Pure."""

from dataclasses import dataclass

_MOST_SKIPS = 3  # sessions that may end because of one silence; after that it is sent


@dataclass(slots=True)
class SourceSilence:
    """A stretch of the audio log, in frames.

    Attributes:
        end: None while the silence goes on.
        skips: how many sessions have ended because of it.
    """

    begin: int
    end: int | None = None
    skips: int = 0

    def reaches(self, log_end: int) -> bool:
        """Whether no audio follows it."""
        return self.end is None or self.end >= log_end


class Silences:
    """All silences behind the first frame whose words may not be final yet."""

    def __init__(self) -> None:
        self._all: list[SourceSilence] = []

    def __bool__(self) -> bool:
        return bool(self._all)

    def begin(self, frame: int) -> None:
        """A silence begins at this frame, and lasts until `end`."""
        self._all.append(SourceSilence(frame))

    def end(self, frame: int) -> None:
        """The last silence ends at this frame, unless it has ended already."""
        if self._all and self._all[-1].end is None:
            self._all[-1].end = frame

    def forget(self, frame: int) -> None:
        """Drop silences that end before this frame, which no session reads again."""
        self._all = [s for s in self._all if s.end is None or s.end > frame]

    def is_rest(self, frame: int, log_end: int) -> bool:
        """Whether there is only silence from this frame on."""
        last = self._all[-1] if self._all else None
        return last is not None and frame >= last.begin and last.reaches(log_end)

    def start(self, first: int, settled_to: int) -> int:
        """The frame where a session starts if its first word may lie at `first`.

        Args:
            settled_to: all words before this frame are known.
        """
        for silence in self._all:
            if max(first, settled_to) >= silence.begin:
                first = max(first, silence.end or 0)
        return first

    def ahead(self, frame: int, least: int) -> SourceSilence | None:
        """The silence that begins at or before `frame` and has at least `least` frames behind it;
        None if there is none for which a session is worth ending.
        """
        for silence in self._all:
            left = (silence.end or 0) - frame
            if silence.begin <= frame and left >= least and silence.skips < _MOST_SKIPS:
                return silence
        return None
