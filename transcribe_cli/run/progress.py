"""How far a recording is: what was captured and sent, the lag between the two, what it costs."""

from transcribe_cli.audio.recorder import Recorder
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.sessions import Sessions
from transcribe_cli.run.status import CATCHING_UP_S, Now
from transcribe_cli.supervisor.facts import RunState
from transcribe_cli.supervisor.supervisor import Supervisor


class Progress:
    """Looks at the parts of a run, and changes none."""

    def __init__(
        self,
        parts: RunParts,
        sessions: Sessions,
        recorder: Recorder,
        supervisor: Supervisor,
        bill: Bill,
    ) -> None:
        self._live = parts.source.live
        self._log = parts.log
        self._sessions = sessions
        self._recorder = recorder
        self._supervisor = supervisor
        self._bill = bill

    @property
    def state(self) -> RunState:
        """What the supervisor makes of it."""
        return self._supervisor.state

    @property
    def captured_frames(self) -> int:
        """The length of the log."""
        return self._log.frames

    @property
    def captured_ms(self) -> int:
        """The same, in ms."""
        return self._log.audio.ms(self._log.frames)

    @property
    def elapsed_s(self) -> float:
        """What was captured, or for a source that can wait what was sent."""
        return self._log.audio.seconds(self._frames)

    @property
    def _frames(self) -> int:
        return self._log.frames if self._live else self._sessions.offset

    @property
    def lag_s(self) -> float:
        """What was captured and is not sent yet; a file that is read ahead has no lag, nor has
        silence that need not be sent.
        """
        if not self._live:
            return 0.0
        return self._log.audio.seconds(self._log.frames - self._sessions.sent_to)

    @property
    def is_up_to_date(self) -> bool:
        """A session reads the log, and has been sent what there is."""
        return self._supervisor.state is RunState.LISTENING and self.lag_s < CATCHING_UP_S

    def at(self, now: float) -> Now:
        """All of it; takes the levels since the last call."""
        return Now(
            now,
            state=self._supervisor.state,
            elapsed_s=self.elapsed_s,
            lag_s=self.lag_s,
            peaks=self._recorder.take_levels(),
            muted=self._recorder.muted,
            cost_usd=self._bill.cost_usd(now),
        )
