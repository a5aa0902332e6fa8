"""A run's configuration and its result. What is open beside them is in `parts.py`."""

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
        local: it is the one of this machine.
        engine: NAME or NAME:MODEL of what recognises speech in the local service; "" in another.
        engine_title: the same for people.
    """

    endpoint: str
    target: Target
    parameters: Parameters
    local: bool
    engine: str = ""
    engine_title: str = ""

    @property
    def timeouts(self) -> Timeouts:
        """How long a session waits for it before it is taken for stuck."""
        return LOCAL if self.local else SERVICE


class Sending(NamedTuple):
    """How audio is sent.

    Attributes:
        pace: seconds of audio sent a second, of a file or a pipe; None: as fast as it goes.
        limited: what lags behind is sent no faster than the service takes it (`Pacer`).
    """

    chunk_ms: int
    pace: float | None
    limited: bool


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where an earlier run of the same recording has come to.

    Attributes:
        committed_ms: of each channel: up to here every word is final; the resumed run starts there.
        sessions, session_s: how many sessions began, and their seconds, so far.
        gaps: from when to when its source gave no audio, in ms.
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
    """What is settled about a run before anything is opened: as many fields as things.

    Attributes:
        recording: its id.
        folder: where it is saved; None: nowhere.
        part: which stretch of the source is transcribed.
        tells_source: every record names its source, because several sources share an output.
        resume_point: None for a new recording.
        tracks: what the channels of the log are; none where that goes without saying.
        each: sessions of its own hear each channel of the log.
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
        """Whose session it is: the numbers of sessions take turns."""
        return session % self.audio.channels if self.each else 0

    def running(self, begin: Decoded, asked: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The parameters that a session runs with, as its `Begin` says.

        Args:
            asked: what it was asked for, where that is not what the run began with.
        """
        asked = self.service.parameters.query if asked is None else asked
        configuration = begin.raw.get("configuration")
        if configuration is None:  # an older service's
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
