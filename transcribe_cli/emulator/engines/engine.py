"""What every engine is: audio and orders in, frames for the client out, no thread and no clock."""

from collections.abc import Sequence
from typing import Protocol

from transcribe_cli.emulator.actions import ToClient
from transcribe_cli.emulator.engine_settings import EngineSettings


class Engine(Protocol):
    """One session's recogniser, or what stands in for it.

    Its only time is the audio it is given, so the same audio gives the same messages however
    fast it comes.
    """

    def hear(self, data: bytes) -> Sequence[ToClient]:
        """Take the bytes of one binary frame, in the session's own encoding."""

    def configure(self, settings: EngineSettings) -> Sequence[ToClient]:
        """Take new settings for the audio that follows."""

    def end_turn(self) -> Sequence[ToClient]:
        """End the open turn, if there is one."""

    def finish(self) -> Sequence[ToClient]:
        """The audio is over: say what is left to say."""

    def take_speech_probability(self) -> float:
        """The greatest probability of speech, 0 to 1, since this was last asked."""
