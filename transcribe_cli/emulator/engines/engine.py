"""The Engine protocol: audio and orders in, messages out; without threads or clocks."""

from collections.abc import Sequence
from typing import Protocol

from transcribe_cli.emulator.actions import ToClient
from transcribe_cli.emulator.engine_settings import EngineSettings


class Engine(Protocol):
    """One session's recogniser, or a stand-in for it.

    Its only clock is the audio, so the same audio gives the same finals at any speed.
    """

    def hear(self, data: bytes, more_waiting: bool = False) -> Sequence[ToClient]:
        """Take the bytes of one binary frame, in the session's own encoding.

        With more audio waiting, what takes long and is not final may be left out.
        """

    def configure(self, settings: EngineSettings) -> Sequence[ToClient]:
        """Take new settings for the audio that follows."""

    def end_turn(self) -> Sequence[ToClient]:
        """End the open turn, if there is one."""

    def finish(self) -> Sequence[ToClient]:
        """End of audio: return the remaining messages."""

    def take_speech_probability(self) -> float:
        """The greatest probability of speech, 0 to 1, since this was last asked."""
