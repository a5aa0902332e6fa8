"""A run's configuration and its result. What a run has open is in `parts.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from transcribe_cli.audio.excerpt import EVERYTHING, Range
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.models import Tariff
from transcribe_cli.run.limits import Limits
from transcribe_cli.session.session import Target
from transcribe_cli.session.timeouts import LOCAL, SERVICE, Timeouts
from transcribe_cli.settings.session_parameters import Parameters
from transcribe_cli.transcript.turn_totals import TurnTotals


class Service(NamedTuple):
    """Where sessions are opened, with parameters that are checked.

    Attributes:
        endpoint: without any credential; for people, and for resuming the recording.
        local: whether it is the service of this machine.
        engine: NAME or NAME:MODEL of the local service's speech engine; "" for another service.
        engine_title: the engine's name as people read it.
    """

    endpoint: str
    target: Target
    parameters: Parameters
    local: bool
    engine: str = ""
    engine_title: str = ""

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts of a session with this service."""
        return LOCAL if self.local else SERVICE


class Sending(NamedTuple):
    """How audio is sent.

    Attributes:
        pace: seconds of audio of a file or a pipe sent per second; None: as fast as possible.
        limited: a backlog is sent no faster than the service takes it (`Pacer`).
    """

    chunk_ms: int
    pace: float | None
    limited: bool


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """How far an earlier run of the same recording came.

    Attributes:
        committed_ms: for each channel, the time before which every word is final; the resumed run
            starts there.
        sessions, session_s: how many sessions began so far, and their seconds.
        gaps: start and end in ms of each stretch for which the source gave no audio.
    """

    next_turn: int
    committed_ms: tuple[int, ...]
    next_session: int
    sessions: int
    session_s: float
    totals: TurnTotals
    gaps: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class RunConfig:
    """All that is decided about a run before anything is opened: one field for each setting.

    Attributes:
        recording: its id.
        folder: where it is saved; None: nowhere.
        part: which stretch of the source is transcribed.
        tells_source: every record names its source, because several sources share an output.
        resume_point: None for a new recording.
        tracks: the names of the log's channels; empty where they need no names.
        each: each channel of the log has sessions of its own.
    """

    recording: str
    folder: str | None
    service: Service
    audio: AudioFormat
    sending: Sending
    tariff: Tariff
    limits: Limits
    part: Range = EVERYTHING
    tells_source: bool = False
    resume_point: ResumePoint | None = None
    tracks: tuple[str, ...] = ()
    each: bool = False

    def channel_of(self, session: int) -> int:
        """The channel that a session belongs to: session numbers alternate between the channels."""
        return session % self.audio.channels if self.each else 0

    def running(self, begin: Decoded, asked: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The parameters that a session runs with, according to its `Begin`.

        Args:
            asked: the parameters that were requested; None: those that the run began with.
        """
        asked = self.service.parameters.query if asked is None else asked
        configuration = begin.raw.get("configuration")
        if configuration is None:  # an older service sends none
            return asked
        from transcribe_cli.protocol.running_parameters import running_parameters

        return running_parameters(asked, configuration)


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended."""

    exit_status: ExitStatus
    problem: StreamError | None
    summary: dict[str, Any]
    interrupted: bool
