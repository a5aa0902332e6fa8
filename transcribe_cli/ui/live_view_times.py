"""When the live view is drawn: a burst of changes costs one drawing. Pure.

Of many files, `batch_view.py` says it itself.
"""

DRAW_INTERVAL_S = 1 / 12
"""Least time between two drawings."""

METER_INTERVAL_S = 1 / 5
"""Least time between two drawings when only the status line changed, mostly its level meter."""

SETTLE_S = 0.5
"""For so long after a resize the region may be small: another resize follows while dragging."""

_NEVER = float("-inf")


class LiveViewTimes:
    """Times are monotonic, in seconds.

    Attributes:
        content_changed, status_changed: since the last drawing.
        settles_at: the window may still be dragged until then; None: it is not.
    """

    def __init__(self) -> None:
        self.content_changed = False
        self.status_changed = False
        self.settles_at: float | None = None
        self._drawn_at = _NEVER

    def resized(self, now: float) -> None:
        """The window has become narrower or wider."""
        self.settles_at = now + SETTLE_S

    def advance(self, now: float) -> None:
        """What was drawn small while the window was dragged is drawn again."""
        if self.settles_at is not None and now >= self.settles_at:
            self.settles_at = None
            self.content_changed = True

    def due(self, *, resized: bool) -> float | None:
        """When to draw; None: nothing has changed.

        Args:
            resized: the window has another size than at the last drawing.
        """
        if self.content_changed or resized:
            return self._drawn_at + DRAW_INTERVAL_S
        return self._drawn_at + METER_INTERVAL_S if self.status_changed else None

    def drawn(self, now: float, *, more: bool) -> None:
        """It was drawn.

        Args:
            more: not all was: a long turn takes several drawings.
        """
        self._drawn_at = now
        self.content_changed = more
        self.status_changed = False

    def closed(self) -> None:
        """Nothing is on the screen: the next drawing is due at once."""
        self._drawn_at = _NEVER
