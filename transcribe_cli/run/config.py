"""What a run is given and what it gives back: values, settled before anything is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transcribe_cli.audio.excerpt import EVERYTHING, Range
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.session.session import Target
from transcribe_cli.session.timeouts import LOCAL, SERVICE, Timeouts
from transcribe_cli.settings.config import Parameters
from transcribe_cli.transcript.turn_totals import TurnTotals


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run stops by itself; None: never."""

    max_duration_s: float | None = None
    max_cost_usd: float | None = None
    idle_stop_s: float | None = None

    @property
    def watched(self) -> bool:
        """Whether time alone may reach one."""
        return self.max_cost_usd is not None or self.idle_stop_s is not None

    def reached(self, cost_usd: float | None, quiet_s: float) -> str | None:
        """Why to stop now, in words; None: go on. The duration is the recorder's business."""
        if self.max_cost_usd is not None and cost_usd is not None and cost_usd >= self.max_cost_usd:
            return "the greatest cost is reached"
        if self.idle_stop_s is not None and quiet_s >= self.idle_stop_s:
            return f"no words for {self.idle_stop_s:.0f} s"
        return None


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a run does, settled before anything is opened.

    Attributes:
        recording: its id; folder: where it is saved, None for nowhere.
        endpoint: for people and for a later run, without any credential.
        pace: of a source that is there before its time; None for as fast as it goes.
        limited: a backlog is sent no faster than the service likes it.
        usd_per_hour: None where no price is known.
        part: of the source.
        others_usd: what the command's other recordings have cost; the limit is for all of them.
        tells_source: every record names its source, because several share an output.
    """

    recording: str
    folder: str | None
    parameters: Parameters
    target: Target
    endpoint: str
    local: bool
    audio: AudioFormat
    chunk_ms: int
    pace: float | None
    limited: bool
    usd_per_hour: float | None
    limits: Limits
    part: Range = EVERYTHING
    tells_source: bool = False
    others_usd: Callable[[float], float] = lambda now: 0.0

    @property
    def patience(self) -> Timeouts:
        """With the service, before a session is taken for stuck."""
        return LOCAL if self.local else SERVICE


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """What an earlier run of the same recording has done already."""

    next_turn: int
    finished_ms: int
    next_session: int
    session_s: float
    totals: TurnTotals


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended."""

    exit_status: ExitStatus
    problem: StreamError | None
    summary: dict[str, Any]
    interrupted: bool
