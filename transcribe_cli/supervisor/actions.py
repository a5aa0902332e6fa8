"""The supervisor's actions, as values; the run carries them out in order."""

from msgspec import Struct

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import Verdict


class OpenSession(Struct, frozen=True):
    """Open session `number`; it reads from the first sample whose words are not final yet.

    `ahead`: it will follow another session, and reads nothing before `StartSession` or `HandOver`.
    """

    number: int
    ahead: bool = False


class StartSession(Struct, frozen=True):
    """Let a session that was opened ahead read, from where `OpenSession` would begin."""

    number: int


class HandOver(Struct, frozen=True):
    """Let session `new` take over from `old`, whose time is running out.

    `frame`: where the old one stopped reading. None: the turn that has just ended was its last, and
    the new one reads from the end of that turn.
    """

    old: int
    new: int
    frame: int | None = None


class FinishAtPause(Struct, frozen=True):
    """Send Terminate to the session at the next short pause of the speech."""

    session: int


class DropSession(Struct, frozen=True):
    """End the session, and ignore all it says."""

    session: int


class StopSource(Struct, frozen=True):
    """Stop the source; captured audio is still sent."""


class FinishHere(Struct, frozen=True):
    """Send Terminate to the session now, even if audio is left to send."""

    session: int


class AbandonSession(Struct, frozen=True):
    """Close the session's socket: it did not end in time."""

    session: int


class TellDisconnected(Struct, frozen=True):
    """Report that the session broke off; the next one is opened in `retry_in_s`."""

    session: int
    verdict: Verdict
    retry_in_s: float


class TellReconnected(Struct, frozen=True):
    """Report that a session has begun after one broke off."""

    session: int


class FinishRun(Struct, frozen=True):
    """The run is over.

    Attributes:
        exit_status: of the run, before it is known whether it was interrupted.
        problem: what to tell the user, if anything went wrong.
        complete: everything captured went to the service and came back.
    """

    exit_status: ExitStatus
    problem: StreamError | None = None
    complete: bool = True


RunAction = (
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
    | FinishRun
)
