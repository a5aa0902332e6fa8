"""Makes the runs of one command: from options, service and open parts to a `Run`."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.excerpt import Range
from transcribe_cli.audio.source import Source
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.protocol.endpoint import is_loopback
from transcribe_cli.protocol.models import Tariff
from transcribe_cli.recordings.folder import recording_id
from transcribe_cli.run.config import ResumePoint, RunConfig, Sending, Service
from transcribe_cli.run.limits import Budget, Limits
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.parts import HeardChannels, RunParts
from transcribe_cli.run.reporter import View
from transcribe_cli.run.run import Run
from transcribe_cli.settings.run_options import RunOptions
from transcribe_cli.settings.session_parameters import Parameters
from transcribe_cli.supervisor.session_quota import FREE_ACCOUNT_SESSIONS_PER_MINUTE, SessionQuota
from transcribe_cli.ui.notices import NamedNotices, Notices

if TYPE_CHECKING:
    from transcribe_cli.settings.keyterms_file import KeytermsFile


class RunFactory:
    """Makes runs that share limits, the budget and how many sessions may be opened a minute.

    Args:
        several: every record names its source.
        at_once: several run at the same time, so that notices name theirs too.
        pace: of sources that are there before their time; None for as fast as it goes.
        part: of each source.

    Attributes:
        budget: what all of them cost, and may cost.
        typed: lines of settings that were typed for all of them.
        quota: of new sessions; None: made with the first run, by the options.
    """

    def __init__(
        self,
        options: RunOptions,
        parameters: Parameters,
        notices: Notices,
        keyterms_file: "KeytermsFile | None",
        *,
        several: bool,
        at_once: bool,
        pace: float | None,
        part: Range,
    ) -> None:
        self.budget = Budget(options.max_cost)
        self.typed: list[str] = []
        self._options = options
        self._notices = notices
        self._keyterms_file = keyterms_file
        self._tariff = _tariff(options, parameters, notices)
        self._several = several
        self._at_once = at_once
        self._pace = pace
        self._part = part
        self._limits = Limits(
            _seconds(options.max_duration, "--max-duration"),
            _seconds(options.idle_stop, "--idle-stop"),
        )
        self.quota: SessionQuota | None = None

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
        resume_point: ResumePoint | None = None,
        tracks: tuple[str, ...] = (),
        each: bool = False,
    ) -> Run:
        """A run, everything it needs being open; `tracks`, `each`: as of `RunConfig`."""
        limited = not service.local and (source.kind == "mic" or self._pace is not None)
        config = RunConfig(
            recording=folder.name if folder else recording_id(datetime.now(), source.name),
            folder=str(folder) if folder else None,
            service=service,
            audio=log.audio,
            sending=Sending(self._options.chunk_ms, self._pace, limited),
            tariff=self._tariff,
            limits=self._limits,
            part=self._part,
            tells_source=self._several,
            resume_point=resume_point,
            tracks=tracks,
            each=each,
        )
        per_minute = self._per_minute(service.endpoint)
        if self.quota is None:
            self.quota = SessionQuota(per_minute)
        notices = NamedNotices(self._notices, source.name) if self._at_once else self._notices
        heard = HeardChannels()
        if tracks or each:
            from transcribe_cli.jobs.heard_channels import heard_of, notes_on_sessions

            heard = heard_of(log, tracks, each=each)
            if each and not service.local:
                usd = self._tariff.usd_per_hour()
                for note in notes_on_sessions(log.audio.channels, usd, per_minute):
                    notices.note(note)
        parts = RunParts(
            *(source, log, outputs, notices, loop, self.quota, self.budget),
            view=view,
            sync=sync,
            keyterms_file=self._keyterms_file,
            typed=self.typed,
            heard=heard,
        )
        return Run(config, parts)

    def _per_minute(self, endpoint: str) -> int | None:
        given = self._options.new_sessions_per_minute
        if given is not None:
            return given
        return None if is_loopback(endpoint) else FREE_ACCOUNT_SESSIONS_PER_MINUTE


def _seconds(text: str | None, option: str) -> float | None:
    if text is None:
        return None
    from transcribe_cli.settings.durations import parse_duration

    return parse_duration(text, option)


def _tariff(options: RunOptions, parameters: Parameters, notices: Notices) -> Tariff:
    """What an hour of their sessions costs."""
    tariff = Tariff(parameters.query, is_free=options.local)
    if options.usd_per_hour is None and options.max_cost is None:
        return tariff
    from transcribe_cli.settings.usd_per_hour import checked, notes_on_prices

    tariff = checked(tariff, options.usd_per_hour, options.max_cost)
    for note in notes_on_prices(tariff):
        notices.note(note)
    return tariff
