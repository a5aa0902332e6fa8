"""The runs of one command: what each is given, and what all of them together cost."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from transcribe_cli.audio.excerpt import Range
from transcribe_cli.audio.log import AudioLog
from transcribe_cli.audio.source import Source
from transcribe_cli.jobs.service import Service
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.protocol.endpoint import is_loopback, without_credentials
from transcribe_cli.protocol.models import usd_per_hour
from transcribe_cli.recordings.folder import recording_id
from transcribe_cli.run.config import Limits, Result, ResumePoint, RunConfig
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.reporter import View
from transcribe_cli.run.run import Run
from transcribe_cli.settings.config import FREE_ACCOUNT_SESSIONS_PER_MINUTE, parse_duration
from transcribe_cli.settings.options import RunOptions
from transcribe_cli.supervisor.session_quota import SessionQuota
from transcribe_cli.ui.notices import NamedNotices, Notices


class Runs:
    """Makes runs that share limits and how many sessions may be opened a minute.

    Args:
        several: every record names its source.
        at_once: several run at the same time, so that notices name theirs too.
        pace: of sources that are there before their time; None for as fast as it goes.
        part: of each source.
    """

    def __init__(
        self,
        options: RunOptions,
        notices: Notices,
        *,
        several: bool,
        at_once: bool,
        pace: float | None,
        part: Range,
    ) -> None:
        self._options = options
        self._notices = notices
        self._several = several
        self._at_once = at_once
        self._pace = pace
        self._part = part
        self._limits = _limits(options)
        self._spent_usd = 0.0
        self._counted = (float("-inf"), 0.0)  # when, and what all recordings had cost then
        self._budget_is_used = False
        self._running: list[Run] = []
        self._arrivals: SessionQuota | None = None

    def make_run(
        self,
        loop: Loop,
        service: Service,
        outputs: Outputs,
        folder: Path | None,
        log: AudioLog,
        source: Source,
        sync: Callable[[], None],
        *,
        view: View | None = None,
        earlier: ResumePoint | None = None,
    ) -> Run:
        """A run, everything it needs being open."""
        query = service.parameters.query
        config = RunConfig(
            recording=folder.name if folder else recording_id(datetime.now(), source.name),
            folder=str(folder) if folder else None,
            parameters=service.parameters,
            target=service.target,
            endpoint=without_credentials(service.endpoint),
            local=service.local,
            audio=log.audio,
            chunk_ms=self._options.chunk_ms,
            pace=self._pace,
            limited=not service.local and (source.kind == "mic" or self._pace is not None),
            usd_per_hour=0.0 if service.local else usd_per_hour(query),
            limits=self._limits,
            part=self._part,
            tells_source=self._several,
            others_usd=lambda now: self._others_usd(run, now),
        )
        if self._arrivals is None:
            self._arrivals = SessionQuota(self._per_minute(service.endpoint))
        run = Run(
            config,
            source,
            log,
            outputs,
            NamedNotices(self._notices, source.name) if self._at_once else self._notices,
            loop,
            self._arrivals,
            view=view,
            earlier=earlier,
            sync=sync,
        )
        self._running.append(run)
        return run

    def settle(self, run: Run) -> Result:
        """How a run ended; from here on its cost is settled too."""
        assert run.result is not None
        self._running.remove(run)
        self._spent_usd += run.result.summary["cost_usd"] or 0.0
        return run.result

    @property
    def budget_is_used(self) -> bool:
        """Whether the recordings have cost what all of them may cost."""
        most = self._limits.max_cost_usd
        # Once used, also where the service then bills less than the clock said.
        return self._budget_is_used or (
            most is not None and self._spent_usd >= most - 1e-6  # to which costs are rounded
        )

    def _others_usd(self, run: Run, now: float) -> float:
        """What all recordings but this one have cost so far."""
        if now != self._counted[0]:  # counted once for all that ask at the same moment
            running = sum(other.cost_usd(now) for other in self._running)
            self._counted = (now, self._spent_usd + running)
            most = self._limits.max_cost_usd
            self._budget_is_used |= most is not None and self._counted[1] >= most
        return self._counted[1] - run.cost_usd(now)

    def _per_minute(self, endpoint: str) -> int | None:
        given = self._options.new_sessions_per_minute
        if given is not None:
            return given
        return None if is_loopback(endpoint) else FREE_ACCOUNT_SESSIONS_PER_MINUTE


def _limits(options: RunOptions) -> Limits:
    def seconds(text: str | None, option: str) -> float | None:
        return None if text is None else parse_duration(text, option)

    return Limits(
        max_duration_s=seconds(options.max_duration, "--max-duration"),
        max_cost_usd=options.max_cost,
        idle_stop_s=seconds(options.idle_stop, "--idle-stop"),
    )
