"""Puts the messages of a recording's sessions into the order in which they are reported. Pure.

Two sessions may speak at once: one that is draining, and the one that has taken over from it. The
messages of the later one are held back until the earlier one has ended. The leases say whose words
count, and in which order.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Begin, Termination, Turn
from transcribe_cli.protocol.models import Family, find_model
from transcribe_cli.protocol.parameters import as_typed
from transcribe_cli.run.config import RunConfig
from transcribe_cli.session.events import BadFrame, Closed, Received
from transcribe_cli.supervisor.lease import Lease, Leases, LeaseState, comes_first, find
from transcribe_cli.transcript.recording_clock import to_recording_clock
from transcribe_cli.transcript.turn_text import Utterances
from transcribe_cli.transcript.turns import Transcript, TurnNumbers, TurnUpdate

# Page "Streaming API": a turn is cut after 60 s at the latest. So words are final if they
# lie 60 s before the last audio that the service received.
LONGEST_TURN_MS = 60_000
_EVER = float("inf")


class OtherMessage(NamedTuple):
    """A message that is no Turn, its times on the recording's clock."""

    session: int
    offset_ms: int
    decoded: Decoded


class Odd(NamedTuple):
    """A warning about something odd that the service sent."""

    text: str


class Ended(NamedTuple):
    """A session has ended; its turns that are not final are dropped."""

    session: int


SequencedUpdate = TurnUpdate | OtherMessage | Odd | Ended
Said = Received | BadFrame | Closed


class Sequencer:
    """Adds messages to the transcript, one session after the other.

    Args:
        channel: the channel's number in the run, from 0.
        numbers: gives the turns of the run their numbers.

    Attributes:
        committed_ms: the committed offset, in ms: every word before it is final, and a new session
            starts there.
    """

    def __init__(
        self, config: RunConfig, channel: int = 0, numbers: TurnNumbers | None = None
    ) -> None:
        point = config.resume_point
        self.committed_ms = 0 if point is None else point.committed_ms[channel]
        self._config = config
        self._transcript = Transcript(numbers, self.committed_ms)
        self._starts_ms: dict[int, int] = {}  # where each session's clock starts
        self._held: dict[int, list[Said]] = {}  # events of sessions that may not be reported yet
        # The last turn that ended: its session, its turn_order, and its end in ms.
        self._ended_turn = (-1, 0, 0)

    def started(self, session: int, at_ms: int) -> None:
        """A session reads the log from `at_ms` on; its own clock starts there."""
        self._starts_ms[session] = at_ms

    @property
    def last_turn_end_ms(self) -> int:
        """Where the last turn ended; a session that takes over after that turn starts there."""
        return self._ended_turn[2]

    @property
    def final_ms(self) -> int:
        """Where the last final word ends."""
        return self._transcript.finished_ms

    def owes_words(self, session: int) -> bool:
        """Whether a session has begun a turn that is not final yet."""
        return self._is_heard(session) and self._transcript.open_since_ms(session) is not None

    def start_ms(self, session: int) -> int:
        """Where a session's clock starts; 0 if the session reads nothing yet."""
        return self._starts_ms.get(session, 0)

    def take(self, event: Said, leases: Leases, now: float) -> list[SequencedUpdate]:
        """Take a session's message or end; returns what may be reported now."""
        session = event.session
        lease = find(leases, session)
        if lease is None or lease.state is LeaseState.DROPPED:
            return self._skip(event)
        if lease.counts and comes_first(leases, session):
            return self._hear(event, lease, now)
        if isinstance(event, Closed) and not _has_settled(lease, event):
            return [*self._forget(session), *self._skip(event)]  # another session repeats its words
        self._held.setdefault(session, []).append(event)
        return []

    def go_on(self, leases: Leases, now: float) -> list[SequencedUpdate]:
        """Returns events held back so far, if an earlier session no longer comes before them."""
        told: list[SequencedUpdate] = []
        if not self._held:
            return told
        for session in sorted(self._held):
            lease = find(leases, session)
            if not comes_first(leases, session) or (lease is not None and not lease.counts):
                break
            for event in self._held.pop(session):
                told += self._hear(event, lease, now)
        return told

    def drop(self, session: int, received_to: int) -> list[SequencedUpdate]:
        """Ignore a session's words from now on; its messages that are no Turns are still reported.

        Args:
            received_to: the service has received all that it was sent before this frame.
        """
        told = self._forget(session)
        if self._is_heard(session):
            # Its end may take long to come, and the next session starts where its words end.
            told += self._stop(session, received_to, complete=False)
        return [*told, Ended(session)]

    def release_due(self, now: float) -> list[TurnUpdate]:
        """Returns raw finals whose formatted version did not come in time."""
        return self._transcript.release_due(now)

    @property
    def due(self) -> float:
        """When `release_due` has something to return; NEVER if nothing waits."""
        return self._transcript.due

    def keep_from_ms(self, leases: Leases, received_to: int) -> int:
        """The time in ms before which no audio will be sent to any session again.

        Args:
            received_to: the service has received all that the session that reads the log was sent
                before this frame.
        """
        from_ms = max(self.committed_ms, self._transcript.finished_ms)
        if len(leases) == 1 and self._is_heard(leases[0].number):
            open_since_ms = self._transcript.open_since_ms(leases[0].number)
            from_ms = self._next_start_ms(received_to, open_since_ms)
        # Words that come late may lie before those that come now.
        return max(0, from_ms - LONGEST_TURN_MS)

    def _is_heard(self, session: int) -> bool:
        return self._transcript.is_open(session)

    def _hear(self, event: Said, lease: Lease | None, now: float) -> list[SequencedUpdate]:
        """Report an event of the session that comes first; `lease` is None if it has settled."""
        session = event.session
        if not self._is_heard(session):
            if isinstance(event, Closed):
                return self._skip(event)  # it has said nothing
            formatted, utterances = self._formatting(event)
            self._transcript.begin_session(
                session,
                self._starts_ms[session],
                expects_formatted=formatted,
                utterances=utterances,
            )
        after_turn = lease is not None and lease.handed and not lease.owes
        match event:
            case BadFrame(problem=problem):
                return [Odd(f"the service sent a message that cannot be read: {problem}")]
            case Closed(received_to=received_to):
                complete = event.terminated and not after_turn
                return [*self._stop(session, received_to, complete=complete), *self._skip(event)]
            case Received(decoded=decoded) if isinstance(decoded.message, Turn):
                if after_turn and decoded.message.turn_order > self._ended_turn[1]:
                    return _problems(decoded)  # the next session repeats this turn
                return [*_problems(decoded), *self._turn(event, now)]
        told: list[SequencedUpdate] = []
        if isinstance(event.decoded.message, Termination):
            # No formatted version comes any more; turns are reported before their session's end.
            told += self._transcript.release_due(_EVER)
        return [*told, *self._skip(event)]

    def _turn(self, event: Received, now: float) -> list[TurnUpdate]:
        session, turn = event.session, event.decoded.message
        assert isinstance(turn, Turn)
        updates = self._transcript.receive(session, event.decoded, now, event.sent_ms)
        updates += self._transcript.held_updates(session)
        if turn.words and turn.end_of_turn:
            # A formatted version may come after the raw final of a later turn.
            end_ms = min(turn.words[-1].end, event.sent_ms) + self._starts_ms[session]
            self._ended_turn = max(self._ended_turn, (session, turn.turn_order, end_ms))
        return updates

    def _skip(self, event: Said) -> list[SequencedUpdate]:
        """Report an event of a session, but not its words."""
        match event:
            case Received(session=session, decoded=decoded):
                if isinstance(decoded.message, Turn):
                    return _problems(decoded)
                start_ms = self.start_ms(session)
                message = OtherMessage(session, start_ms, to_recording_clock(decoded, start_ms))
                return [*_problems(decoded), message]
            case Closed(session=session):
                self._starts_ms.pop(session, None)
                return [Ended(session)]
        return []

    def _forget(self, session: int) -> list[SequencedUpdate]:
        """Report what was held back of a session, but not its words."""
        return [told for event in self._held.pop(session, []) for told in self._skip(event)]

    def _stop(self, session: int, received_to: int, *, complete: bool) -> list[SequencedUpdate]:
        open_since_ms = self._transcript.open_since_ms(session)
        updates = self._transcript.end_session(session, complete=complete)
        self.committed_ms = self._next_start_ms(received_to, open_since_ms)
        return [*updates]

    def _next_start_ms(self, received_to: int, open_since_ms: int | None) -> int:
        """The earliest time in ms at which words may not be final yet.

        It may lie after the end of the last final word: long silence is not sent again.
        """
        earliest = max(self.committed_ms, self._transcript.finished_ms)
        if not self._config.sending.limited:
            return earliest  # audio sent faster than real time may be heard much later
        undecided = self._config.audio.ms(received_to) - LONGEST_TURN_MS
        if open_since_ms is not None:
            undecided = min(undecided, open_since_ms)
        return max(earliest, undecided)

    def _formatting(self, first: Said) -> tuple[bool, Utterances]:
        """Whether a formatted final may follow a raw one, and what `utterance` contains.

        Universal-Streaming Multilingual formats as it goes, and never sets the flag. A final of
        Whisper Streaming has the whole turn in its `utterance`.

        Args:
            first: the session's first event; a Begin may say that another model runs.
        """
        query: Mapping[str, Any] = self._config.service.parameters.query
        asked = "format_turns" in query
        if isinstance(first, Received) and isinstance(first.decoded.message, Begin):
            query = self._config.running(first.decoded)
        if asked and as_typed("format_turns", query.get("format_turns")) is not True:
            return False, Utterances.UNREAD
        model = find_model(str(query["speech_model"]))
        as_it_goes = (
            model is not None
            and model.always_formats
            and model.family is Family.UNIVERSAL_STREAMING
        )
        whole = model is not None and model.family is Family.WHISPER
        return not as_it_goes, Utterances.WHOLE_TURN if whole else Utterances.SAME_WORDS


def _has_settled(lease: Lease, event: Closed) -> bool:
    return event.terminated and lease.state is LeaseState.DRAINING


def _problems(decoded: Decoded) -> list[SequencedUpdate]:
    return [Odd(f"the service sent an odd message: {problem}") for problem in decoded.problems]
