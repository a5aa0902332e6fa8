"""What a run looks like just now: for the status line, and for the limits that stop it."""

from typing import TYPE_CHECKING

from transcribe_cli.audio.level import CLIP_AT, decibels
from transcribe_cli.audio.log import AudioLog
from transcribe_cli.audio.recorder import Recorder
from transcribe_cli.audio.source import Source, is_spoken_now
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import RunConfig
from transcribe_cli.session.session import Session
from transcribe_cli.supervisor.facts import RunState
from transcribe_cli.supervisor.supervisor import Supervisor
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import TurnUpdate

if TYPE_CHECKING:
    from transcribe_cli.ui.status_line import Status

QUIET_SOURCE_S = 10.0  # a microphone that gives nothing but silence for so long may be muted
_SILENT_PEAK = 8  # of 32768: what a muted input gives at most
_CLIP_SHOWN_S = 1.0
_WORDS_COME_S = 3.0
_BACKLOG_S = 2.0  # more than this, and the service hears the past


class RunStatus:
    """Looks at the parts of a run and changes none of them. Times are on the monotonic clock, in s.

    Attributes:
        trouble: what is wrong with the source, in words; "" while all is well.
        overflows: how often the system dropped samples.
    """

    def __init__(
        self,
        config: RunConfig,
        source: Source,
        log: AudioLog,
        recorder: Recorder,
        supervisor: Supervisor,
        bill: Bill,
        totals: TurnTotals,
        now: float,
    ) -> None:
        self._config = config
        self._source = source
        self._log = log
        self._recorder = recorder
        self._supervisor = supervisor
        self._bill = bill
        self._totals = totals
        self._metered = is_spoken_now(source)
        self._started = self._words_at = self._sound_at = now
        self._clipped_at = float("-inf")
        self._heard_ms = 0
        self.trouble = ""
        self.overflows = 0

    def heard(self, update: TurnUpdate, now: float) -> None:
        """The service heard words."""
        if update.message.words:
            self._words_at = now
            self._heard_ms = max(self._heard_ms, update.end_ms)

    def position_s(self, session: Session | None) -> float:
        """How far the recording is: what was captured, or for a file what was sent."""
        if self._source.live:
            return self._log.seconds
        return 0.0 if session is None else self._log.audio.seconds(session.position)

    def backlog_s(self, session: Session | None) -> float:
        """What was captured and is not sent yet; a file that is read ahead has no backlog."""
        if not self._source.live:
            return 0.0
        sent = 0 if session is None else session.position
        return self._log.audio.seconds(self._log.frames - sent)

    def limit_reached(self, session: Session | None, now: float) -> str | None:
        """Why the run should stop by itself now, in words; None: it should not."""
        listening = self._supervisor.state is RunState.LISTENING
        if not listening or self.backlog_s(session) > _BACKLOG_S:
            self._words_at = now  # nobody could have heard any
        limits, cost_usd = self._config.limits, None
        if limits.max_cost_usd is not None:  # else it need not be counted, over all recordings
            cost_usd = self._bill.cost_usd(now)
            if cost_usd is not None:
                cost_usd += self._config.others_usd(now)
        return limits.reached(cost_usd, now - self._words_at)

    def status(self, session: Session | None, now: float) -> "Status":
        """What the status line shows; takes the level since the last call."""
        from transcribe_cli.ui.status_line import Status

        loudest = self._recorder.take_level()
        if loudest > _SILENT_PEAK:
            self._sound_at = now
        if loudest >= CLIP_AT:
            self._clipped_at = now
        position_s = self.position_s(session)
        backlog_s = self.backlog_s(session)
        progress = None
        if not self._source.live:
            rate = position_s / max(0.001, now - self._started)
            progress = (position_s, self._source.length_s, rate)
        return Status(
            state=str(self._supervisor.state),
            elapsed_s=position_s,
            model=str(self._config.parameters.query["speech_model"]),
            source=self._source.name,
            level_db=decibels(loudest) if self._metered else None,
            clipped=now - self._clipped_at < _CLIP_SHOWN_S,
            language=self._totals.language,
            turns=self._totals.turns,
            behind_s=self._behind_s(position_s, now),
            backlog_s=backlog_s if backlog_s > 1 else None,
            dropped=self.overflows,
            cost_usd=self._bill.cost_usd(now),
            progress=progress,
            message=self.trouble or self._silence(now),
        )

    def _behind_s(self, position_s: float, now: float) -> float | None:
        """Now minus the end of the last word heard, while words come; a silence says nothing."""
        if not self._heard_ms or now - self._words_at > _WORDS_COME_S:
            return None
        return max(0.0, position_s - self._heard_ms / 1000)

    def _silence(self, now: float) -> str:
        quiet_s = now - self._sound_at
        if not self._metered or quiet_s < QUIET_SOURCE_S:
            return ""
        return f"no sound for {quiet_s:.0f} s: is the microphone muted?"
