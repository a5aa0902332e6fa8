"""Where neither side of a call gives anything. Pure."""


class SharedSilence:
    """Puts what is told of both sides into the order of the recording, whose frames are counted.

    One side may be told of long before the other: after a sleep all of it comes from each in turn.
    """

    def __init__(self) -> None:
        self._told: list[tuple[int, int, bool]] = []  # frame, side, whether it is lost from there
        self._lost = [False, False]

    def tell(self, side: int, frame: int, *, is_lost: bool) -> None:
        """From that frame on, a side is lost or back."""
        self._told.append((frame, side, is_lost))

    def changes(self, frame: int) -> list[tuple[int, bool]]:
        """From where on both are lost, or not any more, up to that frame; each is given once.

        Args:
            frame: both sides are known up to there.
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
