"""Reports what happens in a run: records to outputs, turns to the live view, notices on stderr."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from transcribe_cli.audio.format import EACH
from transcribe_cli.audio.source import (
    AudioGap,
    DeviceBack,
    DeviceLost,
    DiskBack,
    DiskFull,
    Overflow,
    Source,
    SourceEvent,
    SourceNote,
    SourceWarning,
    version_of,
)
from transcribe_cli.outputs.jsonl_records import Record, message_record, turn_record
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import (
    Begin,
    LLMGatewayResponse,
    SpeakerRevision,
    UnknownMessage,
)
from transcribe_cli.protocol.messages import Warning as ServiceWarning
from transcribe_cli.recordings.fingerprint import fingerprint_of
from transcribe_cli.recordings.journal import NO_AUDIO
from transcribe_cli.run.config import RunConfig
from transcribe_cli.run.sequencer import Ended, Odd, OtherMessage, SequencedUpdate
from transcribe_cli.run.status import RunStatus
from transcribe_cli.supervisor.actions import TellDisconnected
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui.notices import Notices

if TYPE_CHECKING:
    from transcribe_cli.protocol.running_parameters import Difference
    from transcribe_cli.ui.status_line import Status

OTHER_MESSAGES_AT_FIRST = 20
OTHER_MESSAGES_A_TURN = 4
"""This many other messages are shown beside the turns; further ones are shown for a moment only."""

MOST_ODD = 20
"""A run gives at most this many warnings about odd messages of the service."""


class View(Protocol):
    """What a run needs of a live view."""

    status_every_s: float

    def turn(self, update: TurnUpdate) -> None: ...
    def revise(self, session: int, revision: SpeakerRevision) -> None: ...
    def mark(self, at_ms: int, words: str) -> None: ...
    def other_message(self, text: str) -> None: ...
    def hint(self, text: str) -> None: ...
    def prompt(self, label: str, text: str | None) -> None: ...
    def toggle_help(self) -> None: ...
    def toggle_languages(self, shares: Mapping[str, int]) -> None: ...
    def toggle_confidences(self) -> None: ...
    def drop_partial(self, session: int | None = None) -> None: ...
    def status(self, status: "Status") -> None: ...
    def tick(self, now: float | None = None) -> float | None: ...


def show_other_message(view: View, text: str, number: int, turns: int) -> None:
    """Show other message no. `number` beside `turns` turns; briefly where there are too many."""
    most = OTHER_MESSAGES_AT_FIRST + OTHER_MESSAGES_A_TURN * turns
    (view.other_message if number <= most else view.hint)(text)


class Reporter:
    """Writes records and shows turns and notices. Times are ms on the recording's clock.

    Its fields are where reports go, and what was reported last, so that nothing is reported twice.

    Args:
        with_channels: adds to a turn the channel of its words, as in `HeardChannels`.

    Attributes:
        totals: the sums over the final turns.
        device_gaps: start and end of each time in which the microphone, or a source on the
            network, gave no audio.
    """

    def __init__(
        self,
        config: RunConfig,
        source: Source,
        outputs: Outputs,
        notices: Notices,
        view: View | None,
        with_channels: Callable[[TurnUpdate], TurnUpdate] | None = None,
    ) -> None:
        point = config.resume_point
        self.totals = TurnTotals() if point is None else point.totals
        self.device_gaps = [] if point is None else list(point.gaps)
        self._lost_at: int | None = None  # when the microphone went away
        self._config = config
        self._source = source
        self._outputs = outputs
        self._notices = notices
        self._view = view
        self._with_channels = with_channels
        self._odd = 0
        self._other_messages = 0
        self._differences: list[Difference] = []  # between requested and running parameters
        self._outages: dict[int, str] = {}  # last reported reason why a channel has no session

    def start(self) -> None:
        """Write the first record, which describes the recording; a resumed one has it already."""
        if self._config.resume_point is not None:
            return
        part = self._config.part
        if part.channel == EACH:
            part = part._replace(channel=None)
        excerpt = {"start": round(part.start_s * 1000)}
        if part.duration_s is not None:
            excerpt["duration"] = round(part.duration_s * 1000)
        if part.track is not None:
            excerpt["track"] = part.track
        if part.channel is not None:
            excerpt["channel"] = part.channel
        known: dict[str, Any] = {} if part.is_all else {"excerpt": excerpt}
        if self._config.service.engine:
            known["engine"] = self._config.service.engine
        if self._config.each:
            known["channels"] = "each"
        if self._config.tracks:
            known["tracks"] = self._config.tracks
        if (version := version_of(self._source)) is not None:
            known["file"] = version
        elif self._source.path is not None:
            with suppress(OSError):  # it has gone since it was opened
                known["file"] = fingerprint_of(Path(self._source.path))
        self.record(
            "Recording",
            id=self._config.recording,
            source=self._source.name,
            kind=self._source.kind,
            path=self._source.path,
            folder=self._config.folder,
            audio={
                "sample_rate": self._config.audio.rate_hz,
                "channels": self._config.audio.channels,
                "encoding": "pcm_s16le",
            },
            model=self._config.service.parameters.query["speech_model"],
            endpoint=self._config.service.endpoint,
            local=self._config.service.local,
            parameters=self._config.service.parameters.query,
            **known,
        )
        for note in self._config.service.parameters.notes:
            self.warn(note)

    def tell(self, all_told: Iterable[SequencedUpdate]) -> None:
        """Report what sessions have said, in the order given."""
        for told in all_told:
            match told:
                case TurnUpdate():
                    self._turn(told)
                case OtherMessage(session=session, offset_ms=offset_ms, decoded=decoded):
                    self.message(session, offset_ms, decoded)
                case Odd(text=text):
                    self._warn_of_odd(text)
                case Ended(session=session):
                    if self._view is not None:
                        self._view.drop_partial(session)

    def _warn_of_odd(self, text: str) -> None:
        """Warn at most `MOST_ODD` times: a service may send only odd messages for hours."""
        self._odd += 1
        if self._odd <= MOST_ODD:
            self.warn(text)
        elif self._odd == MOST_ODD + 1:
            self.warn("the service goes on like that; no more of it is told")

    def _turn(self, update: TurnUpdate) -> None:
        """Report a turn; a held one, which waits for its formatted version, is only shown."""
        if self._with_channels is not None:
            update = self._with_channels(update)
        if update.final:
            self.totals.add(update)
        if not update.held:
            self._write(turn_record(update, datetime.now(UTC)))
        if self._view is not None:
            self._view.turn(update)

    def message(self, session: int, offset_ms: int, decoded: Decoded) -> None:
        """Report a message that is no Turn; its times are on the recording's clock."""
        message = decoded.message
        name = message.type or str(decoded.raw.get("type") or "Unknown")
        self._write(message_record(name, decoded.raw, session, offset_ms, datetime.now(UTC)))
        if isinstance(message, Begin):
            self._odd = 0
        self._outages.pop(self._config.channel_of(session), None)
        if isinstance(message, SpeakerRevision) and self._view is not None:
            self._view.revise(session, message)
        self._show_beside(decoded)
        if isinstance(message, ServiceWarning):
            self._notices.warning(f"the service warns: {message.warning}")

    def _show_beside(self, decoded: Decoded) -> None:
        """Show the text of a message that is no Turn; many of them scroll no turn away."""
        if self._view is None or not isinstance(
            decoded.message, LLMGatewayResponse | UnknownMessage
        ):
            return
        from transcribe_cli.transcript.other_messages import other_message_text

        text = other_message_text(decoded.message, decoded.raw)
        if text is None:
            return
        self._other_messages += 1
        show_other_message(self._view, text, self._other_messages, self.totals.turns)

    def compare(self, asked: Mapping[str, Any], running: Mapping[str, Any]) -> None:
        """Warn of parameters that run otherwise than requested, if they differ from last time."""
        if running is asked:
            return
        from transcribe_cli.protocol.running_parameters import differences

        found = differences(asked, running)
        if found and found != self._differences:
            self.warn(
                f"the service runs {', '.join(map(str, found))}{self._price_of(running)}",
                asked={difference.name: difference.asked for difference in found},
                runs={difference.name: difference.runs for difference in found},
            )
        self._differences = found

    def _price_of(self, running: Mapping[str, Any]) -> str:
        price = self._config.tariff.usd_per_hour(running)
        same = running["speech_model"] == self._config.service.parameters.query["speech_model"]
        if same or not price:
            return ""
        counted = f"counted at ${price:.2f} an hour"
        if self._config.tariff.is_known(running):
            return f"; {counted}"
        model = running["speech_model"]
        return f"; its price is not known here, {counted}: --usd-per-hour {model}=USD says it"

    def disconnected(self, action: TellDisconnected, at: int) -> None:
        """Report that a session broke off, and when the next try is."""
        verdict, retry_in_s = action.verdict, action.retry_in_s
        self.record(
            "Disconnected",
            session=action.session,
            at=at,
            reason=verdict.sentence,
            retry_in_ms=round(retry_in_s * 1000),
        )
        sentence = verdict.sentence.rstrip(".")
        words = f"{sentence}; the next try is in {retry_in_s:.1f} s"
        channel = self._config.channel_of(action.session)
        if self._view is not None and sentence == self._outages.get(channel):
            # A network outage of an hour must not scroll the transcript away.
            self._view.hint(words)
        else:
            self._notices.warning(words)
        self._outages[channel] = sentence

    def reconnected(self, session: int, at: int, captured: int) -> None:
        """Report that another session has begun.

        Args:
            at: where the session starts to read.
            captured: the length of the recording so far.
        """
        behind = max(0, captured - at)
        self.record("Reconnected", session=session, at=at, behind_ms=behind)
        self._notices.note(f"connected again, {behind / 1000:.1f} s behind")

    def source_event(self, event: SourceEvent, at: int, status: RunStatus) -> None:
        """Report an event of the source or the disk, and keep a problem of either in the status."""
        match event:
            case DeviceLost(device=device):
                self.record("DeviceLost", at=at, device=device)
                self._lost_at = at
                status.trouble = (
                    "no audio from the microphone: is it unplugged, or its sound server gone?"
                )
                self._notices.warning(status.trouble)
            case DeviceBack(device=device):
                self.record("DeviceBack", at=at, device=device)
                status.trouble = ""
                self.end_device_gap(at)
                self._notices.note(f"audio comes from '{device}' now")
            case AudioGap(seconds=seconds, reason=reason):
                start = max(0, at - round(seconds * 1000))
                self.device_gaps.append((start, at))
                self.record("Gap", start=start, end=at, reason=reason)
                self._notices.warning(f"{seconds:.1f} s are missing ({reason})")
            case Overflow():
                status.overflows += 1
                self.record("Overflow", at=at)
            case DiskFull(reason=reason):
                status.trouble = f"the recording cannot be written: {reason}"
                self.warn(f"{status.trouble}; the transcript goes on, free some space")
            case DiskBack():
                status.trouble = ""
                self._notices.note("the disk takes the recording again")
            case SourceNote(text=text):
                self._notices.note(text)
            case SourceWarning(text=text):
                self.warn(text)

    def end_device_gap(self, at: int) -> int:
        """Report the audio missed since the microphone went away. Returns its length; 0 if none."""
        start, self._lost_at = self._lost_at, None
        if start is None or at <= start:
            return 0
        self.device_gaps.append((start, at))
        self.record("Gap", start=start, end=at, reason=NO_AUDIO)
        return at - start

    def mark(self, type_name: str, at: int, words: str, **body: Any) -> None:
        """Report what a person did at that time: write a record, and show a line in the view."""
        self.record(type_name, at=at, **body)
        if self._view is not None:
            self._view.mark(at, words)

    def warn(self, text: str, **body: Any) -> None:
        """Report something that the user should know; the run goes on."""
        self._notices.warning(text)
        self.record("Warning", message=text, **body)

    def record(self, type_name: str, **body: Any) -> None:
        """Write a record that is not a message of the service."""
        self._write(Record(datetime.now(UTC), type_name, body))

    def _write(self, record: Record) -> None:
        if self._config.tells_source and "source" not in record.body:
            record.body["source"] = self._source.name
        self._outputs.write(record)
