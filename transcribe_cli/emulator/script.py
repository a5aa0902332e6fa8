"""Reads scripts: what a session is to hear, for tests, demonstrations and faults.

A script is JSON Lines. Blank lines and lines that begin with `#` are ignored. Any other line is

- a bare message of the service: sent exactly as it stands, once the audio received reaches the end
  of its last word, its `timestamp` or its `end_ms`; without any of these, right after the line
  before it. A Turn that lacks fields which a Turn always has gets them (`bare_turns.py`), words
  without times 300 ms each; `send` sends a broken one. A bare `Begin` or `Termination` takes the
  place of the service's own; a bare client message (`Terminate` in a trace) is skipped;
- `{"say": "Hello there.", "speaker": "A"}`: a turn of the session's model with its partials, spoken
  from `at_ms` on, or right after the line before it, 300 ms a word; what the client asked for is
  done to it (formatting, terms, profanity, redaction, speakers). `"revised_speaker"` is who a
  SpeakerRevision says it was, `"language_code"` what it is spoken in;
- or a directive, `{"at_ms": N, ...}` (audio received, in ms), `{"on": "Terminate", ...}` (after
  everything else, before `Termination`) or `{"on": "open", ...}` (before `Begin`), with one of
  `"send"` (an object), `"text"` (a raw text frame, JSON or not), `"close"` (`{"code", "reason"}`),
  `"drop": true` (the TCP connection is cut) or `"stall_ms"` (nothing is read or written so long).

ForceEndpoint ends the turn that is open: one that is said with the words heard so far, and the rest
of its line is another turn; bare messages are played up to the end of theirs, which is open once
one of it was played or its first word has begun. With `mode=manual` only that ends what is said, or
`max_turn_silence`, or a bare Turn or SpeechStarted. What has not been played when Terminate comes
is played then.

The journal of a recording is a script for each of its sessions: what the service said is played
again, each message when as much audio has come as there was time before it, and nothing else.
"""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from transcribe_cli.emulator.actions import (
    Close,
    Drop,
    Send,
    Stall,
    ToClient,
    why_no_close,
)
from transcribe_cli.emulator.bare_turns import WORD_MS, BareTurns, UnnumberedTurn
from transcribe_cli.emulator.engines.told_turns import LANGUAGE
from transcribe_cli.emulator.journal_messages import is_record, sessions_of
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.codec import NOT_JSON
from transcribe_cli.protocol.languages import language_name
from transcribe_cli.protocol.messages import CLIENT_MESSAGES, Turn

JOURNAL = "journal.jsonl"
_SAY = "say"
_SAY_FIELDS = {_SAY, "at_ms", "speaker", "revised_speaker", "language_code"}
_OF_DIRECTIVES = (_SAY, "at_ms", "on")
_VERBS = ("send", "text", "close", "drop", "stall_ms")
_HINT = "each line is a message of the service, or a directive with at_ms or on"


class Say(NamedTuple):
    """A turn that is said."""

    text: str
    speaker: str
    revised_speaker: str | None
    language_code: str


class ScriptStep(NamedTuple):
    """One action, due when `at_ms` of audio has been received; a turn begins then."""

    at_ms: int
    action: ToClient | Say | UnnumberedTurn


class Script(NamedTuple):
    """A parsed and checked script.

    Attributes:
        on_open: what happens before `Begin`.
        begin, termination: frames instead of the service's own; None: the service's own.
        steps: in order; `at_ms` never falls.
        on_terminate: what happens after the last cue and before `Termination`.
    """

    on_open: tuple[ToClient, ...]
    begin: str | None
    steps: tuple[ScriptStep, ...]
    on_terminate: tuple[ToClient, ...]
    termination: str | None

    @property
    def says(self) -> bool:
        """Whether a line of it is said, word by word; bare messages are sent as they stand."""
        return any(isinstance(step.action, Say) for step in self.steps)


EMPTY_SCRIPT = Script((), None, (), (), None)


class _BadLine(ValueError):
    """What is wrong with a line; the caller adds the file and the line number."""


def load_scripts(path: Path) -> list[Script]:
    """Read and check a script, or a recording: its folder or its journal.

    Raises:
        UsageError: the file cannot be read, or a line is wrong; it names both.
    """
    if path.is_dir():
        path = path / JOURNAL
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        said = getattr(e, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"The script '{path}' cannot be read: {said}.", "check --script") from e
    sessions = _parse_journal(text)
    if sessions is None:
        return [parse_script(text, str(path))]
    if not sessions:
        raise UsageError(f"The recording {path} holds no session.", "choose another one")
    return sessions


def _parse_journal(text: str) -> list[Script] | None:
    """A script for each session of a journal; None if it is no journal."""
    records: list[dict[str, Any]] = []
    for line in text.split("\n"):  # not splitlines: U+2028 may stand in what was said
        try:
            raw = _object(line)
        except _BadLine:
            if not records:
                return None
            continue  # the last line of a recording that was killed
        if not records and not is_record(raw):
            return None
        records.append(raw)
    if not records:
        return None
    return [
        Script((), None, tuple(ScriptStep(at_ms, Send(frame)) for at_ms, frame in said), (), None)
        for said in sessions_of(records)
    ]


def parse_script(text: str, name: str) -> Script:
    """The script that `text` holds; `name` is for error messages.

    Raises:
        UsageError: a line is wrong.
    """
    at: dict[str, list[ToClient]] = {"open": [], "Terminate": []}
    own: dict[str, str] = {}
    steps: list[ScriptStep] = []
    turns = BareTurns()
    now_ms = 0  # where the line before ends
    error: str | None = None  # what the line before says, if it is an Error
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            raw = _object(line)
            before, error = error, _error_of(raw)
            if "type" in raw:
                _check_message(raw)
            if _SAY in raw:
                say = _say(raw)
                begins = _whole(raw, "at_ms") if "at_ms" in raw else 0
                steps.append(ScriptStep(max(now_ms, begins), say))
                now_ms = steps[-1].at_ms + WORD_MS * len(say.text.split())
                turns.said()
            elif "on" in raw:
                at[_moment(raw)].append(_action(raw, before))
            elif "at_ms" in raw:
                now_ms = max(now_ms, _whole(raw, "at_ms"))
                steps.append(ScriptStep(now_ms, _action(raw, before)))
            elif raw.get("type") in ("Begin", "Termination"):
                own[raw["type"]] = line
            elif raw.keys().isdisjoint(("type", "error")):
                raise _BadLine("neither a message, which has a type, nor a directive")
            elif raw.get("type") not in CLIENT_MESSAGES:
                sent, ends_ms = _completed(raw, line, turns, now_ms)
                now_ms = max(now_ms, _due_ms(raw, ends_ms))
                steps.append(ScriptStep(now_ms, sent))
        except _BadLine as e:
            raise UsageError(f"{name}, line {number}: {e}.", _HINT) from e
    return Script(
        on_open=tuple(at["open"]),
        begin=own.get("Begin"),
        steps=tuple(steps),
        on_terminate=tuple(at["Terminate"]),
        termination=own.get("Termination"),
    )


def _object(line: str) -> dict[str, Any]:
    try:
        raw = msgspec.json.decode(line)
    except NOT_JSON as e:
        raise _BadLine(f"not JSON: {e}") from e
    if not isinstance(raw, dict):
        raise _BadLine("not a JSON object")
    return raw


def _check_message(raw: dict[str, Any]) -> None:
    if not isinstance(raw["type"], str):
        raise _BadLine('"type" is a text')
    if beside := [name for name in _OF_DIRECTIVES if name in raw]:
        raise _BadLine(f'"{beside[0]}" goes with no "type": put the message into "send"')


def _say(raw: dict[str, Any]) -> Say:
    if not raw.keys() <= _SAY_FIELDS:
        raise _BadLine(f'"say" goes with {", ".join(sorted(_SAY_FIELDS - {_SAY}))} only')
    texts = [raw[_SAY], raw.get("speaker", "A"), raw.get("language_code", LANGUAGE)]
    revised = raw.get("revised_speaker")
    if not all(isinstance(text, str) and text.strip() for text in (*texts, revised or "A")):
        raise _BadLine('"say", its speakers and its language are texts')
    if language_name(texts[2]) == texts[2]:
        raise _BadLine(f"\"language_code\" {texts[2]} is none: see 'aai-stream languages'")
    return Say(raw[_SAY], texts[1], revised, texts[2])


def _moment(raw: dict[str, Any]) -> str:
    if raw["on"] not in ("open", "Terminate"):
        raise _BadLine('"on" is "open" or "Terminate"')
    return str(raw["on"])


def _whole(raw: dict[str, Any], name: str) -> int:
    value = raw[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _BadLine(f'"{name}" is a whole number of milliseconds, 0 or more')
    return value


def _error_of(raw: dict[str, Any]) -> str | None:
    """What an Error says, as it stands or in a `send`; None of any other line."""
    message = raw.get("send", raw)
    text = message.get("error") if isinstance(message, dict) else None
    return text if isinstance(text, str) else None


def _action(raw: dict[str, Any], error: str | None) -> ToClient:
    """What a directive does; `error` is what the Error before it says."""
    verbs = [verb for verb in _VERBS if verb in raw]
    if len(verbs) != 1:
        raise _BadLine(f"a directive has exactly one of {', '.join(_VERBS)}")
    value = raw[verbs[0]]
    match verbs[0], value:
        case "send", dict():
            return Send(msgspec.json.encode(value).decode())
        case "text", str():
            return Send(value)
        case "close", {"code": int(code)}:
            close = Close(code, str(value.get("reason", "")), error)
            if (why := why_no_close(close.code, close.reason)) is not None:
                raise _BadLine(why)
            return close
        case "drop", True:
            return Drop()
        case "stall_ms", _:
            return Stall(_whole(raw, "stall_ms"))
    raise _BadLine(f'"{verbs[0]}" cannot be {msgspec.json.encode(value).decode()}')


def _completed(
    raw: dict[str, Any], line: str, turns: BareTurns, now_ms: int
) -> tuple[Send | UnnumberedTurn, int]:
    """How a bare message is sent, a Turn with what it lacks; and when its last word ends."""
    if raw.get("type") != Turn.type:
        return Send(line), now_ms
    try:
        return turns.completed(raw, line, now_ms)
    except msgspec.ValidationError as e:
        raise _BadLine(f'no Turn: {e}; "send" sends it all the same') from e


def _due_ms(raw: dict[str, Any], ends_ms: int) -> int:
    """When a bare message may be sent; `ends_ms` for one without times."""
    words = raw.get("words")
    word = words[-1] if isinstance(words, list) and words else None
    times = (
        word.get("end") if isinstance(word, dict) else None,
        raw.get("timestamp"),
        raw.get("end_ms"),
    )
    return next((round(time) for time in times if isinstance(time, int | float)), ends_ms)
