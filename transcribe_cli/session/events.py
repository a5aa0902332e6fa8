"""Everything that happens to a run, as values; other threads post them to the main loop."""

import sys

from msgspec import Struct

from transcribe_cli.audio.source import SourceEvent
from transcribe_cli.errors import ConnectionFailed, StreamError
from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.session.connection import Connection


class Opened(Struct, frozen=True):
    """A session's socket is open; Begin comes next."""

    session: int
    connection: Connection


class Received(Struct):  # many a second are made; nobody changes one
    """A message of the service came in.

    Attributes:
        at: on the monotonic clock, in seconds.
        sent_ms: the session had been sent so much audio by then.
    """

    session: int
    decoded: Decoded
    at: float
    sent_ms: int = sys.maxsize


class BadFrame(Struct, frozen=True):
    """A text frame came in that is no message; `problem` says why, without its content."""

    session: int
    problem: str


class TerminateSent(Struct, frozen=True):
    """A session has sent its last audio; it sends Terminate next.

    Attributes:
        offset: the first frame of the log that was not sent.
        whole: everything that was captured went out before it.
    """

    session: int
    offset: int = 0
    whole: bool = True


class Closed(Struct, frozen=True):
    """A session's socket is closed, for whatever reason.

    Attributes:
        terminated: its Termination had come.
        code, reason: of the close frame; None and "" where there was none.
        error_code, error_text: of the Error message before it.
        failure: why there was no close frame, or no session at all.
        open_s: how long it was open, from the upgrade on; 0 where it was never open.
        owes_words: a turn that was begun has not become final.
        received_to: the service has received all of the log before that frame.
    """

    session: int
    terminated: bool = False
    code: int | None = None
    reason: str = ""
    error_code: int | None = None
    error_text: str = ""
    failure: ConnectionFailed | None = None
    open_s: float = 0.0
    owes_words: bool = False
    received_to: int = 0


class SourceEnded(Struct, frozen=True):
    """The last block is in the log; `problem` says why, unless the source simply ended."""

    problem: StreamError | None = None


class SourceReported(Struct, frozen=True):
    """The source or the disk reports something; `frame`: behind so much of the log."""

    event: SourceEvent
    frame: int


class StopRequested(Struct, frozen=True):
    """Someone wants the run to end.

    Attributes:
        cause: a signal's name, `exit_status.BY_KEY`, "limit", or "output" (its reader is gone).
    """

    cause: str


class EndTurnRequested(Struct, frozen=True):
    """A key asks the service to end what is being said now, in every recording of the command."""


class OutputFailed(Struct, frozen=True):
    """An output that is written to by a thread of its own takes nothing any more."""


class KeyPressed(Struct, frozen=True):
    """Something was typed in the terminal.

    `key` is the name of the key: "space", "m", "?"; "" for what is no key of ours, such as pasted
    text. `text` is what a line takes that is being typed.
    """

    key: str
    text: str = ""


class KeytermsChanged(Struct, frozen=True):
    """The file of `--keyterms-file` holds other key terms than before, or has a `problem`."""

    problem: str = ""


class SettingsTyped(Struct, frozen=True):
    """A line of settings was typed for every recording of the command."""

    line: str


class WorkerFailed(Struct, frozen=True):
    """A thread of ours met a fault; main ends the run with it."""

    problem: StreamError


Event = (
    Opened
    | Received
    | BadFrame
    | TerminateSent
    | Closed
    | SourceEnded
    | SourceReported
    | StopRequested
    | EndTurnRequested
    | OutputFailed
    | KeyPressed
    | KeytermsChanged
    | SettingsTyped
    | WorkerFailed
)
