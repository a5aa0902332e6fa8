"""A service in virtual time: it hears numbered words, and says so as the public protocol has it.

It shares no code with the program, but for the JSON.
"""

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.simulated.network import Frame, Kind, Link, Network
from tests.simulated.talk import RATE, Ear, Heard

ARRIVALS_WITHIN_S = 60.0
_NORMAL, _EXPIRED, _REFUSED = 1000, 3008, 1008
_SEE_ERROR = "See Error message for details"


class Formats(StrEnum):
    """How a turn ends, by family of models."""

    ALWAYS = "always"  # one final, formatted
    TWICE = "twice"  # a raw final, then a formatted one
    ONCE = "once"  # the formatted one only, though a raw one may come
    NEVER = "never"  # raw finals, though formatted ones were asked for


class Ending(StrEnum):
    """How a session answers Terminate."""

    PROPER = "proper"
    NEVER = "never"
    WITHOUT_TERMINATION = "without termination"
    WITHOUT_WORDS = "without words"


@dataclass
class Habits:
    """What kind of service it is.

    Attributes:
        turn_words: a turn ends after so many words,
        silence_ms: or after so long a silence.
        lag_s: it hears that much later than audio comes.
        formats: see there; `format_s` lies between a raw final and its formatted version.
        begin_s: how long Begin takes.
        life_s: of a session.
        per_minute: most new sessions in a minute; None: any number.
        skew_s: how far its clock is ahead of the client's.
        hears_s: seconds of audio that it hears in a second, at most.
    """

    turn_words: int
    silence_ms: int
    lag_s: float
    formats: Formats
    format_s: float
    begin_s: float
    life_s: float
    per_minute: int | None
    skew_s: float
    hears_s: float = math.inf


@dataclass
class Mood:
    """What goes wrong with it just now; all in virtual time.

    Attributes:
        mute_until: sessions that open get no Begin.
        unformatted_until: raw finals get no formatted version.
        ending: how Terminate is answered, and how late; `once`: the next one only.
    """

    mute_until: float = 0.0
    unformatted_until: float = 0.0
    ending: Ending = Ending.PROPER
    answer_s: float = 0.0
    once: bool = False


@dataclass(eq=False)
class Seen:
    """One session in the service's logbook; times are virtual.

    Attributes:
        number: the client's number of it.
        terminated: Terminate has come; confirmed: Termination was sent.
        closed_here: the service closed it, by itself or as asked.
        cut: the network, or the client's end, closed it.
    """

    number: int
    link: Link
    opened: float
    begun: bool = False
    terminated: bool = False
    confirmed: bool = False
    closed_here: bool = False
    cut: bool = False
    ended: float | None = None

    @property
    def is_open(self) -> bool:
        return self.ended is None


class Service:
    """Answers connections; `sessions` is its logbook.

    Attributes:
        words: heard so far, over all sessions.
        happened: told of what faults may wait for: a word, an opened session, a Terminate.
    """

    def __init__(self, network: Network, habits: Habits, chance: random.Random) -> None:
        self.network = network
        self.habits = habits
        self.chance = chance
        self.mood = Mood()
        self.words = 0
        self.sessions: list[Seen] = []
        self.arrivals: list[float] = []
        self.happened: Callable[[str], None] = lambda what: None
        self._serving: dict[int, ServiceSession] = {}

    def accept(self, number: int, link: Link) -> None:
        """A new connection."""
        now = self.network.world.now
        self.arrivals.append(now)
        seen = Seen(number, link, now)
        self.sessions.append(seen)
        session = ServiceSession(self, seen)
        self._serving[id(seen)] = session
        link.serve(session.take)
        limit = self.habits.per_minute
        if limit is not None and len(self.recent(now)) > limit:
            session.fail(_REFUSED, "Unauthorized Connection: Too many concurrent sessions")
        elif now >= self.mood.mute_until:
            self.network.world.after(self.habits.begin_s, session.begin)
        self.happened("open")

    def recent(self, now: float) -> list[float]:
        """The sessions that came within the last minute."""
        return [at for at in self.arrivals if at > now - ARRIVALS_WITHIN_S]

    @property
    def open_sessions(self) -> list["ServiceSession"]:
        """Oldest first."""
        return [self._serving[id(seen)] for seen in self.sessions if id(seen) in self._serving]

    def forget(self, seen: Seen) -> None:
        self._serving.pop(id(seen), None)


class ServiceSession:
    """The service's side of one session."""

    def __init__(self, service: Service, seen: Seen) -> None:
        self.seen = seen
        self._service = service
        self._world = service.network.world
        self._habits = service.habits
        self._pipe = seen.link.to_client
        self._ear = Ear()
        self._order = 0
        self._open: list[dict[str, Any]] = []
        self._unformatted: dict[int, list[dict[str, Any]]] = {}
        self._last_end = 0  # of a word, in frames
        self._finishing = False

    # What it says.

    def begin(self) -> None:
        if not self.seen.is_open or self._finishing:
            return
        self.seen.begun = True
        expires = self.seen.opened + self._habits.life_s
        expires_at = int(self._world.wall() - self._world.now + expires + self._habits.skew_s)
        self._say({"type": "Begin", "id": f"s{self.seen.number}", "expires_at": expires_at})
        self._world.at(expires, self._expire)
        self._service.happened("begin")

    def fail(self, code: int, text: str) -> None:
        """An Error message and the close that follows it."""
        self._say({"type": "Error", "error_code": code, "error": text})
        self.close(code, _SEE_ERROR)

    def close(self, code: int, reason: str = "") -> None:
        """The service ends it."""
        if not self.seen.is_open:
            return
        self._pipe.send(Frame(Kind.CLOSE, reason.encode(), code))
        self._pipe.send(Frame(Kind.FIN))
        self.seen.closed_here = True
        self._end()

    def _say(self, message: dict[str, Any]) -> None:
        if self.seen.is_open:
            self._pipe.send(Frame(Kind.TEXT, json.dumps(message).encode()))

    def _expire(self) -> None:
        self.close(_EXPIRED, "Session Expired: Maximum session duration exceeded")

    def _end(self) -> None:
        self.seen.ended = self._world.now
        self._service.forget(self.seen)

    # What it takes.

    def take(self, frame: Frame) -> None:
        if not self.seen.is_open:
            if frame.kind in (Kind.AUDIO, Kind.TEXT, Kind.PING):
                self._pipe.send(Frame(Kind.RESET))  # nobody is there any more
            return
        match frame.kind:
            case Kind.AUDIO:
                if not self._finishing:
                    self._hear(frame.payload)
            case Kind.TEXT:
                self._obey(json.loads(frame.payload)["type"])
            case Kind.PING:
                self._pipe.send(Frame(Kind.PONG, frame.payload))
            case Kind.CLOSE:
                self._pipe.send(Frame(Kind.CLOSE, code=frame.code))
                self._cut()
            case Kind.FIN:
                self._pipe.send(Frame(Kind.FIN))
                self._cut()
            case Kind.RESET:
                self._cut()

    def _cut(self) -> None:
        self.seen.cut = True
        self._end()

    def _obey(self, order: str) -> None:
        if order == "ForceEndpoint" and self._open:
            self._end_turn()
        elif order == "Terminate" and not self.seen.terminated:
            self.seen.terminated = True
            self._finishing = True
            self._service.happened("terminate")
            mood = self._service.mood
            ending = mood.ending
            if ending is not Ending.NEVER:
                self._world.after(mood.answer_s, lambda: self._finish(ending))
            if mood.once:
                mood.ending, mood.answer_s, mood.once = Ending.PROPER, 0.0, False

    def _hear(self, samples: bytes) -> None:
        for word in self._ear.hear(samples):
            self._add(word)
        habits = self._habits
        silent_ms = (self._ear.position - self._last_end) * 1000 / RATE
        if self._open and not self._ear.sounding and silent_ms >= habits.silence_ms:
            self._end_turn()

    def _add(self, word: Heard) -> None:
        self._last_end = word.end
        self._open.append(
            {
                "start": word.start * 1000 // RATE,
                "end": word.end * 1000 // RATE,
                "text": f"w{word.number}",
                "confidence": 0.9,
                "word_is_final": False,
            }
        )
        self._service.words += 1
        self._service.happened("word")
        if len(self._open) == self._habits.turn_words:
            self._end_turn()
        else:
            self._tell(self._order, self._open, end=False, formatted=False)

    def _tell(self, order: int, words: list[dict[str, Any]], *, end: bool, formatted: bool) -> None:
        said = [word | {"word_is_final": end} for word in words]
        text = " ".join(word["text"] for word in said)
        turn = {
            "turn_order": order,
            "turn_is_formatted": formatted,
            "end_of_turn": end,
            "transcript": text.capitalize() + "." if formatted else text,
            "end_of_turn_confidence": 1.0 if end else 0.0,
            "words": said,
            "utterance": text if end else "",
            "type": "Turn",
        }
        self._after_hearing(lambda: self._say(turn))

    def _end_turn(self) -> None:
        order, words = self._order, self._open
        self._order, self._open = order + 1, []
        formats, now = self._habits.formats, self._world.now
        self._tell(order, words, end=True, formatted=formats in (Formats.ALWAYS, Formats.ONCE))
        if formats is Formats.TWICE and now >= self._service.mood.unformatted_until:
            self._unformatted[order] = words
            self._world.after(self._habits.format_s, lambda: self._format(order))

    def _format(self, order: int) -> None:
        words = self._unformatted.pop(order, None)
        if words is not None:
            self._tell(order, words, end=True, formatted=True)

    def _finish(self, ending: Ending) -> None:
        if ending is not Ending.WITHOUT_WORDS:
            for word in self._ear.stop():
                self._add(word)
            if self._open:
                self._end_turn()
            for order in list(self._unformatted):
                self._format(order)
        self._after_hearing(lambda: self._say_goodbye(ending))

    def _after_hearing(self, say: Callable[[], None]) -> None:
        """Say something once all that has come has been heard."""
        habits, now = self._habits, self._world.now
        heard = self.seen.opened + self._ear.position / RATE / habits.hears_s
        self._world.at(max(now, heard) + habits.lag_s, say)

    def _say_goodbye(self, ending: Ending) -> None:
        if ending is Ending.PROPER:
            now = self._world.now
            self._say(
                {
                    "type": "Termination",
                    "audio_duration_seconds": self._ear.position // RATE,
                    "session_duration_seconds": round(now - self.seen.opened, 3),
                }
            )
            self.seen.confirmed = self.seen.is_open
        self.close(_NORMAL, "Session Ended")
