"""Why a run stops: somebody asked for it, or a limit is reached. Its exit code follows from it."""

from transcribe_cli.run.limits import DURATION_REACHED, RunLimits
from transcribe_cli.run.progress import Progress
from transcribe_cli.session.events import StopRequested
from transcribe_cli.supervisor.facts import RunState
from transcribe_cli.supervisor.supervisor import Supervisor
from transcribe_cli.ui.notices import Notices

_LOOK_EVERY_S = 0.2


class Stops:
    """The stops of one run. Times are monotonic, in seconds.

    Attributes:
        causes: who asked for each, in order: names of signals, `q`, `limit` or `output`.
        limit: what stopped the run before its source had ended, in words; "" if no limit did.
    """

    def __init__(
        self, limits: RunLimits, progress: Progress, supervisor: Supervisor, notices: Notices
    ) -> None:
        self.causes: list[str] = []
        self.limit = ""
        self._limits = limits
        self._progress = progress
        self._supervisor = supervisor
        self._notices = notices

    def source_was_cut(self) -> None:
        """The recorder has ended the source at `--max-duration`."""
        self._reached(DURATION_REACHED)

    def check_limits(self, now: float) -> StopRequested | None:
        """The stop that time or cost asks for now; None: go on."""
        state = self._supervisor.state
        if self.causes or state is RunState.OVER:
            return None
        listening, lag_s = state is RunState.LISTENING, self._progress.lag_s
        reason = self._limits.reached(now, listening=listening, lag_s=lag_s)
        if reason is None:
            return None
        self._reached(reason)
        return StopRequested("limit")

    def due(self, now: float) -> float | None:
        """When to check again; None while no limit is reached by time alone."""
        return now + _LOOK_EVERY_S if self._limits.needs_clock else None

    def _reached(self, limit: str) -> None:
        if not self._supervisor.source_ended:
            self.limit = limit
        self._notices.note(f"stopping: {limit}")
