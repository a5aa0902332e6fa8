"""The actions of a session and its engine, and the orders to an engine, as values.

So a session's rules and an engine's script can be tested without a socket. They are structs, since
several are made for each chunk of audio, and a named tuple takes five times as long.
"""

from msgspec import Struct

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.websocket_frames import CLOSE_CODES, MOST_REASON_BYTES
from transcribe_cli.protocol.codec import encode_server_message
from transcribe_cli.protocol.messages import ServerMessage


class Send(Struct, frozen=True):
    """Send this text as one text frame."""

    text: str


class Close(Struct, frozen=True):
    """Send a close frame; nothing can follow.

    Attributes:
        error: what the Error before it says; None where there is none.
    """

    code: int
    reason: str
    error: str | None = None


def why_no_close(code: int, reason: str) -> str | None:
    """Why no close frame can carry this code and this reason; None: one can.

    >>> why_no_close(1006, ""), why_no_close(1000, "done")
    ('1006 is no code that a close frame can carry; drop cuts without any', None)
    """
    if code not in CLOSE_CODES:
        hint = "; drop cuts without any" if code in (1005, 1006) else ""
        return f"{code} is no code that a close frame can carry{hint}"
    if len(reason.encode()) > MOST_REASON_BYTES:
        return f"a close frame's reason has at most {MOST_REASON_BYTES} bytes"
    return None


class Drop(Struct, frozen=True):
    """Cut the TCP connection without a close frame, as a failing network does.

    `reset`: by RST, so that data on its way is lost too.
    """

    reset: bool = False


class Stall(Struct, frozen=True):
    """Neither read nor write for `ms` milliseconds of wall time; None: never again."""

    ms: int | None


class Wait(Struct, frozen=True):
    """Send what follows `ms` milliseconds later; frames of the client are still read."""

    ms: int


class Delay(Struct, frozen=True):
    """Send everything from now on `ms` milliseconds later."""

    ms: int


class Repeat(Struct, frozen=True):
    """Send the next message twice."""


class Swap(Struct, frozen=True):
    """Send the next message after the one that follows it."""


class Shape(Struct, frozen=True):
    """Write everything from now on in another shape.

    Attributes:
        piece_bytes: at most so many at a time; 0: as it comes.
        join_ms: what comes within so many milliseconds at once; 0: as it comes.
    """

    piece_bytes: int = 0
    join_ms: int = 0


class Answer(Struct, frozen=True):
    """Answer the upgrade with this HTTP status, and nothing else but a Location."""

    status: int
    location: str = ""


class Finished(Struct, frozen=True):
    """The engine has sent its last message after `Finish`."""


class Hear(Struct, frozen=True):
    """Give the engine the bytes of one binary frame, in the session's own encoding."""

    data: bytes


class Configure(Struct, frozen=True):
    """Give the engine new settings, for the audio that follows."""

    settings: EngineSettings


class EndTurn(Struct, frozen=True):
    """End the open turn now (the client's ForceEndpoint)."""


class Finish(Struct, frozen=True):
    """End of audio: end the open turn (the client's Terminate)."""


ToClient = Send | Close | Drop | Stall | Wait | Delay | Repeat | Swap | Shape
FromEngine = ToClient | Finished
ToEngine = Hear | Configure | EndTurn | Finish
Action = ToClient | ToEngine


def send(message: ServerMessage) -> Send:
    """One message of the service as the frame that carries it."""
    return Send(encode_server_message(message))
