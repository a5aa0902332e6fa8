"""When a run goes on without a session: during a user's pause, and while the microphone is gone
for long. An open session is billed, so it is ended: at once when the microphone is gone, after a
minute of a user's pause.

The supervisor knows of one pause only, whatever the reasons for it.
"""

from typing import Literal

from transcribe_cli.supervisor.actions import RunAction
from transcribe_cli.supervisor.facts import ALREADY, RunState
from transcribe_cli.supervisor.lease import NEVER
from transcribe_cli.supervisor.supervisor import Supervisor

GONE_S = 30.0
"""A microphone that is gone for this long is not expected back at once."""

_LOOK_EVERY_S = 1.0

Reason = Literal["user", "microphone"]


class Pauses:
    """Times are monotonic, in seconds.

    Attributes:
        gone_since: when the microphone went away; None: it is there.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self.gone_since: float | None = None
        self._supervisor = supervisor
        self._reasons: set[Reason] = set()
        self._look_at = 0.0

    @property
    def may_begin(self) -> bool:
        """Whether a pause may begin: the run has not been asked to stop."""
        return self._supervisor.state not in (RunState.STOPPING, RunState.OVER)

    def begin(self, reason: Reason, now: float) -> list[RunAction]:
        """Pause for this reason, if not paused yet. Returns the actions."""
        is_first = not self._reasons
        self._reasons.add(reason)
        if not is_first:
            return []
        # Nobody speaks into a microphone that is gone, so its session need not wait for words.
        return self._supervisor.pause(ALREADY if reason == "microphone" else now)

    def end(self, reason: Reason, now: float) -> list[RunAction]:
        """Drop this reason; go on if it was the last one. Returns the actions."""
        was_last = self._reasons == {reason}
        self._reasons.discard(reason)
        return self._supervisor.resume(now) if was_last else []

    def device_lost(self, now: float) -> None:
        """The microphone has gone."""
        self.gone_since = now
        self._look_at = now + GONE_S

    def device_back(self, now: float) -> list[RunAction]:
        """The microphone is back. Returns the actions."""
        self.gone_since = None
        return self.end("microphone", now)

    def skip(self, now: float) -> list[RunAction]:
        """Pause and go on at once: the microphone was gone for long, and this was noticed only
        afterwards, as when the machine slept. Returns the actions.
        """
        return [*self.begin("microphone", now), *self.end("microphone", now)]

    def advance(self, now: float, *, up_to_date: bool) -> list[RunAction]:
        """Pause, since the microphone has been gone for long; called when it is due.

        Args:
            up_to_date: a session has been sent all captured audio; else look again later.
        """
        if not up_to_date:
            self._look_at = now + _LOOK_EVERY_S
            return []
        return self.begin("microphone", now)

    @property
    def due(self) -> float:
        """When `advance` may have something to do; NEVER if only an event can cause that."""
        if self.gone_since is None or "microphone" in self._reasons:
            return NEVER
        return self._look_at
