"""The supervisor's actions, as values; the run carries them out in order."""

from dataclasses import dataclass

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import Verdict


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Open session `number`; it reads from the first sample whose words are not final yet.

    `ahead`: it will follow another session, and reads nothing before `StartSession` or `HandOver`.
    """

    number: int
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class StartSession:
    """Let a session that was opened ahead read, from where `OpenSession` would begin."""

    number: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """Let session `new` take over from `old`, whose time is running out.

    `frame`: where the old one stopped reading. None: the turn that has just ended was its last, and
    the new one reads from the end of that turn.
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
    """End the session, and ignore all it says."""

    session: int


@dataclass(frozen=True, slots=True)
class StopSource:
    """Stop the source; captured audio is still sent."""


@dataclass(frozen=True, slots=True)
class FinishHere:
    """Send Terminate to the session now, even if audio is left to send."""

    session: int


@dataclass(frozen=True, slots=True)
class AbandonSession:
    """Close the session's socket: it did not end in time."""

    session: int


@dataclass(frozen=True, slots=True)
class TellDisconnected:
    """Report that the session broke off; the next one is opened in `retry_in_s`."""

    session: int
    verdict: Verdict
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class TellReconnected:
    """Report that a session has begun after one broke off."""

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
