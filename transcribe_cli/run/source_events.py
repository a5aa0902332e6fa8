"""Takes what the source and the disk report: a microphone that goes and comes back, what is
missing, the end. A long silence of a source that is gone ends the session, since that is billed.
"""

from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.recorder import Recorder
from transcribe_cli.audio.source import AudioGap, DeviceBack, DeviceLost
from transcribe_cli.run.limits import Stops
from transcribe_cli.run.pauses import GONE_S, Pauses
from transcribe_cli.run.progress import Progress
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sessions import Sessions
from transcribe_cli.run.status import RunStatus
from transcribe_cli.session.events import SourceEnded, SourceReported
from transcribe_cli.supervisor.actions import Action
from transcribe_cli.supervisor.facts import RunState


class SourceEvents:
    """Takes the events of one run's source. Times are monotonic, in seconds."""

    def __init__(
        self,
        audio: AudioFormat,
        recorder: Recorder,
        sessions: Sessions,
        pauses: Pauses,
        reporter: Reporter,
        status: RunStatus,
        progress: Progress,
        stops: Stops,
    ) -> None:
        self._audio = audio
        self._recorder = recorder
        self._sessions = sessions
        self._pauses = pauses
        self._reporter = reporter
        self._status = status
        self._progress = progress
        self._stops = stops

    def start(self) -> None:
        """Begin to record, and report what is recorded."""
        self._recorder.start()
        self._reporter.start()

    def stop(self, wait_s: float) -> None:
        """Stop the source, and wait for the recorder's thread for so long."""
        self._recorder.stop()
        self._recorder.join(wait_s)

    def take(self, event: SourceReported | SourceEnded, now: float) -> list[Action]:
        """Take an event; returns what the run has to do next."""
        if isinstance(event, SourceReported):
            at = self._audio.ms(event.frame)
            self._reporter.source_event(event.event, at, self._status)
            return self._take_report(event, now)
        if self._recorder.full:
            self._stops.source_was_cut()
        if self._stops.causes:  # a stop ends the pause by itself
            return []
        return self._device_is_back(self._progress.captured_frames, now)

    def advance(self, now: float) -> list[Action]:
        """Pause where the microphone is gone for long, and skip the silence of a long absence."""
        actions = self._pauses.advance(now, up_to_date=self._progress.is_up_to_date)
        return actions or self._skip_silence(now)

    @property
    def due(self) -> float | None:
        """When `advance` may have something to do; None: not before something happens."""
        return self._pauses.due

    def _take_report(self, reported: SourceReported, now: float) -> list[Action]:
        silences, frame = self._sessions.silences, reported.frame
        match reported.event:
            case DeviceLost():
                self._pauses.device_lost(now)
                silences.begin(frame)
            case DeviceBack():
                return self._device_is_back(frame, now)
            case AudioGap(seconds=seconds):
                silences.begin(frame - self._audio.frames(seconds))
                silences.end(frame)
        return []

    def _device_is_back(self, frame: int, now: float) -> list[Action]:
        """Go on from there; also where a limit has ended the run while the device was gone."""
        self._sessions.silences.end(frame)
        return self._pauses.device_back(now)

    def _skip_silence(self, now: float) -> list[Action]:
        """End the session that has come to a long silence; the next one begins behind it."""
        reader, state = self._sessions.reader, self._progress.state
        if reader is None or state not in (RunState.LISTENING, RunState.STOPPING):
            return []
        silence = self._sessions.silences.ahead(reader.offset, self._audio.frames(GONE_S))
        if silence is None:
            return []
        silence.skips += 1
        if state is RunState.STOPPING or self._sessions.end_in(silence):  # no session follows
            reader.finish_here()
            return []
        return self._pauses.skip(now)
