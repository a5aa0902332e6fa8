"""How far a recording is: what was captured and sent, the lag between the two, and the cost."""

from collections.abc import Sequence

from transcribe_cli.audio.recorder_thread import Recorder
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.channel import Channel
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.status import Now
from transcribe_cli.supervisor.facts import RunState

_FIRST_TO_TELL = (
    *(RunState.OFFLINE, RunState.RECONNECTING, RunState.CONNECTING, RunState.PAUSED),
    *(RunState.LISTENING, RunState.STOPPING, RunState.DRAINING, RunState.OVER),
)


class Progress:
    """Reads the parts of a run, and changes none. With several channels the slowest counts."""

    def __init__(
        self, parts: RunParts, channels: Sequence[Channel], recorder: Recorder, bill: Bill
    ) -> None:
        self._live = parts.source.live
        self._log = parts.log
        self._channels = channels
        self._recorder = recorder
        self._bill = bill

    @property
    def state(self) -> RunState:
        """The state to show: of the channels' states the one that matters most."""
        return min((channel.state for channel in self._channels), key=_FIRST_TO_TELL.index)

    @property
    def source_ended(self) -> bool:
        """Whether the last block is in the log."""
        return any(channel.source_ended for channel in self._channels)

    @property
    def captured_frames(self) -> int:
        """The length of the log."""
        return self._log.frames

    @property
    def elapsed_s(self) -> float:
        """Seconds captured, or seconds sent for a source that is not live."""
        return self._log.audio.seconds(self._frames)

    @property
    def _frames(self) -> int:
        if self._live:
            return self._log.frames
        return min(channel.sessions.offset for channel in self._channels)

    @property
    def lag_s(self) -> float:
        """Seconds of audio that were captured and are not sent yet."""
        return max(channel.lag_s for channel in self._channels)

    def at(self, now: float) -> Now:
        """All values at this moment; the levels are those since the last call."""
        return Now(
            now,
            state=self.state,
            elapsed_s=self.elapsed_s,
            lag_s=self.lag_s,
            peaks=self._recorder.take_levels(),
            muted=self._recorder.muted,
            cost_usd=self._bill.cost_usd(now),
        )
