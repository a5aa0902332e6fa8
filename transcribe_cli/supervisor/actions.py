"""What the supervisor wants done, as values; a run carries them out in their order."""

from dataclasses import dataclass

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import Verdict


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Open session `number`, reading from the first sample whose words are not final yet.

    `ahead`: it is to follow another, and reads nothing before `StartSession` or `HandOver`.
    """

    number: int
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class StartSession:
    """A session that was opened ahead reads from where `OpenSession` would."""

    number: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """Session `new` takes over from `old`, whose time is running out.

    `frame`: the old one has ended there; None: the turn that has just ended was its last, and the
    new one reads from its end.
    """

    old: int
    new: int
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class FinishAtPause:
    """Send Terminate to the session at the next short pause of the speech."""

    session: int


@dataclass(frozen=True, slots=True)
class DropSession:
    """What the session says does not count; it is ended."""

    session: int


@dataclass(frozen=True, slots=True)
class StopSource:
    """Take no more audio; what was captured is still sent."""


@dataclass(frozen=True, slots=True)
class FinishHere:
    """Send Terminate to the session now, whatever audio is left."""

    session: int


@dataclass(frozen=True, slots=True)
class AbandonSession:
    """Close the session's socket: it did not end in time."""

    session: int


@dataclass(frozen=True, slots=True)
class TellDisconnected:
    """The session broke off; the next try is in `retry_in_s`."""

    session: int
    verdict: Verdict
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class TellReconnected:
    """A later session has begun."""

    session: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over.

    Attributes:
        exit_status: of the run, before it is known whether it was interrupted.
        problem: what to tell the user, if anything went wrong.
        complete: everything captured went to the service and came back.
    """

    exit_status: ExitStatus
    problem: StreamError | None = None
    complete: bool = True


Action = (
    OpenSession
    | StartSession
    | HandOver
    | FinishAtPause
    | DropSession
    | StopSource
    | FinishHere
    | AbandonSession
    | TellDisconnected
    | TellReconnected
    | Finish
)
