"""What the status line shows of a run: values in, a `Status` out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcribe_cli.audio.level import CLIP_AT, decibels
from transcribe_cli.audio.source import Source, is_spoken_now
from transcribe_cli.supervisor.facts import RunState
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import TurnUpdate

if TYPE_CHECKING:
    from transcribe_cli.ui.status_line import Status

QUIET_SOURCE_S = 10.0  # a microphone that gives nothing but silence for so long may be muted
_SILENT_PEAK = 8  # of 32768: what a muted input gives at most
_CLIP_SHOWN_S = 1.0
_WORDS_COME_S = 3.0


@dataclass(frozen=True, slots=True)
class Now:
    """A run at one moment.

    Attributes:
        time: on the monotonic clock, in seconds.
        elapsed_s, lag_s: as `Progress` has them.
        quiet_s: for how long no words came, as `RunLimits` has it.
        peak: the loudest sample since the last such value, 0 to 32768.
        cost_usd: None where no price is known.
    """

    time: float
    state: RunState
    elapsed_s: float
    lag_s: float
    quiet_s: float
    peak: int
    cost_usd: float | None


class RunStatus:
    """Makes the status line; keeps what it shows for longer than a moment, such as a clipped level.

    Args:
        now: when the run was made; monotonic, in seconds.

    Attributes:
        trouble: what is wrong with the source, in words; "" while all is well.
        overflows: how often the system dropped samples.
    """

    def __init__(self, source: Source, model: str, totals: TurnTotals, now: float) -> None:
        self.trouble = ""
        self.overflows = 0
        self._source = source
        self._model = model
        self._totals = totals
        self._metered = is_spoken_now(source)
        self._started = self._sound_at = now
        self._clipped_at = float("-inf")
        self._heard_ms = 0  # the end of the last word

    def heard(self, update: TurnUpdate) -> None:
        """The service heard words."""
        self._heard_ms = max(self._heard_ms, update.end_ms)

    def status(self, now: Now) -> "Status":
        """What the status line shows."""
        from transcribe_cli.ui.status_line import Status

        if now.peak > _SILENT_PEAK:
            self._sound_at = now.time
        if now.peak >= CLIP_AT:
            self._clipped_at = now.time
        progress = None
        if not self._source.live:
            rate = now.elapsed_s / max(0.001, now.time - self._started)
            progress = (now.elapsed_s, self._source.length_s, rate)
        return Status(
            state=str(now.state),
            elapsed_s=now.elapsed_s,
            model=self._model,
            source=self._source.name,
            level_db=decibels(now.peak) if self._metered else None,
            clipped=now.time - self._clipped_at < _CLIP_SHOWN_S,
            language=self._totals.language,
            turns=self._totals.turns,
            behind_s=self._behind_s(now),
            backlog_s=now.lag_s if now.lag_s > 1 else None,
            dropped=self.overflows,
            cost_usd=now.cost_usd,
            progress=progress,
            message=self.trouble or self._silence(now.time),
        )

    def _behind_s(self, now: Now) -> float | None:
        """How far the last word lies behind what was captured; None while no words come."""
        if not self._heard_ms or now.quiet_s > _WORDS_COME_S:
            return None
        return max(0.0, now.elapsed_s - self._heard_ms / 1000)

    def _silence(self, now: float) -> str:
        quiet_s = now - self._sound_at
        if not self._metered or quiet_s < QUIET_SOURCE_S:
            return ""
        return f"no sound for {quiet_s:.0f} s: is the microphone muted?"
