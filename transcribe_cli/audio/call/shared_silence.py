"""Finds where neither side of a call gives audio. Pure."""


class SharedSilence:
    """Puts the losses of both sides into the order of the recording's frames.

    One side's may be known long before the other's: after a sleep each side reports all of it at
    once.
    """

    def __init__(self) -> None:
        self._told: list[tuple[int, int, bool]] = []  # frame, side, whether it is lost from then on
        self._lost = [False, False]

    def tell(self, side: int, frame: int, *, is_lost: bool) -> None:
        """A side is lost, or back, from that frame on."""
        self._told.append((frame, side, is_lost))

    def changes(self, frame: int) -> list[tuple[int, bool]]:
        """The frames up to `frame` from which both sides are lost, or not any more; each once.

        Args:
            frame: both sides are known up to this frame.
        """
        self._told.sort(key=lambda told: told[0])
        changes = []
        while self._told and self._told[0][0] <= frame:
            at, side, is_lost = self._told.pop(0)
            were_lost = all(self._lost)
            self._lost[side] = is_lost
            if all(self._lost) != were_lost:
                changes.append((at, not were_lost))
        return changes
