"""What a session or an engine wants done, as values: nothing here does anything.

A session's rules and an engine's script can so be tested without a socket, and the layer that
does the work stays small.
"""

from typing import NamedTuple

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.protocol.codec import encode_server_message
from transcribe_cli.protocol.messages import ServerMessage


class Send(NamedTuple):
    """Send one text frame to the client, exactly this text."""

    text: str


class Close(NamedTuple):
    """Send a close frame; nothing can follow."""

    code: int
    reason: str


class Drop(NamedTuple):
    """Cut the TCP connection without a close frame, as a failing network does.

    `reset`: by RST, so that what is on its way is lost too.
    """

    reset: bool = False


class Stall(NamedTuple):
    """Neither read nor write for `ms` milliseconds of wall time; None: never again."""

    ms: int | None


class Delay(NamedTuple):
    """From now on send everything `ms` milliseconds later."""

    ms: int


class Answer(NamedTuple):
    """Answer the upgrade with this HTTP status, and nothing else."""

    status: int


class Finished(NamedTuple):
    """The engine has sent all it had to say after `Finish`."""


class Hear(NamedTuple):
    """Give the engine the bytes of one binary frame, in the session's own encoding."""

    data: bytes


class Configure(NamedTuple):
    """Give the engine new settings, for the audio that follows."""

    settings: EngineSettings


class EndTurn(NamedTuple):
    """End the open turn now (the client's ForceEndpoint)."""


class Finish(NamedTuple):
    """No more audio: end the open turn and say so (the client's Terminate)."""


ToClient = Send | Close | Drop | Stall | Delay
FromEngine = ToClient | Finished
ToEngine = Hear | Configure | EndTurn | Finish
Action = ToClient | ToEngine


def send(message: ServerMessage) -> Send:
    """One message of the service as the frame that carries it."""
    return Send(encode_server_message(message))
