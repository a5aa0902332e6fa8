"""Parses and checks fault specifications (`--fault`); `fault_schedule.py` has what each does. Pure.

A fault is `[session=N:][chance=P%:]KIND[=VALUE][@MOMENT]`.

| kind | what happens | moment |
| --- | --- | --- |
| `drop`, `reset` | the TCP connection is cut, by FIN or by RST, without a close frame | needed |
| `close=CODE[ REASON]` | a close frame | needed |
| `error=CODE[ TEXT]` | an Error message, then the close that always follows one | needed |
| `stall[=T]` | nothing is read nor sent any more, for T or for ever; still connected | needed |
| `delay=T` | every message is sent so much later | from the start |
| `refuse=STATUS` | the upgrade is answered with this HTTP status | |
| `expire=T` | `Begin.expires_at` is so far away, and 3008 comes then | |
| `redirect=MODEL` | another model runs than the one asked for, and `Begin` says so | |
| `location=URL` | the upgrade is answered with 307 and this Location | |
| `token=STATUS` | a request for a token is answered with this HTTP status | |
| `malformed` | a text frame that is no JSON | needed |
| `unknown` | a message of a type that nobody knows | needed |
| `warning[=CODE[ TEXT]]` | a Warning message | needed |
| `duplicate` | the next message is sent twice | needed |
| `swap` | the next two messages change places | needed |
| `termination=T`, `termination=never` | Termination comes so late, or the close without it | |
| `join=T` | what is sent in so long is written at once, into one TLS record | from the start |
| `split=N` | everything is written N bytes at a time, each into a TLS record | from the start |

Moments: `12.5s` (since the upgrade), `audio=12.5s` (of audio received), `word=40` (instead of the
message that would tell it), `turn=3` (after its final), `connect` (instead of the upgrade), `begin`
(instead of Begin), `terminate` (when Terminate came). Words and turns count within a session from
1. T is a number with ms, s, m or h. `A..B` for a number or a T is drawn anew for each connection.

Connections count from 0, refused ones too: `session=0:`, `session=0..2:` or `session=3..:` picks
some, `chance=30%:` picks at random. For `token` these are requests for a token.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

from transcribe_cli.emulator.actions import why_no_close
from transcribe_cli.errors import UsageError

_HINT = "for example drop@12.5s, drop@word=40, close=3005@3s or delay=300ms"
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_SPEC = re.compile(
    r"(?:session=(?P<first>\d+)(?P<more>\.\.(?P<last>\d*))?:)?"
    r"(?:chance=(?P<chance>\d+(?:\.\d+)?)%:)?"
    r"(?P<kind>[a-z]+)(?:=(?P<value>.*?))?(?:@(?P<moment>[a-z]*=?[0-9a-z.]*))?",
    re.DOTALL,
)


class Trigger(StrEnum):
    """What triggers a fault."""

    CONNECT = "connect"
    BEGIN = "begin"
    TERMINATE = "terminate"
    EXPIRY = "expiry"  # of the session: no moment that can be named
    TIME = "time"
    AUDIO = "audio"
    WORD = "word"
    TURN = "turn"


_ANYWHERE = frozenset(Trigger) - {Trigger.EXPIRY}
_INSIDE = _ANYWHERE - {Trigger.CONNECT}
_BY_COUNT = frozenset({Trigger.TIME, Trigger.AUDIO, Trigger.WORD, Trigger.TURN})
# For each kind: the allowed triggers, and the default one.
KINDS: dict[str, tuple[frozenset[Trigger], Trigger | None]] = {
    "drop": (_ANYWHERE, None),
    "reset": (_ANYWHERE, None),
    "stall": (_ANYWHERE, None),
    "close": (_INSIDE, None),
    "error": (_INSIDE, None),
    "delay": (_BY_COUNT | {Trigger.BEGIN}, Trigger.BEGIN),
    "refuse": (frozenset({Trigger.CONNECT}), Trigger.CONNECT),
    "expire": (frozenset({Trigger.BEGIN}), Trigger.BEGIN),
    "redirect": (frozenset({Trigger.BEGIN}), Trigger.BEGIN),
    "location": (frozenset({Trigger.CONNECT}), Trigger.CONNECT),
    "token": (frozenset({Trigger.CONNECT}), Trigger.CONNECT),
    "malformed": (_INSIDE, None),
    "unknown": (_INSIDE, None),
    "warning": (_INSIDE, None),
    "duplicate": (_INSIDE, None),
    "swap": (_INSIDE, None),
    "termination": (frozenset({Trigger.BEGIN}), Trigger.BEGIN),
    "join": (_BY_COUNT | {Trigger.BEGIN}, Trigger.BEGIN),
    "split": (_BY_COUNT | {Trigger.BEGIN}, Trigger.BEGIN),
}


class ValueRange(NamedTuple):
    """A number, or a range to draw one from."""

    low: float
    high: float

    def draw(self, chance: random.Random) -> float:
        return self.low if self.low == self.high else chance.uniform(self.low, self.high)


NOTHING = ValueRange(0, 0)
_BARE = ("drop", "reset", "malformed", "unknown", "duplicate", "swap")  # take no value
_MAY_BE_BARE = ("stall", "warning")
NEVER = "never"


@dataclass(frozen=True)
class Fault:
    """One parsed and checked fault.

    Attributes:
        spec: as it was given.
        code, text: of a close, an error, a warning or an HTTP answer; `text` also the model of a
            redirect and a location; `code` also the bytes of a split.
        seconds: of a stall, a delay, an expiry, a late Termination or a join; None: for ever.
        at: which second, word or turn.
        first, last: the connections that it is for; `last` None: every later one too.
        chance: the share, 0 to 1, of these that it happens to.
    """

    spec: str
    kind: str
    moment: Trigger
    at: ValueRange = NOTHING
    code: int = 0
    text: str = ""
    seconds: ValueRange | None = None
    first: int = 0
    last: int | None = None
    chance: float = 1.0

    @property
    def is_random(self) -> bool:
        spans = (self.at, self.seconds or NOTHING)
        return self.chance < 1 or any(span.low != span.high for span in spans)

    @property
    def picks_sessions(self) -> bool:
        return self.spec.startswith("session=")

    def concerns(self, connection: int) -> bool:
        return self.first <= connection and (self.last is None or connection <= self.last)


class _BadFault(ValueError):
    """What is wrong with a specification; the caller adds the specification."""


def parse_fault(spec: str) -> Fault:
    """Parse one specification.

    >>> fault = parse_fault("session=0:drop@word=40")
    >>> fault.kind, fault.moment.value, fault.at.low, fault.concerns(1)
    ('drop', 'word', 40.0, False)

    Raises:
        UsageError: it is wrong; the message says where.
    """
    try:
        return _parse(spec)
    except _BadFault as e:
        raise UsageError(f"The fault '{spec}' cannot be set: {e}.", _HINT) from e


def _parse(spec: str) -> Fault:
    found = _SPEC.fullmatch(spec)
    if not _is_unicode(spec):
        raise _BadFault("it is not UTF-8")
    if found is None:
        raise _BadFault("it is not [session=N:][chance=P%:]KIND[=VALUE][@MOMENT]")
    kind, value = found["kind"], found["value"]
    if kind not in KINDS:
        raise _BadFault(f"there is no '{kind}'; there are {', '.join(KINDS)}")
    allowed, moment = KINDS[kind]
    at = NOTHING
    if found["moment"] is not None:
        moment, at = _moment(found["moment"])
    if moment is None:
        raise _BadFault("it does not say when, such as @3s, @word=40, @turn=2 or @terminate")
    if moment not in allowed:
        raise _BadFault(f"{kind} cannot wait for '{found['moment']}'")
    code, text, seconds = _value(kind, value)
    first = int(found["first"] or 0)
    last = first if found["first"] and not found["more"] else None
    if found["last"]:
        last = int(found["last"])
    if last is not None and last < first:
        raise _BadFault(f"there is no session from {first} to {last}")
    chance = float(found["chance"] or 100) / 100
    if chance > 1:
        raise _BadFault("a chance is at most 100%")
    return Fault(spec, kind, moment, at, code, text, seconds, first, last, chance)


def _value(kind: str, value: str | None) -> tuple[int, str, ValueRange | None]:
    """The code, the text and the seconds of a fault's value."""
    if kind in _BARE:
        if value is not None:
            raise _BadFault(f"{kind} takes no value")
        return 0, "", None
    if kind in _MAY_BE_BARE and value is None:
        return 0, "", None
    if not value:
        raise _BadFault(f"{kind} needs a value")
    if kind == "location" and not (value.isascii() and value.isprintable()):
        raise _BadFault("a location is a URL, in ASCII")
    if kind in ("redirect", "location"):
        return 0, value, None
    if kind == "termination" and value == NEVER:
        return 0, "", None
    if kind in ("stall", "delay", "expire", "termination", "join"):
        seconds = _span(value, _seconds)
        if kind == "expire" and seconds.low <= 0:
            raise _BadFault("a session lasts more than no time")
        return 0, "", seconds
    if kind == "split":
        if (size := int(_whole(value))) < 1:
            raise _BadFault("a piece has a byte or more")
        return size, "", None
    number, _, text = value.partition(" ")
    code = int(_whole(number))
    if kind == "warning":
        return code, text, None
    if kind in ("refuse", "token"):
        if text or not 400 <= code < 600 or code not in set(HTTPStatus):
            raise _BadFault(f"'{value}' is no HTTP status of a refusal, 400 to 599")
        return code, "", None
    # Behind an Error the close has a reason of the service's.
    if (why := why_no_close(code, text if kind == "close" else "")) is not None:
        raise _BadFault(why)
    return code, text, None


def _moment(text: str) -> tuple[Trigger, ValueRange]:
    name, equals, number = text.partition("=")
    if not equals:
        if name in (Trigger.CONNECT, Trigger.BEGIN, Trigger.TERMINATE):
            return Trigger(name), NOTHING
        return Trigger.TIME, _span(text, _seconds)
    if name in (Trigger.WORD, Trigger.TURN):
        span = _span(number, _whole)
        if span.low < 1:
            raise _BadFault(f"the first {name} is number 1")
        return Trigger(name), span
    if name == Trigger.AUDIO:
        return Trigger.AUDIO, _span(number, _seconds)
    raise _BadFault(f"'{text}' is no moment")


def _span(text: str, read: Callable[[str], float]) -> ValueRange:
    low, _, high = text.partition("..")
    span = ValueRange(read(low), read(high or low))
    if span.high < span.low:
        raise _BadFault(f"{text} ends before it begins")
    return span


def _is_unicode(text: str) -> bool:
    """Whether it can be sent: bytes of a command line that are not UTF-8 become surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_MOST_DIGITS = 12


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if found is None or len(found[1]) > _MOST_DIGITS:
        raise _BadFault(f"'{text}' is no time, such as 300ms, 12.5s or 2m")
    return float(found[1]) * _UNIT_S[found[2]]


def _whole(text: str) -> float:
    if not text.isascii() or not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise _BadFault(f"'{text}' is no number")
    return float(text)
