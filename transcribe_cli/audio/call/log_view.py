"""What views of an audio log of several channels have in common: each shows one channel."""

from transcribe_cli.audio.audio_log import AudioLog


class LogView:
    """A log of several channels as a log of one; a subclass makes its samples from the log's.

    Attributes:
        audio: the format of the samples that are read.
    """

    def __init__(self, log: AudioLog) -> None:
        self.audio = log.audio._replace(channels=1)
        self._log = log

    @property
    def ended(self) -> bool:
        """Whether nothing will be appended any more."""
        return self._log.ended

    @property
    def first(self) -> int:
        """The first frame that can be read."""
        return self._log.first

    @property
    def frames(self) -> int:
        """How many frames can be read."""
        return self._log.frames

    def consumed(self, frame: int) -> None:
        """A reader has read everything before `frame`."""
        self._log.consumed(frame)

    def forget(self, before: int) -> None:
        """Nothing before the frame `before` will be read again."""
        self._log.forget(before)
