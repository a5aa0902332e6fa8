"""Every limit that stops a run or keeps a command from beginning more files; and the list of all
that has stopped a run, from which its exit code follows.

| option | what is counted | what it stops |
| --- | --- | --- |
| `--max-duration` | captured audio, to the sample | the source, after `max_frames` |
| `--max-cost` | the cost of all the command's recordings | runs: `RunLimits`; a batch: `Budget` |
| the same, with `--cluster` | the same, by the command | all a worker's runs: `Budget.use_up` |
| `--idle-stop` | how long a session hears no words | the run: `RunLimits` |
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.run.billing import Bill
from transcribe_cli.session.events import StopRequested
from transcribe_cli.supervisor.facts import RunState
from transcribe_cli.supervisor.lease import NEVER
from transcribe_cli.ui.notices import Notices

if TYPE_CHECKING:
    from transcribe_cli.run.progress import Progress

DURATION_REACHED = "the longest duration is reached"
COST_REACHED = "the greatest cost is reached"
_LOOK_EVERY_S = 0.2
_LAG_S = 2.0  # further behind than this, the service hears the past
_ROUNDING_USD = 1e-6  # the service's durations give a cost to this accuracy


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one run; None: no limit."""

    max_duration_s: float | None = None
    idle_stop_s: float | None = None

    def max_frames(self, audio: AudioFormat) -> int | None:
        """After how many frames the recorder ends the source; None: no limit."""
        return None if self.max_duration_s is None else audio.frames(self.max_duration_s)


class Budget:
    """What all recordings of a command have cost, and may cost. Times are monotonic, in s.

    Args:
        max_cost_usd: None: no limit.
    """

    def __init__(self, max_cost_usd: float | None = None) -> None:
        self.max_cost_usd = max_cost_usd
        self._running: list[Bill] = []
        self._settled_usd = 0.0
        self._counted = (float("-inf"), 0.0)  # the time of the last count, and the cost then
        self._was_reached = False

    def add(self, bill: Bill) -> None:
        """Count a run's bill from now on."""
        self._running.append(bill)

    def settle(self, bill: Bill, now: float) -> None:
        """Count the final cost of a run that is over."""
        self._running.remove(bill)
        self._settled_usd += bill.cost_usd(now) or 0.0

    def use_up(self) -> None:
        """Nothing may cost anything from now on, because others have used up what all may cost."""
        self.max_cost_usd = 0.0

    def is_reached(self, now: float) -> bool:
        """Whether all recordings together have cost `max_cost_usd` by now."""
        if self.max_cost_usd is None:
            return False
        if now != self._counted[0]:  # all calls of the same moment share one count
            running = sum(bill.cost_usd(now) or 0.0 for bill in self._running)
            self._counted = (now, self._settled_usd + running)
            self._was_reached |= self._counted[1] >= self.max_cost_usd
        return self._counted[1] >= self.max_cost_usd

    @property
    def is_used(self) -> bool:
        """Whether no further recording may begin.

        It stays true even if the service finally bills less than the clock suggested.
        """
        most = self.max_cost_usd
        settled_usd = self._settled_usd + _ROUNDING_USD
        return self._was_reached or (most is not None and settled_usd >= most)


class RunLimits:
    """Decides whether time or cost stops one run.

    Args:
        bill: the run's bill; where no price is known, cost does not stop the run.
        now: on the monotonic clock, in seconds, as everywhere in this class.
    """

    def __init__(self, limits: Limits, budget: Budget, bill: Bill, now: float) -> None:
        self._limits = limits
        self._budget = budget
        self._bill = bill
        self._quiet_since = now

    @property
    def needs_clock(self) -> bool:
        """Whether a limit may be reached by time alone, without an event."""
        return self._budget.max_cost_usd is not None or self._limits.idle_stop_s is not None

    def heard_words(self, now: float) -> None:
        """Words came in."""
        self._quiet_since = now

    def quiet_s(self, now: float) -> float:
        """For how many seconds no words came while a session was listening and up to date."""
        return now - self._quiet_since

    def reached(self, now: float, *, listening: bool, lag_s: float) -> str | None:
        """The reason to stop now, in words; None: go on.

        Args:
            listening: a session reads the log.
            lag_s: how far it is behind what was captured.
        """
        if not listening or lag_s > _LAG_S:
            self._quiet_since = now  # nobody could have heard any words
        if self._budget.is_reached(now) and self._bill.cost_usd(now) is not None:
            return COST_REACHED
        idle_stop_s = self._limits.idle_stop_s
        if idle_stop_s is not None and self.quiet_s(now) >= idle_stop_s:
            return f"no words for {idle_stop_s:.0f} s"
        return None


class Stops:
    """The stops of one run. Times are monotonic, in seconds.

    Attributes:
        causes: the cause of each stop request, in order, as in `StopRequested`.
        limit: what stopped the run before its source had ended, in words; "" if no limit did.
    """

    def __init__(self, limits: RunLimits, progress: "Progress", notices: Notices) -> None:
        self.causes: list[str] = []
        self.limit = ""
        self._limits = limits
        self._progress = progress
        self._notices = notices

    def source_was_cut(self) -> None:
        """The recorder has ended the source at `--max-duration`."""
        self._reached(DURATION_REACHED)

    def check_limits(self, now: float) -> StopRequested | None:
        """The stop that time or cost asks for now; None: go on."""
        if self.causes:
            return None
        state = self._progress.state
        if state is RunState.OVER:
            return None
        listening, lag_s = state is RunState.LISTENING, self._progress.lag_s
        reason = self._limits.reached(now, listening=listening, lag_s=lag_s)
        if reason is None:
            return None
        self._reached(reason)
        return StopRequested("limit")

    def due(self, now: float) -> float:
        """When to check again; NEVER if no limit can be reached by time alone."""
        return now + _LOOK_EVERY_S if self._limits.needs_clock else NEVER

    def _reached(self, limit: str) -> None:
        if not self._progress.source_ended:
            self.limit = limit
        self._notices.note(f"stopping: {limit}")
