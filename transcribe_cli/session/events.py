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


class Received(Struct):  # not frozen: many a second are made, and none is changed
    """A message of the service came in.

    Attributes:
        at: on the monotonic clock, in seconds.
        sent_ms: how much audio the session had been sent by then.
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
        code, reason: from the close frame; None and "" if there was none.
        error_code, error_text: from the Error message before it.
        failure: why there was no close frame, or no session at all.
        open_s: for how long it was open, from the upgrade on; 0 if it never was.
        owes_words: a turn that it began has not become final.
        received_to: the service has received all audio of the log before this frame.
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
    """The last block is in the log; `problem` is None if the source simply ended."""

    problem: StreamError | None = None


class SourceReported(Struct, frozen=True):
    """The source or the disk reports something; `frame` is the log's length at that moment."""

    event: SourceEvent
    frame: int


class StopRequested(Struct, frozen=True):
    """Someone wants the run to end.

    Attributes:
        cause: a signal's name, `exit_status.BY_KEY`, "limit", or "output" (its reader is gone).
    """

    cause: str


class EndTurnRequested(Struct, frozen=True):
    """A key was pressed to end the current turn, in every recording of the command."""


class OutputFailed(Struct, frozen=True):
    """An output with a writing thread of its own can no longer be written."""


class KeyPressed(Struct, frozen=True):
    """Something was typed in the terminal.

    `key` is the name of the key: "space", "m", "?"; "" for text that is no key of this program,
    such as pasted text. `text` is what an open input line takes.
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
    """A thread of this program raised an exception; main ends the run with `problem`."""

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
