"""When a run goes on without a session: in a user's pause, while the microphone is gone for long.

An open session is billed.

The supervisor knows of one pause, whatever the reasons for it.
"""

from typing import Literal

from transcribe_cli.supervisor.actions import Action
from transcribe_cli.supervisor.facts import ALREADY, RunState
from transcribe_cli.supervisor.lease import NEVER
from transcribe_cli.supervisor.supervisor import Supervisor

GONE_S = 30.0
"""A microphone that is gone for so long is not expected back at once."""

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
        """Whether there is anything to pause: the run has not been asked to stop."""
        return self._supervisor.state not in (RunState.STOPPING, RunState.OVER)

    def begin(self, reason: Reason, now: float) -> list[Action]:
        """No session is wanted for that reason; what is to be done."""
        is_first = not self._reasons
        self._reasons.add(reason)
        if not is_first:
            return []
        # Nothing is said into a microphone that is gone: its session need not wait any longer.
        return self._supervisor.pause(ALREADY if reason == "microphone" else now)

    def end(self, reason: Reason, now: float) -> list[Action]:
        """That is no reason any more; what is to be done."""
        was_last = self._reasons == {reason}
        self._reasons.discard(reason)
        return self._supervisor.resume(now) if was_last else []

    def device_lost(self, now: float) -> None:
        """The microphone has gone."""
        self.gone_since = now
        self._look_at = now + GONE_S

    def device_back(self, now: float) -> list[Action]:
        """It is there again; what is to be done."""
        self.gone_since = None
        return self.end("microphone", now)

    def skip(self, now: float) -> list[Action]:
        """A long absence is over before it was noticed, as of a machine that slept: what is to be
        done, which is what a long absence does.
        """
        return [*self.begin("microphone", now), *self.end("microphone", now)]

    def advance(self, now: float, *, up_to_date: bool) -> list[Action]:
        """Pause where the microphone is gone for long; to be called when it is due.

        Args:
            up_to_date: a session has been sent all that there is.
        """
        if not up_to_date:
            self._look_at = now + _LOOK_EVERY_S
            return []
        return self.begin("microphone", now)

    @property
    def due(self) -> float:
        """When `advance` may have something to do; never, before something happens."""
        if self.gone_since is None or "microphone" in self._reasons:
            return NEVER
        return self._look_at
