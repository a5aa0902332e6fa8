"""The sessions of a channel that are not over: opens, starts, hands over, drops and ends them.

The supervisor decides; here its actions become calls. This module also decides where a new session
starts to read the audio log, and what a file's log may forget.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from transcribe_cli.audio.audio_log import ReadableLog
from transcribe_cli.protocol.endpoint import with_parameters
from transcribe_cli.protocol.messages import UpdateConfiguration
from transcribe_cli.run.config import RunConfig
from transcribe_cli.run.loop import Task
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.sequencer import SequencedUpdate, Sequencer
from transcribe_cli.run.skipped_silences import Silences, SourceSilence
from transcribe_cli.session.chunks import chunk_sizes
from transcribe_cli.session.connect_thread import ConnectThread
from transcribe_cli.session.connection import Connection
from transcribe_cli.session.events import Closed, Event, TerminateSent
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.session import Session, Target
from transcribe_cli.supervisor.lease import NEVER, Leases

if TYPE_CHECKING:
    from transcribe_cli.audio.encoder import Encoder

_TRIM_EVERY_S = 30.0
_JOIN_S = 0.3  # for each connecting thread; a session that opens meanwhile is terminated


@dataclass(slots=True)
class _Live:
    """A session that is not over.

    Attributes:
        connecting: the thread that opens it.
        writing: the loop waits until the session's socket takes more.
    """

    session: Session
    connecting: ConnectThread
    writing: bool = False


class Sessions:
    """A channel's sessions by number, the earliest first.

    Times are monotonic, in s; offsets are in frames.
    Where a session starts depends on the log, the transcript and the silences, so all are fields.

    Args:
        log: the log that sessions read.
        task: the run, as the loop knows it.
        post: takes the events of connecting, from any thread.

    Attributes:
        reader: the session that reads the log, or the last one that did.
        silences: where the source was gone.
        asked: the connection parameters of the next session.
    """

    def __init__(
        self,
        config: RunConfig,
        parts: RunParts,
        log: ReadableLog,
        sequencer: Sequencer,
        task: Task,
        post: Callable[[Event], None],
    ) -> None:
        self.reader: Session | None = None
        self.silences = _earlier_silences(config)
        self.asked: Mapping[str, Any] = config.service.parameters.query
        self._config = config
        self._parts = parts
        self._log = log
        self._sequencer = sequencer
        self._task = task
        self._post = post
        self._live: dict[int, _Live] = {}
        self._settled_to = 0  # sessions that have ended said all words before this frame
        self._trim_at = 0  # the log is trimmed again when the reader's offset reaches this

    def __contains__(self, number: int) -> bool:
        return number in self._live

    def __getitem__(self, number: int) -> Session:
        return self._live[number].session

    @property
    def offset(self) -> int:
        """The first frame that has not been sent yet."""
        return 0 if self.reader is None else self.reader.offset

    @property
    def sent_to(self) -> int:
        """`offset`; or the end of the log if only the silence of a lost device is left."""
        end = self._parts.log.frames
        return end if self.silences.is_rest(self.offset, end) else self.offset

    def end_in(self, silence: SourceSilence) -> bool:
        """Whether the recording ends inside this silence, so that no session follows."""
        log = self._parts.log
        return log.ended and silence.reaches(log.frames)

    # What the supervisor wants.

    def open(self, number: int, *, ahead: bool) -> None:
        """Begin to connect a session; one that is opened ahead reads nothing before `start`."""
        config, parts, audio = self._config, self._parts, self._config.audio
        live = parts.source.live
        start = None if ahead else self._start_offset()
        pace = None if parts.source.kind == "mic" else config.sending.pace
        sizes = chunk_sizes(audio, config.sending.chunk_ms)
        session = Session(
            number,
            self._log,
            sizes,
            Pacer(audio.rate_hz, pace, limited=config.sending.limited),
            start,
            0 if live else sizes.least,
            config.service.timeouts,
            _keep_alive_s(config.service.parameters.query),
            _encoder(config),
        )
        parts.notices.debug(f"session {number}: connecting to {config.service.endpoint}")
        self._live[number] = _Live(session, parts.doors.connect(number, self._target(), self._post))
        if start is not None:
            self._reads(session, start)

    def _target(self) -> Target:
        """Where the next session is opened, its URL with the parameters of now."""
        target, first = self._config.service.target, self._config.service.parameters.query
        changes = {name: value for name, value in self.asked.items() if value != first.get(name)}
        return target._replace(url=with_parameters(target.url, changes)) if changes else target

    def ask_for(self, changes: Mapping[str, Any]) -> None:
        """Send changed parameters to all open sessions; later ones begin with them."""
        self.asked = {**self.asked, **changes}
        update = msgspec.convert(changes, UpdateConfiguration)
        for live in self._live.values():
            live.session.update(update)

    def start(self, number: int, now: float, offset: int | None = None) -> None:
        """Have a session opened ahead read from `offset`; None: from where words are missing."""
        offset = self._start_offset() if offset is None else offset
        session = self[number]
        session.start_at(offset, now)
        self._reads(session, offset)

    def hand_over(self, old: int, new: int, offset: int | None, now: float) -> int:
        """Have session `new` read on where `old` stops; returns the offset where `new` starts.

        Args:
            offset: where the old session ended; None: it ends now, and the new one starts at the
                end of its last turn.
        """
        if offset is None:
            # Audio that the old session was sent beyond its last turn is sent to the new one again.
            offset = self._config.audio.frames_before(self._sequencer.last_turn_end_ms)
            self[old].finish_at(0)
        self.start(new, now, offset)
        return offset

    def drop(self, number: int) -> list[SequencedUpdate]:
        """End a session whose words do not count; returns what is to be reported of it."""
        live = self._live.get(number)
        told = self._sequencer.drop(number, 0 if live is None else live.session.received_to)
        if live is not None:  # else it ended before its words could be reported
            if live.session.connection is None:
                self.abandon(number)
            else:
                live.session.finish_at(0)
        return told

    def abandon(self, number: int) -> None:
        """Close a session's socket, or give up connecting; does nothing if it is over."""
        live = self._live.get(number)
        if live is not None:
            live.connecting.abandon()
            live.session.abandon()

    def _start_offset(self) -> int:
        """The first frame whose words may not be final yet."""
        log, committed_ms = self._log, self._sequencer.committed_ms
        start = max(log.first, self._config.audio.frames_before(committed_ms))
        self.silences.forget(start)
        start = self.silences.start(start, self._settled_to)
        # The recorder may not have read a file that far yet.
        return min(start, log.frames) if self._parts.source.live else start

    def _reads(self, session: Session, start: int) -> None:
        self._sequencer.started(session.number, self._config.audio.ms(start))
        self._log.consumed(start)
        self.reader = session

    # What becomes of them.

    def opened(self, number: int, connection: Connection, now: float) -> None:
        """A session's socket is open."""
        self[number].opened(connection, now)
        self._parts.loop.watch(self._task, self[number])

    def completed(self, event: Closed | TerminateSent) -> Closed | TerminateSent:
        """Add to an event of a session's end what only the run knows."""
        if isinstance(event, TerminateSent):
            silent = self.silences.is_rest(event.offset, self._parts.log.frames)
            return replace(event, whole=event.whole or silent)
        session = self[event.session]
        owes_words = self._sequencer.owes_words(event.session)
        if event.terminated and not owes_words and session is self.reader:
            self._settled_to = session.offset
        received_to = session.offset if event.terminated else session.received_to
        return replace(event, owes_words=owes_words, received_to=received_to)

    def closed(self, number: int) -> None:
        """A session is over."""
        session = self._live.pop(number).session
        session.closed = True
        self._parts.loop.forget(session)

    def advance(self, now: float) -> Iterator[Event]:
        """Have each session do what is due; take each event before asking for the next one."""
        for live in list(self._live.values()):
            session = live.session
            if session.has_work or session.due <= now:
                yield from session.advance(now)
                self._watch_writing(live)

    def _watch_writing(self, live: _Live) -> None:
        connection = live.session.connection
        writing = connection is not None and bool(connection.unsent)
        if writing != live.writing and not live.session.closed:
            live.writing = writing
            self._parts.loop.watch_writing(live.session, writing)

    @property
    def due(self) -> float:
        """When the first of the sessions has something to do next."""
        due = NEVER
        for live in self._live.values():
            if live.session.due < due:
                due = live.session.due
        return due

    def push(self, start: int, samples: bytes, now: float) -> bool:
        """Send what has just been recorded, on the recorder's thread.

        Returns whether `advance` has something to do now.
        """
        session = self.reader
        if session is None:
            return False
        due = session.push_block(start, samples, now)
        connection = session.connection
        if due is None and (connection is None or not connection.unsent):
            return False
        session.has_work = True
        return True

    def trim_log(self, leases: Leases) -> None:
        """Have the log of a file forget what no session will be sent again."""
        if self.reader is None or self.reader.offset < self._trim_at:
            return
        audio, offset = self._config.audio, self.reader.offset
        self._trim_at = offset + audio.frames(_TRIM_EVERY_S)
        keep_from_ms = self._sequencer.keep_from_ms(leases, self.reader.received_to)
        self._log.forget(audio.frames_before(keep_from_ms))

    # The end.

    def end(self, now: float) -> Iterator[Event]:
        """Close all sessions that are left, and wait for the threads that connect."""
        for live in list(self._live.values()):
            live.connecting.abandon()
            live.connecting.join(_JOIN_S)
            live.session.abandon()
            yield from live.session.advance(now)
        self._live.clear()

    def bail_out(self, now: float) -> None:
        """End all sessions after a bug in this program; they are still sent their Terminate."""
        for live in self._live.values():
            live.connecting.abandon()
            live.session.abandon()
            live.session.advance(now)


def _earlier_silences(config: RunConfig) -> Silences:
    """Where an earlier run's source was gone."""
    silences, audio, point = Silences(), config.audio, config.resume_point
    for start_ms, end_ms in () if point is None else point.gaps:
        silences.begin(audio.frames_before(start_ms))
        silences.end(audio.frames_before(end_ms))
    return silences


def _encoder(config: RunConfig) -> "Encoder | None":
    """A new encoder for a session, because each begins a stream with its headers."""
    encoding = config.service.parameters.query.get("encoding")
    if encoding is None:
        return None
    from transcribe_cli.audio.encoder import make_encoder

    return make_encoder(str(encoding), config.audio.rate_hz)


def _keep_alive_s(query: Mapping[str, Any]) -> float | None:
    """Half of the time after which the service closes a session that sends nothing."""
    try:
        return float(query["inactivity_timeout"]) / 2
    except (KeyError, ValueError):  # it was not requested, or the service will refuse it
        return None
