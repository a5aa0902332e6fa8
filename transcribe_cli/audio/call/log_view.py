"""What views of an audio log of several channels have in common: they are one channel."""

from transcribe_cli.audio.audio_log import AudioLog


class LogView:
    """A log of several channels as one channel; whoever reads it makes that of the log's frames.

    Attributes:
        audio: the format of what is read.
    """

    def __init__(self, log: AudioLog) -> None:
        self.audio = log.audio._replace(channels=1)
        self._log = log

    @property
    def ended(self) -> bool:
        """Nothing will be appended any more."""
        return self._log.ended

    @property
    def first(self) -> int:
        """The first frame that can be read."""
        return self._log.first

    @property
    def frames(self) -> int:
        """How many can be read."""
        return self._log.frames

    def consumed(self, frame: int) -> None:
        """A reader has taken everything before `frame`."""
        self._log.consumed(frame)

    def forget(self, before: int) -> None:
        """Nothing before that frame will be read again."""
        self._log.forget(before)
