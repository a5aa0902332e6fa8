"""Takes what sessions say and how they end: to the bill, to the transcript, and to the outputs."""

from collections.abc import Iterable

from transcribe_cli.protocol.messages import Begin
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import RunConfig
from transcribe_cli.run.limits import RunLimits
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sequencer import Sequencer, Told
from transcribe_cli.run.sessions import Sessions
from transcribe_cli.run.status import RunStatus
from transcribe_cli.session.events import BadFrame, Closed, Opened, Received
from transcribe_cli.supervisor.supervisor import Supervisor
from transcribe_cli.transcript.turns import TurnUpdate


class ServiceEvents:
    """Takes the events of one run's sessions. Times are monotonic, in seconds."""

    def __init__(
        self,
        config: RunConfig,
        sessions: Sessions,
        supervisor: Supervisor,
        sequencer: Sequencer,
        reporter: Reporter,
        bill: Bill,
        limits: RunLimits,
        status: RunStatus,
    ) -> None:
        self._config = config
        self._sessions = sessions
        self._supervisor = supervisor
        self._sequencer = sequencer
        self._reporter = reporter
        self._bill = bill
        self._limits = limits
        self._status = status

    def take(self, event: Opened | Received | BadFrame | Closed, now: float) -> None:
        """Take an event, and report what a session says if its turn has come."""
        match event:
            case Opened(session=number, connection=connection):
                self._sessions.opened(number, connection, now)
                return
            case Received():
                self._bill.take(event, now)
                if isinstance(event.decoded.message, Begin):
                    self._begun(event)
            case Closed(session=number):
                self._sessions.closed(number)
                self._bill.take(event, now)
        self._tell(self._sequencer.take(event, self._supervisor.leases, now), now)

    def go_on(self, now: float) -> None:
        """Report what sessions have said before their turn, if it has come since."""
        self._tell(self._sequencer.go_on(self._supervisor.leases, now), now)

    def advance(self, now: float) -> None:
        """Report finals whose formatted version did not come in time."""
        self._reporter.tell(self._sequencer.release_due(now))

    @property
    def due(self) -> float | None:
        """When `advance` has something to do; None while nothing waits."""
        return self._sequencer.next_due()

    def _begun(self, event: Received) -> None:
        """Price a session by what it runs with, and have the status line name its model."""
        asked = self._sessions.asked
        running = self._config.running(event.decoded, asked)
        self._bill.is_priced(event.session, self._config.tariff.usd_per_hour(running))
        self._status.model = str(running["speech_model"])
        self._reporter.compare(asked, running)

    def _tell(self, all_told: Iterable[Told], now: float) -> None:
        for told in all_told:
            if isinstance(told, TurnUpdate) and told.message.words:
                self._limits.heard_words(now)
                self._status.heard(told, now)
        self._reporter.tell(all_told)
