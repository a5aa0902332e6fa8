"""Scripts: read with care, and played over a real socket byte for byte."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.official_sdk import SDK, of_kind, sdk_session
from tests.emulator.protocol_client import TERMINATE, TRACES, next_message, session, silence, talk
from tests.program import ROOT
from transcribe_cli.emulator.actions import Close, Drop, Send, Stall
from transcribe_cli.emulator.engine_settings import EngineSettings, engine_settings_of
from transcribe_cli.emulator.engines.scripted import ScriptedEngine
from transcribe_cli.emulator.local_service import LocalService
from transcribe_cli.emulator.parameter_effects import TurnEffects
from transcribe_cli.emulator.script import Say, load_scripts, parse_script
from transcribe_cli.emulator.script_choice import ScriptShelf, load_choices
from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.parameters import decode_query, encode_query

BEGIN = '{"type":"Begin","id":"abc","expires_at":1}'
TERMINATION = '{"type":"Termination","audio_duration_seconds":10,"session_duration_seconds":12}'


def trace_lines(path: Path) -> list[str]:
    """A trace's messages of the service, in its order."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "{"]
    return [line for line in lines if line != TERMINATE]


def test_traces_are_played_byte_for_byte(
    serve: Callable[..., str], logbook: Callable[[], list[dict[str, Any]]]
) -> None:
    paths = sorted(TRACES.glob("*.jsonl"))
    url = serve(*(word for path in paths for word in ("--script", str(path))))
    for number, path in enumerate(paths):
        heard = talk(url, silence(7000))
        expected = trace_lines(path)
        texts = [text for text in heard.texts if "Begin" not in text and "Termination" not in text]
        told = [line for line in expected if "Begin" not in line and "Termination" not in line]
        assert texts == told, path.stem
        for kind in ("Begin", "Termination"):
            own = [line for line in expected if f'"{kind}"' in line]
            assert own in ([], [text for text in heard.texts if f'"{kind}"' in text]), path.stem
        assert heard.messages[0]["type"] == "Begin" and heard.messages[-1]["type"] == "Termination"
        assert (heard.code, heard.reason) == (1000, "Session Ended")
        events = [dict(event) for event in logbook()[4 * number :]]
        times = [event.pop("time") for event in events]
        assert times == sorted(times)
        assert [event["event"] for event in events] == ["open", "message", "terminate", "close"]
        assert events[1] == events[2] | {"event": "message", "text": TERMINATE}
        assert events[-1]["audio_ms"] == 7000 and events[-1]["by"] == "service"


def test_messages_wait_for_their_audio() -> None:
    lines = trace_lines(TRACES / "whisper.jsonl")
    engine = ScriptedEngine(parse_script("\n".join(lines), "s"), EngineSettings())
    assert engine.hear(silence(3759)) == []
    assert engine.hear(silence(1)) == [Send(lines[0])]
    assert engine.hear(silence(5000)) == [Send(lines[1])]
    assert engine.finish() == []


def test_directives_and_bare_messages() -> None:
    script = parse_script(
        "\n".join(
            [
                "# a comment",
                "",
                BEGIN,
                '{"on":"open","stall_ms":5}',
                '{"type":"Unknown","x":1}',
                '{"type":"SpeechStarted","timestamp":700}',
                '{"error":"of old"}',
                '{"at_ms":1000,"text":"no json"}',
                '{"at_ms":900,"send":{"type":"Warning"}}',
                '{"at_ms":2000,"drop":true}',
                '{"on":"Terminate","close":{"code":1011}}',
                TERMINATE,
                TERMINATION,
            ]
        ),
        "s",
    )
    assert script.on_open == (Stall(5),) and script.on_terminate == (Close(1011, ""),)
    assert (script.begin, script.termination) == (BEGIN, TERMINATION)
    assert [tuple(step) for step in script.steps] == [
        (0, Send('{"type":"Unknown","x":1}')),
        (700, Send('{"type":"SpeechStarted","timestamp":700}')),
        (700, Send('{"error":"of old"}')),
        (1000, Send("no json")),
        (1000, Send('{"type":"Warning"}')),
        (2000, Drop()),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ('{"x":' + "[" * 3000, "not JSON"),
        ("[]", "not a JSON object"),
        ('{"sya":"Hello."}', "neither a message, which has a type, nor a directive"),
        ('{"type":"Turn","turn_order":"x"}', "no Turn: Expected `float | null`, got `str`"),
        ('{"type":"Turn","end_of_turn":1}', "no Turn: Expected `bool | null`, got `int`"),
        ('{"type":"Turn","words":[{"end":"1"}]}', "no Turn: Expected `float | null`, got `str`"),
        ('{"type":5}', '"type" is a text'),
        ('{"type":"Turn","say":"x"}', '"say" goes with no "type"'),
        ('{"type":"Turn","at_ms":1}', '"at_ms" goes with no "type": put the message into "send"'),
        ('{"type":"Turn","on":"open"}', '"on" goes with no "type"'),
        ('{"at_ms":1}', "exactly one of"),
        ('{"at_ms":1,"drop":true,"text":"x"}', "exactly one of"),
        ('{"at_ms":-1,"drop":true}', "whole number"),
        ('{"at_ms":1.5,"drop":true}', "whole number"),
        ('{"at_ms":1,"stall_ms":"x"}', "whole number"),
        ('{"at_ms":1,"close":{"code":7}}', "7 is no code that a close frame can carry"),
        ('{"at_ms":1,"close":{"code":1006}}', "drop cuts without any"),
        ('{"at_ms":1,"close":{"code":1000,"reason":"%s"}}' % ("é" * 62), "at most 123 bytes"),
        ('{"at_ms":1,"close":{"reason":"x"}}', '"close" cannot be'),
        ('{"say":""}', "are texts"),
        ('{"say":"x","speaker":7}', "are texts"),
        ('{"say":"x","language_code":"klingon"}', '"language_code" klingon is none'),
        ('{"say":"x","voice":"A"}', '"say" goes with at_ms, language_code, revised_speaker'),
        ('{"at_ms":1,"send":"text"}', '"send" cannot be'),
        ('{"at_ms":1,"drop":false}', '"drop" cannot be'),
        ('{"on":"Begin","drop":true}', '"on" is'),
    ],
)
def test_a_bad_line_is_named(line: str, reason: str) -> None:
    with pytest.raises(UsageError, match="line 2: ") as e:
        parse_script(f"# first\n{line}\n", "demo.jsonl")
    assert e.value.message.startswith("demo.jsonl, line 2: ") and reason in e.value.message
    assert e.value.hint


def played(*lines: Mapping[str, object]) -> list[dict[str, Any]]:
    """What lines are sent as."""
    script = parse_script("\n".join(map(json.dumps, lines)), "s")
    return sent(ScriptedEngine(script, EngineSettings()).finish())


def word(text: str, start: int, end: int, final: bool) -> dict[str, object]:
    times = {"start": start, "end": end}
    return times | {"text": text, "confidence": 0.9, "word_is_final": final}


def test_a_bare_turn_gets_the_fields_that_a_turn_always_has() -> None:
    said = {"type": "Turn", "transcript": "Hello"}
    partial, final, empty = played(
        said, said | {"end_of_turn": True, "transcript": "Hello you.", "x": 1}, {"type": "Turn"}
    )
    assert partial == said | {
        "turn_order": 0,
        "turn_is_formatted": False,
        "end_of_turn": False,
        "end_of_turn_confidence": 0.0,
        "words": [word("Hello", 0, 300, False)],
        "utterance": "",
    }
    assert final == {
        "type": "Turn",
        "turn_order": 0,
        "turn_is_formatted": True,
        "end_of_turn": True,
        "transcript": "Hello you.",
        "end_of_turn_confidence": 1.0,
        "words": [word("Hello", 0, 300, True), word("you.", 300, 600, True)],
        "utterance": "Hello you.",
        "x": 1,
    }
    assert (empty["turn_order"], empty["transcript"], empty["words"]) == (1, "", [])


def test_a_word_of_a_bare_turn_gets_what_it_lacks() -> None:
    (turn,) = played({"type": "Turn", "words": [{"text": "Hi", "end": 200}, {"text": "you"}]})
    assert turn["words"] == [word("Hi", 0, 200, False), word("you", 200, 500, False)]
    assert turn["transcript"] == "Hi you"


WHOLE: dict[str, Any] = {
    "type": "Turn",
    "turn_order": 0.0,
    "turn_is_formatted": True,
    "end_of_turn": True,
    "transcript": "Hi",
    "end_of_turn_confidence": 1,
    "words": [word("Hi", 0, 200, True) | {"start": 0.0, "end": 1.5}],
    "utterance": None,
}


@pytest.mark.parametrize(
    "line",
    [
        WHOLE,
        WHOLE | {"words": None},
        WHOLE | {"words": [word("Hi", 0, 200, True) | {"end": None, "text": None}]},
        dict.fromkeys(WHOLE) | {"type": "Turn"},
    ],
)
def test_what_a_bare_turn_has_stays_as_it_is(line: dict[str, Any]) -> None:
    text = json.dumps(line, indent=None)
    engine = ScriptedEngine(parse_script(text, "s"), EngineSettings())
    assert engine.finish() == [Send(text)]
    del line["end_of_turn_confidence"], line["turn_order"]
    (completed,) = played(line)
    assert {name: completed[name] for name in line} == line
    assert completed["turn_order"] == 0


FINAL: dict[str, object] = {"type": "Turn", "end_of_turn": True, "transcript": "x"}


def orders(messages: Sequence[Mapping[str, Any]]) -> list[int]:
    return [message["turn_order"] for message in messages if message.get("end_of_turn")]


def test_turns_that_are_said_and_bare_ones_are_numbered_together() -> None:
    assert orders(played(FINAL, {"say": "hello"}, FINAL)) == [0, 1, 2]
    assert orders(played(FINAL | {"turn_order": 7}, {"say": "hello"}, FINAL)) == [7, 8, 9]
    late = FINAL | {"turn_order": 0}
    assert orders(played(FINAL, {"say": "hello"}, late, FINAL)) == [0, 1, 0, 2]
    universal = saying({"say": "hello"}, FINAL, speech_model="universal-streaming-english")
    assert orders(sent(universal.finish())) == [0, 1, 2]  # an empty one at the end


def test_a_bare_turn_comes_after_what_a_client_has_cut_in_two() -> None:
    engine = saying({"say": "a b c d"}, FINAL)
    heard = [*engine.hear(ms(600)), *engine.end_turn(), *engine.finish()]
    assert [*zip(orders(sent(heard)), finals(heard), strict=True)] == [
        (0, "a b"),
        (1, "c d"),
        (2, "x"),
    ]


def test_in_the_mode_manual_a_bare_turn_ends_what_is_said() -> None:
    engine = saying({"say": "a b"}, {"say": "c d"}, FINAL, mode="manual")
    heard = engine.finish()
    assert [*zip(orders(sent(heard)), finals(heard), strict=True)] == [(0, "a b c d"), (1, "x")]


def test_the_formatted_version_of_a_bare_final_has_its_order() -> None:
    raw = FINAL | {"transcript": "hello there", "turn_is_formatted": False}
    formatted = FINAL | {"transcript": "Hello there."}
    assert orders(played(raw, formatted, raw, FINAL, formatted)) == [0, 0, 1, 2, 3]
    engine = saying({"type": "Turn", "transcript": "hello"}, raw, {"type": "Warning"}, formatted)
    engine.hear(ms(300))
    assert len(sent(engine.end_turn())) == 1  # the raw one; what follows is another message
    assert orders(sent(engine.finish())) == [0]


def test_bare_turns_come_when_the_words_that_they_get_end() -> None:
    lines = [{"type": "Turn", "transcript": "Hello"}, FINAL | {"transcript": "Hello you."}, FINAL]
    lines += [{"type": "Turn"}, FINAL | {"transcript": "long text", "end_ms": 950}]
    script = parse_script("\n".join(map(json.dumps, lines)), "s")
    assert [step.at_ms for step in script.steps] == [300, 600, 900, 900, 950]


@SDK
@pytest.mark.parametrize(
    "line", [{"say": "Hello."}, {"type": "Turn", "end_of_turn": True, "transcript": "Hello."}]
)
def test_the_sdk_reads_what_is_played(play: Callable[..., str], line: dict[str, object]) -> None:
    (turn,) = of_kind("TurnEvent", sdk_session(play(line), silence(400)))
    assert (turn.transcript, turn.end_of_turn) == ("Hello.", True)
    assert [(word.text, word.start, word.end) for word in turn.words] == [("Hello.", 0, 300)]


def documented_lines() -> list[str]:
    """The lines of the table of `docs/local-service.md`; a row with dots goes on with an object."""
    page = (ROOT / "docs" / "local-service.md").read_text(encoding="utf-8")
    table = page.split("| line | what happens, and when |")[1].split("\n\n")[0]
    lines = []
    for row in table.splitlines()[2:]:
        fields = ", ".join(re.findall("`([^`]+)`", row.split(" | ")[0]))
        base = '"say": "x"' if "speaker" in fields else '"at_ms": 1'
        line = f"{{{base}, {fields}}}" if "| ... " in row else fields
        lines.append(line.replace("{...}", '{"type": "X"}').replace(", ...", ""))
    return lines


def test_the_lines_of_the_documentation_are_lines() -> None:
    lines = documented_lines()
    script = parse_script("\n".join(lines), "the page")
    say, spoken, _, send, text, close, drop, stall = (step.action for step in script.steps)
    assert (say, spoken) == (
        Say("Call Ann at 555-123-4567.", "A", None, "en"),
        Say("x", "B", "A", "es"),
    )
    assert (send, text) == (Send('{"type":"X"}'), Send("{no json"))
    assert (close, drop, stall) == (Close(3005, "..."), Drop(), Stall(2000))
    assert script.on_open == script.on_terminate == (send,)


def said(
    line: Mapping[str, object], model: str = "u3-rt-pro", **asked: object
) -> list[dict[str, Any]]:
    """What a session of a model hears of something that is said."""
    parameters = {"speech_model": model} | asked
    settings = engine_settings_of(parameters)
    script = parse_script(json.dumps(line), "s")
    engine = ScriptedEngine(script, settings, TurnEffects(parameters, settings))
    return [json.loads(a.text) for a in engine.finish() if isinstance(a, Send)]


HELLO: dict[str, object] = {"say": "Hello there, Ann.", "at_ms": 200}


def test_what_is_said_is_a_turn_of_the_session_s_model() -> None:
    started, *partials, final = said(HELLO)
    assert started == {"timestamp": 200, "confidence": 0.9, "type": "SpeechStarted"}
    assert [turn["transcript"] for turn in partials] == ["Hello", "Hello there,"]
    assert final["transcript"] == "Hello there, Ann." and final["end_of_turn"]
    assert [(w["text"], w["start"], w["end"]) for w in final["words"]] == [
        ("Hello", 200, 500),
        ("there,", 500, 800),
        ("Ann.", 800, 1100),
    ]
    raw, formatted, empty = said(HELLO, "universal-streaming-english", format_turns=True)[-3:]
    assert raw["transcript"] == "hello there ann" and not raw["turn_is_formatted"]
    assert formatted["transcript"] == "Hello there, Ann." and empty["transcript"] == ""
    (whisper,) = [m for m in said(HELLO, "whisper-rt", language_detection=True) if m["end_of_turn"]]
    assert (whisper["transcript"], whisper["utterance"]) == ("hello there ann", "Hello there, Ann.")


def test_what_a_client_asked_for_is_done_to_what_is_said() -> None:
    line = {"say": "Damn, ann, call 555-123-4567."}
    asked = {"filter_profanity": True, "redact_pii": True, "keyterms_prompt": ["Ann"]}
    assert said(line, "universal-3-6-pro", **asked)[-1]["transcript"] == (
        "***, Ann, call ############."
    )


def test_speakers_are_said_and_revised() -> None:
    line = HELLO | {"speaker": "B", "revised_speaker": "C", "language_code": "es"}
    *_, final, revision = said(line, speaker_labels=True, language_detection=True)
    assert (final["speaker_label"], final["words"][0]["speaker"]) == ("B", "B")
    assert final["language_code"] == "es"
    assert revision["revisions"][0]["speaker_label"] == "C"
    assert "speaker_label" not in said(line)[-1]


def test_lines_are_said_one_after_the_other_and_the_client_may_end_a_turn() -> None:
    lines = [
        {"say": "one two"},
        {"type": "Warning"},
        {"say": "three"},
        {"at_ms": 500, "drop": True},
    ]
    script = parse_script("\n".join(map(json.dumps, lines)), "s")
    assert [step.at_ms for step in script.steps] == [0, 600, 600, 900]
    engine = ScriptedEngine(script, EngineSettings())
    assert [text_of(m) for m in sent(engine.hear(ms(599)))] == ["", "one"]
    assert [text_of(m) for m in sent(engine.end_turn())] == ["one"]
    *_, rest, warning = sent(engine.hear(ms(1)))
    assert (text_of(rest), rest["turn_order"], warning["type"]) == ("two", 1, "Warning")
    assert [*engine.hear(ms(299)), *engine.end_turn()] == []  # no whole word
    assert engine.hear(ms(1))[-1] == Drop()


def ms(length: int) -> bytes:
    """So much silence, as `EngineSettings` has it."""
    return bytes(32 * length)


def sent(actions: Sequence[object]) -> list[dict[str, Any]]:
    return [json.loads(action.text) for action in actions if isinstance(action, Send)]


def text_of(message: Mapping[str, Any]) -> str:
    return str(message.get("transcript", ""))


def saying(*lines: Mapping[str, object], **asked: object) -> ScriptedEngine:
    settings = engine_settings_of({"speech_model": "u3-rt-pro"} | asked)
    return ScriptedEngine(parse_script("\n".join(map(json.dumps, lines)), "s"), settings)


def finals(actions: Sequence[object]) -> list[str]:
    return [text_of(message) for message in sent(actions) if message.get("end_of_turn")]


LATE: dict[str, object] = {"say": "late words", "at_ms": 5000}


def test_nothing_is_forced_where_nothing_is_spoken() -> None:
    engine = saying(LATE, {"say": "more"})
    assert engine.end_turn() == []
    assert [*engine.hear(ms(4900)), *engine.end_turn()] == []
    assert finals(engine.hear(ms(700))) == ["late words"]
    assert engine.end_turn() == []
    assert finals(engine.finish()) == ["more"]


def test_in_the_mode_manual_what_is_said_ends_when_the_client_says_so() -> None:
    engine = saying({"say": "one two"}, {"say": "three"}, {"say": "four"}, mode="manual")
    assert finals(engine.hear(ms(900))) == []
    assert finals(engine.end_turn()) == ["one two three"]
    assert finals(engine.hear(ms(60_000))) == []
    assert finals(engine.finish()) == ["four"]


@pytest.mark.parametrize("chunk_ms", [100, 5000])
def test_a_silence_that_the_client_set_ends_a_turn_in_the_mode_manual(chunk_ms: int) -> None:
    lines = ({"say": "one"}, {"say": "two", "at_ms": 900}, {"say": "three", "at_ms": 2200})
    engine = saying(*lines, mode="manual", max_turn_silence=1000)
    heard = [action for _ in range(0, 5000, chunk_ms) for action in engine.hear(ms(chunk_ms))]
    assert finals(heard) == ["one two", "three"]


def test_a_client_may_change_the_mode_while_something_is_said() -> None:
    engine = saying({"say": "one"}, {"say": "two"}, LATE)
    manual = engine_settings_of({"speech_model": "u3-rt-pro", "mode": "manual"})
    engine.configure(manual)
    assert finals(engine.hear(ms(600))) == []
    engine.configure(EngineSettings(max_turn_silence_ms=1000))
    assert finals(engine.hear(ms(999))) == []
    assert finals(engine.hear(ms(1))) == ["one two"]


@pytest.mark.parametrize(
    "name", ["universal-streaming-english", "universal-streaming-multilingual"]
)
def test_the_newest_word_of_the_universal_streaming_models_is_not_final(name: str) -> None:
    engine = saying({"say": "hola amigo mio"}, speech_model=name)
    first, second = sent(engine.hear(ms(600)))
    assert [(w["text"], w["word_is_final"]) for w in first["words"]] == [("hola", False)]
    assert first["transcript"] == "" and second["transcript"] == "hola"
    assert [w["word_is_final"] for w in second["words"]] == [True, False]
    (final,) = sent(engine.hear(ms(300)))
    assert final["transcript"] == "hola amigo mio" and final["end_of_turn"]
    assert all(w["word_is_final"] for w in final["words"])


def turn(
    order: int, end: bool, formatted: bool = False, end_ms: int = 5000, start_ms: int = 0
) -> str:
    (whole,) = played(
        {
            "turn_order": order,
            "turn_is_formatted": formatted,
            "end_of_turn": end,
            "words": [{"start": start_ms, "end": end_ms}],
            "type": "Turn",
        }
    )
    return json.dumps(whole)


def test_force_endpoint_plays_on_to_the_end_of_the_turn_that_is_open() -> None:
    lines = [
        turn(0, False, end_ms=500),
        turn(0, True),
        turn(0, True, True),
        turn(1, False, False, 9000, 5000),
        turn(1, True, False, 9000, 5000),
    ]
    engine = ScriptedEngine(parse_script("\n".join(lines), "s"), EngineSettings())
    assert engine.end_turn() == []
    assert engine.hear(ms(500)) == [Send(lines[0])]
    assert engine.end_turn() == [Send(line) for line in lines[1:3]]
    assert engine.end_turn() == []  # its first word begins at 5 s
    assert engine.hear(ms(4501)) == []
    assert engine.end_turn() == [Send(line) for line in lines[3:]]
    assert engine.end_turn() == engine.finish() == []


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ([{"type": "SpeechStarted", "timestamp": 50}, {"at_ms": 900, "send": {"type": "Turn"}}], 0),
        ([{"type": "SpeechStarted", "timestamp": 50}, {"end_of_turn": True}], 1),
        ([{"end_of_turn": True, "words": [{"start": 99, "end": 900}]}], 1),
        ([{"end_of_turn": True, "words": [{"start": 100, "end": 900}]}], 0),
        ([{"at_ms": 5, "text": "no json"}, {"end_of_turn": True}], 1),
        (
            [{"at_ms": 100, "text": "no json"}, {"at_ms": 101, "text": "x"}, {"end_of_turn": True}],
            0,
        ),
        ([{"say": "one"}, {"end_of_turn": True}], 0),
    ],
)
def test_a_bare_turn_is_open_once_its_speech_has_begun(
    lines: list[dict[str, Any]], count: int
) -> None:
    final = {"type": "Turn", "turn_order": 0, "words": []}
    lines = [
        {"at_ms": 60_000, "send": final | line} if "end_of_turn" in line else line for line in lines
    ]
    engine = ScriptedEngine(parse_script("\n".join(map(json.dumps, lines)), "s"), EngineSettings())
    engine.hear(ms(100))
    assert len(finals(engine.end_turn())) == count


@pytest.mark.parametrize("ending", [{"drop": True}, {"close": {"code": 1011}}, {"stall_ms": 5}])
def test_force_endpoint_ends_no_connection_ahead_of_its_time(ending: dict[str, object]) -> None:
    partial = {"type": "Turn", "transcript": "", "turn_order": 0}
    engine = saying(partial, {"at_ms": 5000} | ending, FINAL)
    assert len(engine.hear(ms(0))) == 1
    assert engine.end_turn() == []
    assert finals(engine.hear(ms(5000))) == ["x"]


def test_force_endpoint_without_another_turn_plays_nothing() -> None:
    engine = ScriptedEngine(parse_script(turn(0, False), "s"), EngineSettings())
    engine.hear(ms(100))
    assert engine.end_turn() == []
    assert len(engine.finish()) == 1


RECORDS: list[dict[str, Any]] = [
    {"time": "2026-11-20T20:18:38.000Z", "type": "Recording", "id": "x"},
    {"time": "2026-11-20T20:18:38.000Z", "type": "Begin", "session": 0, "session_offset_ms": 0},
    {
        "time": "2026-11-20T20:18:39.500Z",
        "type": "Turn",
        "session": 0,
        "turn": 0,
        "session_offset_ms": 0,
        "start": 100,
        "end": 900,
        "final": True,
        "turn_order": 0,
        "end_of_turn": True,
        "transcript": "a",
        "words": [{"start": 100, "end": 900}],
    },
    {"time": "2026-11-20T20:18:40.000Z", "type": "Mark", "at": 1},
    {"time": "2026-11-20T20:19:00.000Z", "type": "Begin", "session": 1, "session_offset_ms": 20000},
    {
        "time": "2026-11-20T20:19:01.250Z",
        "type": "SpeechStarted",
        "session": 1,
        "session_offset_ms": 20000,
        "timestamp": 21000,
    },
]


def test_a_recording_is_played_with_its_own_timing_and_nothing_of_ours(tmp_path: Path) -> None:
    lines = [json.dumps({"v": 1, "seq": seq} | raw) for seq, raw in enumerate(RECORDS)]
    (tmp_path / "journal.jsonl").write_text("\n".join(lines) + '\n{"v":1,"cut', encoding="utf-8")
    first, second = load_scripts(tmp_path)
    ((at_ms, action),) = first.steps
    assert at_ms == 1500 and isinstance(action, Send)
    assert json.loads(action.text) == {
        "turn_order": 0,
        "end_of_turn": True,
        "transcript": "a",
        "type": "Turn",
        "words": [{"start": 100, "end": 900}],
    }
    assert list(second.steps) == [(1250, Send('{"timestamp":1000,"type":"SpeechStarted"}'))]
    assert first.begin is None and first.termination is None


def test_a_recording_without_a_session_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text(json.dumps({"v": 1, "seq": 0} | RECORDS[0]))
    with pytest.raises(UsageError, match="holds no session"):
        load_scripts(tmp_path)


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.jsonl"):
        load_scripts(tmp_path / "gone.jsonl")


def test_a_bad_script_fails_before_listening(tmp_path: Path) -> None:
    script = tmp_path / "bad.jsonl"
    script.write_text("{", encoding="utf-8")
    with (
        pytest.raises(Exception, match=r"bad\.jsonl, line 1") as e,
        LocalService("--script", str(script)),
    ):
        pass
    assert "hint" not in str(e.value)


def test_raw_text_and_closes_of_any_code(play: Callable[..., str]) -> None:
    url = play({"at_ms": 0, "text": "{no json"}, {"at_ms": 100, "close": {"code": 4999}})
    heard = talk(url, silence(200), last=None)
    assert heard.texts[1:] == ["{no json"] and heard.code == 4999


def test_a_dropped_connection_has_no_close_frame(
    start_playing: Callable[..., str], logbook: Callable[[], list[dict[str, Any]]]
) -> None:
    heard = talk(start_playing({"at_ms": 100, "drop": True}), silence(200), last=None)
    assert heard.code == 1006
    assert (logbook()[-1]["event"], logbook()[-1]["code"]) == ("close", 1006)


def test_what_comes_on_terminate_comes_before_termination(play: Callable[..., str]) -> None:
    revision = {"type": "SpeakerRevision", "revisions": []}
    left = {"type": "Turn", "words": [{"end": 99999}]}
    heard = talk(play({"on": "Terminate", "send": revision}, left), silence(100))
    assert [m["type"] for m in heard.messages] == [
        "Begin",
        "Turn",
        "SpeakerRevision",
        "Termination",
    ]


def test_a_session_can_be_refused_before_begin(play: Callable[..., str]) -> None:
    error = {"type": "Error", "error_code": 3005, "error": "Session Cancelled: An error occurred"}
    close = {"code": 3005, "reason": "See Error message for details"}
    heard = talk(play({"on": "open", "send": error}, {"on": "open", "close": close}))
    assert heard.error == "Session Cancelled: An error occurred" and len(heard.texts) == 1


def test_a_stall_holds_back_what_follows(play: Callable[..., str]) -> None:
    with session(play({"at_ms": 0, "stall_ms": 1500}, {"type": "After"})) as connection:
        assert next_message(connection)["type"] == "Begin"
        with pytest.raises(TimeoutError):
            connection.recv(timeout=0.1)
        assert next_message(connection)["type"] == "After"


def test_each_session_plays_its_own_script_and_later_ones_the_last(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    options: list[str] = []
    for name in ("first", "second"):
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps({"type": name}), encoding="utf-8")
        options += ["--script", str(path)]
    url = serve(*options)
    assert [talk(url).messages[1]["type"] for _ in range(3)] == ["first", "second", "second"]


def test_the_demonstration_script_is_sound() -> None:
    (script,) = load_scripts(TRACES.parents[2] / "samples" / "spanish.jsonl")
    assert len(script.steps) == 6 and script.steps[-1].at_ms == 14200


def test_scripts_of_the_start_are_in_order_for_each_condition(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).write_text(json.dumps({"say": name}), encoding="utf-8")
    specs = [f"path=/x:{tmp_path / 'a'}", f"path=/x:{tmp_path / 'b'}", str(tmp_path / "c")]
    shelf = ScriptShelf(load_choices(specs))

    def taken(path: str) -> str:
        script = shelf.take({}, path)
        assert script is not None and isinstance(script.steps[0].action, Say)
        return script.steps[0].action.text

    assert [taken(path) for path in ("/x", "/y", "/x", "/x")] == ["a", "c", "b", "b"]
    shelf.put(load_scripts(tmp_path / "d"), {"path": "/y"})
    assert [taken(path) for path in ("/x", "/y", "/z")] == ["b", "d", "c"]
    shelf.put(load_scripts(tmp_path / "d"))
    assert taken("/x") == "d"
    shelf.reset()
    assert [taken("/x"), taken("/y")] == ["a", "c"]


@pytest.mark.parametrize(
    ("name", "value", "as_text"),
    [
        ("vad_threshold", 1, "1"),
        ("vad_threshold", 0.5, "0.50"),
        ("format_turns", True, "True"),
        ("keyterms_prompt", ["Ann"], '[ "Ann" ]'),
        ("path", "/v3/ws", "/v3/ws"),
    ],
)
def test_a_session_has_a_value_however_it_is_written(
    tmp_path: Path, name: str, value: object, as_text: str
) -> None:
    (tmp_path / "a").write_text('{"say": "a"}', encoding="utf-8")
    query = {} if name == "path" else decode_query(encode_query({name: value}))
    shelf = ScriptShelf(load_choices([f"{name}={as_text}:{tmp_path / 'a'}"]))
    assert shelf.take(query, "/v3/ws") is not None and shelf.take({}, "/") is None
    shelf = ScriptShelf()
    shelf.put(load_scripts(tmp_path / "a"), {name: value})
    assert shelf.take(query, "/v3/ws") is not None and shelf.take({}, "/") is None
