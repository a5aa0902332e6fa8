"""Passes what sessions say, and their ends, to the bill, the transcript and the outputs."""

from collections.abc import Iterable

from transcribe_cli.protocol.messages import Begin
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.channel import Channel
from transcribe_cli.run.config import RunConfig
from transcribe_cli.run.limits import RunLimits
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.run.sequencer import Said, SequencedUpdate
from transcribe_cli.run.status import RunStatus
from transcribe_cli.session.events import Closed, Received
from transcribe_cli.transcript.turns import TurnUpdate


class ServiceEvents:
    """Takes the events of one run's sessions. Times are monotonic, in seconds."""

    def __init__(
        self,
        config: RunConfig,
        reporter: Reporter,
        bill: Bill,
        limits: RunLimits,
        status: RunStatus,
    ) -> None:
        self._config = config
        self._reporter = reporter
        self._bill = bill
        self._limits = limits
        self._status = status

    def take(self, event: Said, channel: Channel, now: float) -> None:
        """Take an event of a channel's session, and report what may be reported now."""
        match event:
            case Received():
                self._bill.take(event, now)
                if isinstance(event.decoded.message, Begin):
                    self._begun(event, channel)
            case Closed():
                self._bill.take(event, now)
        channel.hear(event, now)

    def _begun(self, event: Received, channel: Channel) -> None:
        """Set a session's price by its running parameters, and the status line's model."""
        asked = channel.sessions.asked
        running = self._config.running(event.decoded, asked)
        self._bill.is_priced(event.session, self._config.tariff.usd_per_hour(running))
        self._status.model = str(running["speech_model"])
        self._reporter.compare(asked, running)

    def tell(self, all_told: Iterable[SequencedUpdate], now: float) -> None:
        """Report what sessions have said, in the order given."""
        for told in all_told:
            if isinstance(told, TurnUpdate) and told.message.words:
                self._limits.heard_words(now)
                self._status.heard(told, now)
        self._reporter.tell(all_told)
