"""What a recording's sessions say, heard one after the other, so that it is told in order.

Two may speak at once: one that is drained, and the one that has taken over from it. What the later
one says waits until the earlier one has ended.
"""

from dataclasses import dataclass

from transcribe_cli.audio.log import AudioLog
from transcribe_cli.plans import Plans
from transcribe_cli.protocol.messages import Termination, Turn
from transcribe_cli.protocol.models import Family
from transcribe_cli.session.bill import Bill
from transcribe_cli.session.connecting import Connecting
from transcribe_cli.session.events import BadFrame, Closed, Event, Received
from transcribe_cli.session.session import Session
from transcribe_cli.telling import Teller
from transcribe_cli.transcript.clock import on_recording_clock
from transcribe_cli.transcript.turns import Transcript
from transcribe_cli.watch import Watch

# Page "Streaming API": a turn is cut after 60 s at the latest, so words older than that are final.
LONGEST_TURN_MS = 60_000
_EVER = float("inf")


@dataclass(slots=True)
class Conversation:
    """A session that is not over, and what is known of it.

    Attributes:
        offset_ms: where its clock starts in the recording; of one opened ahead, not known yet.
        connecting: until it is open.
        held: what it said while the session before it had not ended.
        last_turn: its turns after this `turn_order` are said again by the next session.
        mute: nothing that it says counts.
        billed_s: what the service says it has billed; None before it does.
        writing: the loop waits until its socket takes more.
    """

    session: Session
    connecting: Connecting
    offset_ms: int | None
    held: list[Event]
    last_turn: float = _EVER
    mute: bool = False
    begun: bool = False
    billed_s: float | None = None
    writing: bool = False


class Hearing:
    """Folds messages into the transcript and tells what comes of them; decides nothing.

    Attributes:
        conversations: the sessions that are not over, by their numbers, the earliest first.
        resume_ms: where a new session starts: every word before it is final.
    """

    def __init__(
        self,
        plans: Plans,
        log: AudioLog,
        transcript: Transcript,
        bill: Bill,
        tell: Teller,
        watch: Watch,
    ) -> None:
        self.conversations: dict[int, Conversation] = {}
        self.resume_ms = transcript.finished_ms
        self._plans = plans
        self._log = log
        self._transcript = transcript
        self._bill = bill
        self._tell = tell
        self._watch = watch
        self._heard: int | None = None  # the session whose words come now
        # The last turn that ended: its session, its turn_order, and its end in ms.
        self._ended_turn = (-1, 0, 0)

    def owes_words(self, session: int) -> bool:
        """Whether a turn that it has begun is not final yet."""
        return session == self._heard and self._transcript.open_since_ms(session) is not None

    def hear(self, event: Received | BadFrame, now: float) -> None:
        """What a session says; where another one has not ended, it waits until that has."""
        conversation = self.conversations[event.session]
        if conversation.mute:
            if isinstance(event, Received):
                self._take_message(conversation, event, now)
            return
        if self._heard is None and conversation.offset_ms is not None:
            self._heard = event.session
            self._begin(event.session, conversation.offset_ms)
        if self._heard != event.session:
            conversation.held.append(event)
        elif isinstance(event, BadFrame):
            self._tell.warn(f"the service sent a message that cannot be read: {event.problem}")
        else:
            self._take_message(conversation, event, now)

    def close(self, event: Closed, now: float) -> None:
        """A session has ended."""
        session = event.session
        conversation = self.conversations[session]
        if event.terminated and self._waits(conversation):
            conversation.held.append(event)  # all that it said still has to be heard
            return
        self.conversations.pop(session)
        if self._heard == session:
            self._finish(conversation, event, now)
        else:
            self._hear_unheard(conversation, now)
            self._settle(conversation, event, now)

    def go_on(self, now: float) -> None:
        """Hear the session that has waited for its turn; where it has ended too, the next."""
        if self._heard is not None:
            return
        for number, conversation in list(self.conversations.items()):
            if conversation.offset_ms is None or conversation.mute:
                continue
            held, conversation.held = conversation.held, []
            for event in held:
                if isinstance(event, Received | BadFrame):
                    self.hear(event, now)
                elif isinstance(event, Closed):
                    self.conversations.pop(number)
                    self._finish(conversation, event, now)
            if number in self.conversations:
                return

    def drop(self, session: int, now: float) -> None:
        """Nothing that it says counts any more; what it has said about itself is kept."""
        conversation = self.conversations[session]
        if session == self._heard:
            # Its end may be long in coming, and the next one starts where its words end.
            self._stop(conversation, complete=False)
            self._tell.drop_partial(session)
        conversation.mute = True
        if conversation.session.closed:
            self.conversations.pop(session)
            self._hear_unheard(conversation, now)

    def end_after_last_turn(self, session: int) -> int:
        """The next session says again what this one says after its last turn; that turn's end."""
        _, order, end_ms = self._ended_turn
        self.conversations[session].last_turn = order
        return end_ms

    def needed_from_ms(self, session: Session) -> int:
        """No session will be sent anything before this time; `session` reads the log now."""
        from_ms = max(self.resume_ms, self._transcript.finished_ms)
        if list(self.conversations) == [self._heard] == [session.number]:
            open_since_ms = self._transcript.open_since_ms(session.number)
            from_ms = self._next_start_ms(session, open_since_ms)
        # Words that come late may lie before those that are heard now.
        return max(0, from_ms - LONGEST_TURN_MS)

    def _begin(self, session: int, offset_ms: int) -> None:
        model, query = self._plans.parameters.model, self._plans.parameters.query
        self._transcript.begin_session(
            session,
            offset_ms,
            # Universal-Streaming Multilingual formats as it goes, and never sets the flag.
            expects_formatted=query.get("format_turns") is not False
            and not (
                model is not None
                and model.always_formats
                and model.family is Family.UNIVERSAL_STREAMING
            ),
        )

    def _take_message(self, conversation: Conversation, event: Received, now: float) -> None:
        session, decoded = event.session, event.decoded
        for problem in decoded.problems:
            self._tell.warn(f"the service sent an odd message: {problem}")
        message = decoded.message
        offset = conversation.offset_ms or 0
        if isinstance(message, Turn):
            if conversation.mute or message.turn_order > conversation.last_turn:
                return
            for update in self._transcript.receive(session, decoded, now):
                self._tell.turn(update)
            self._tell.held(self._transcript.held_updates(session))
            if message.words:
                end_ms = message.words[-1].end + offset
                self._watch.heard(end_ms, now)
                if message.end_of_turn:
                    # A formatted version may come after the raw final of a later turn.
                    ended = (session, message.turn_order, end_ms)
                    self._ended_turn = max(self._ended_turn, ended)
            return
        if isinstance(message, Termination) and session == self._heard:
            # No formatted version comes any more: turns are told before their session's end.
            for update in self._transcript.release_due(_EVER):
                self._tell.turn(update)
        self._tell.message(session, offset, on_recording_clock(decoded, offset))
        if message.type == "Begin" and not conversation.begun:
            conversation.begun = True
            self._bill.began(session, event.at)
        elif isinstance(message, Termination):
            conversation.billed_s = message.session_duration_seconds

    def _waits(self, conversation: Conversation) -> bool:
        """Whether its words come after those of the session that is heard now."""
        heard = self._heard in (None, conversation.session.number)
        return not (heard or conversation.mute or conversation.offset_ms is None)

    def _finish(self, conversation: Conversation, event: Closed, now: float) -> None:
        complete = event.terminated and conversation.last_turn == _EVER
        self._stop(conversation, complete=complete)
        self._settle(conversation, event, now)

    def _stop(self, conversation: Conversation, *, complete: bool) -> None:
        session = conversation.session.number
        open_since_ms = self._transcript.open_since_ms(session)
        for update in self._transcript.end_session(session, complete=complete):
            self._tell.turn(update)
        self.resume_ms = self._next_start_ms(conversation.session, open_since_ms)
        self._heard = None

    def _hear_unheard(self, conversation: Conversation, now: float) -> None:
        """A session has ended before its turn came: what it said about itself is kept."""
        conversation.mute = True
        for event in conversation.held:
            if isinstance(event, Received):
                self._take_message(conversation, event, now)
            elif isinstance(event, Closed):
                self._settle(conversation, event, now)

    def _settle(self, conversation: Conversation, event: Closed, now: float) -> None:
        """What a session that is over has cost."""
        session, billed = event.session, conversation.billed_s
        # A session that the service itself has closed is over, also where it said no Termination.
        closed_there = event.terminated or event.code is not None
        if closed_there and billed is None:
            billed = event.open_s
        if event.open_s > 0 and event.code is None and not conversation.begun:
            self._bill.began(session, now - event.open_s)  # opened, and its end never confirmed
        self._bill.ended(session, billed if closed_there else None, now)
        self._tell.drop_partial(session)

    def _next_start_ms(self, session: Session, open_since_ms: int | None) -> int:
        """The earliest time whose words may not be final yet.

        That is not simply the end of the last final word: what was silent long ago stays silent,
        and sending hours of silence again would cost hours.
        """
        earliest = max(self.resume_ms, self._transcript.finished_ms)
        if not self._plans.limited:
            return earliest  # what is sent faster than it is spoken may be heard much later
        undecided = self._log.audio.ms(session.position) - LONGEST_TURN_MS
        if open_since_ms is not None:
            undecided = min(undecided, open_since_ms)
        return max(earliest, undecided)
