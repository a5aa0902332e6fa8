"""Handles events of source and disk: a microphone that goes or comes back, gaps, the end."""

from collections.abc import Sequence

from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.recorder_thread import Recorder
from transcribe_cli.run.channel import Channel
from transcribe_cli.run.limits import Stops
from transcribe_cli.run.progress import Progress
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.status import RunStatus
from transcribe_cli.session.events import SourceEnded, SourceReported


class SourceReports:
    """Takes the events of one run's source. Times are monotonic, in seconds."""

    def __init__(
        self,
        audio: AudioFormat,
        recorder: Recorder,
        channels: Sequence[Channel],
        reporter: Reporter,
        status: RunStatus,
        progress: Progress,
        stops: Stops,
    ) -> None:
        self._audio = audio
        self._recorder = recorder
        self._channels = channels
        self._reporter = reporter
        self._status = status
        self._progress = progress
        self._stops = stops

    def start(self) -> None:
        """Begin to record, and write the recording's first record."""
        self._recorder.start()
        self._reporter.start()

    def stop(self, wait_s: float) -> None:
        """Stop the source, and wait at most `wait_s` for the recorder's thread."""
        self._recorder.stop()
        self._recorder.join(wait_s)

    def take(self, event: SourceReported | SourceEnded, now: float) -> None:
        """Take an event."""
        if isinstance(event, SourceReported):
            at = self._audio.ms(event.frame)
            self._reporter.source_event(event.event, at, self._status)
            for channel in self._channels:
                channel.source_event(event.event, event.frame, now)
            return
        if self._recorder.full:
            self._stops.source_was_cut()
        if not self._stops.causes:  # a stop request has ended the pause already
            for channel in self._channels:
                channel.device_is_back(self._progress.captured_frames, now)
