"""The codec takes whatever a service may send, and loses nothing of it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from tests.recorded_messages import NAMES, read_trace
from transcribe_cli.protocol.codec import (
    MOST_PROBLEMS,
    BadMessage,
    client_object,
    decode_server_message,
    encode_client_message,
    encode_server_message,
    read_client_object,
)
from transcribe_cli.protocol.messages import (
    CLIENT_MESSAGES,
    SERVER_MESSAGES,
    Begin,
    Configuration,
    Error,
    ForceEndpoint,
    Heartbeat,
    KeepAlive,
    Revision,
    Silence,
    SpeakerRevision,
    SpeechStarted,
    Terminate,
    Termination,
    Turn,
    UnknownMessage,
    UpdateConfiguration,
    Word,
)
from transcribe_cli.protocol.messages import Warning as ServiceWarning

# Messages of the traces that are odd by design, and what is said of them.
ODD = {
    ("sdk-tests", 1): ["Begin.expires_at is a str"],
}

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
field_names = sorted(
    {
        f.name
        for cls in (*SERVER_MESSAGES.values(), Word, Revision)
        for f in msgspec.structs.fields(cls)
    }
)
objects = st.dictionaries(
    st.sampled_from(["type", *field_names]) | st.text(max_size=5), values, max_size=8
)
typed = st.builds(
    lambda kind, body: body | {"type": kind}, st.sampled_from(sorted(SERVER_MESSAGES)), objects
)


def as_sent(value: Any, like: Any) -> Any:
    """A typed value cut down to the fields that were sent, to compare with them."""
    if isinstance(like, dict) and not isinstance(value, dict):
        built = msgspec.to_builtins(value)
        return {name: as_sent(built[name], sent) for name, sent in like.items() if name in built}
    if isinstance(like, dict):
        return {name: as_sent(value[name], sent) for name, sent in like.items() if name in value}
    if isinstance(like, list):
        return [as_sent(v, sent) for v, sent in zip(value, like, strict=True)]
    return value


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_message_is_read_without_loss(name: str) -> None:
    for index, line in enumerate(read_trace(name)):
        sent = json.loads(line)

        decoded = decode_server_message(line)

        assert decoded.raw == sent
        assert list(decoded.raw) == list(sent)
        assert decoded.problems == ODD.get((name, index), [])
        assert decoded.message.type == sent["type"]
        if not decoded.problems:
            understood = as_sent(decoded.message, sent)
            assert understood == {k: v for k, v in sent.items() if k in understood}
            assert understood.keys() | {"type"} == sent.keys()


def test_turn_of_the_whisper_page_has_all_its_fields() -> None:
    decoded = decode_server_message(read_trace("whisper")[0])

    assert isinstance(decoded.message, Turn)
    assert asdict(decoded.message) == asdict(
        Turn(
            turn_order=0,
            turn_is_formatted=False,
            end_of_turn=True,
            transcript="buenos días",
            end_of_turn_confidence=1.0,
            words=[Word(1200, 2596, "buenos", 0.0, True), Word(2828, 3760, "días", 0.0, True)],
            utterance="Buenos días.",
            language_code="es",
            language_confidence=0.846999,
        )
    )


def test_field_order_does_not_matter() -> None:
    first = decode_server_message('{"type":"SpeechStarted","timestamp":5}')
    last = decode_server_message('{"timestamp":5,"type":"SpeechStarted"}')

    assert first.message == last.message == SpeechStarted(5)


def test_unknown_type_passes_untouched() -> None:
    decoded = decode_server_message('{"type":"Applause","volume":[1,{"a":null}]}')

    assert decoded.message == UnknownMessage("Applause")
    assert decoded.raw == {"type": "Applause", "volume": [1, {"a": None}]}
    assert decoded.problems == []


def test_unknown_fields_of_a_known_type_are_kept_in_raw() -> None:
    line = '{"type":"Termination","audio_duration_seconds":1,"session_duration_seconds":2,"x":{}}'

    decoded = decode_server_message(line)

    assert decoded.message == Termination(1, 2)
    assert decoded.raw["x"] == {}
    assert decoded.problems == []


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        ('{"type":"Begin"}', ["Begin without id", "Begin without expires_at"]),
        ('{"type":"Error"}', ["Error without error"]),
        (
            '{"type":"Turn","turn_order":3}',
            ["Turn without end_of_turn", "Turn without transcript", "Turn without words"],
        ),
        (
            r'{"turn_order":0,"end_of_turn":true,"transcript":"say \"words\": now","type":"Turn"}',
            ["Turn without words"],
        ),
        (
            '{"turn_order":0,"end_of_turn":true,"transcript":"words","words":[]}',
            ["a message without a type"],
        ),
        ("{}", ["a message without a type"]),
        ('{"type":7}', ["a message without a type"]),
    ],
)
def test_missing_fields_are_told(line: str, problems: list[str]) -> None:
    assert decode_server_message(line).problems == problems


def test_field_of_an_object_inside_does_not_stand_for_the_turn_s_own() -> None:
    decoded = decode_server_message(
        '{"type":"Turn","turn_order":1,"end_of_turn":true,"transcript":"hi","extra":{"words":[]}}'
    )

    assert decoded.problems == ["Turn without words"]
    assert decoded.message == Turn(turn_order=1, end_of_turn=True, transcript="hi")


def test_odd_fields_are_told_and_the_rest_is_read() -> None:
    line = (
        '{"type":"Turn","turn_order":"2","end_of_turn":true,"transcript":null,"utterance":"Hi.",'
        '"words":[{"start":1.6,"end":"x","text":"hi"},5,{"text":"you","word_is_final":1}]}'
    )

    decoded = decode_server_message(line)

    assert decoded.message == Turn(
        end_of_turn=True,
        utterance="Hi.",
        words=[Word(start=2, text="hi"), Word(text="you")],
    )
    assert decoded.problems == [
        "Turn.turn_order is a str",
        "Turn.transcript is null",
        "Turn.words[0].end is a str",
        "Turn.words[1] is a int",
        "Turn.words[2].word_is_final is a int",
    ]
    assert decoded.raw["words"][0]["start"] == 1.6


def test_many_odd_fields_are_a_few_problems_and_a_number() -> None:
    body = {"turn_order": 0, "end_of_turn": True, "transcript": "", "type": "Turn"}
    read = decode_server_message(json.dumps(body | {"words": [{"start": "soon"}] * 1000}))
    message = read.message

    assert isinstance(message, Turn)
    assert len(message.words) == 1000
    assert len(read.problems) == MOST_PROBLEMS + 1
    assert read.problems[-1] == f"{1000 - MOST_PROBLEMS} more of its kind"


def test_problems_never_quote_what_was_said() -> None:
    decoded = decode_server_message(
        '{"type":"Turn","transcript":["my secret"],"words":"my secret"}'
    )

    assert decoded.problems
    assert not [problem for problem in decoded.problems if "secret" in problem]


def test_error_without_a_type_is_an_error() -> None:
    decoded = decode_server_message('{"error":"Invalid API key","error_code":4001}')

    assert decoded.message == Error(4001, "Invalid API key")


@pytest.mark.parametrize(
    "data", ["", "{", "[]", "1", "null", '"x"', b"\xff\xfe", '{"a":' * 100_000, "[" * 100_000]
)
def test_what_is_no_json_object_is_a_bad_message(data: str | bytes) -> None:
    with pytest.raises(BadMessage):
        decode_server_message(data)


@given(objects | typed)
def test_no_json_object_ends_a_session(message: dict[str, Any]) -> None:
    decoded = decode_server_message(json.dumps(message))

    assert decoded.raw == message


@given(values)
def test_only_what_is_no_object_is_refused(value: Any) -> None:
    try:
        decode_server_message(json.dumps(value))
    except BadMessage:
        assert not isinstance(value, dict)
    else:
        assert isinstance(value, dict)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (Begin("a", 1772570132), '{"id":"a","expires_at":1772570132,"type":"Begin"}'),
        (
            Termination(1, 2),
            '{"audio_duration_seconds":1,"session_duration_seconds":2,"type":"Termination"}',
        ),
        (Error(3005, "x"), '{"error_code":3005,"error":"x","type":"Error"}'),
        (SpeechStarted(5), '{"timestamp":5,"type":"SpeechStarted"}'),
        (
            Turn(words=[Word(1, 2, "a", 0.5, True)]),
            '{"turn_order":0,"turn_is_formatted":false,"end_of_turn":false,"transcript":"",'
            '"end_of_turn_confidence":0.0,"words":[{"start":1,"end":2,"text":"a",'
            '"confidence":0.5,"word_is_final":true}],"utterance":"","type":"Turn"}',
        ),
    ],
)
def test_server_message_ends_with_its_type_and_leaves_out_what_is_absent(
    message: Any, line: str
) -> None:
    assert encode_server_message(message) == line


@pytest.mark.parametrize(
    "message",
    [
        Begin("a", 1.5, Configuration(model="u3-rt-pro", speaker_labels=False)),
        Turn(3, True, True, "Å “b”", 0.5, [Word(1, 2, "Å", 0.5, True, "A", 0.25)], "Å"),
        Turn(language_code="es", language_confidence=0.5, speaker_label="B"),
        ServiceWarning(1, "slow audio"),
        Heartbeat(1, 2, 0.5, 0.75),
        Silence(1, 2),
        SpeakerRevision([Revision(1, "A", [Word(1, 2, "a")]), Revision(2)]),
    ],
)
def test_server_message_is_read_back_as_it_was(message: Any) -> None:
    line = encode_server_message(message)
    decoded = decode_server_message(line)

    assert isinstance(decoded.message, type(message))
    assert asdict(decoded.message) == asdict(message)
    assert decoded.problems == []
    assert encode_server_message(decoded.message) == line


def test_what_is_said_is_no_field_that_is_absent() -> None:
    said = ',"speaker":null,"channel":null'
    read = decode_server_message(encode_server_message(Turn(transcript=said, utterance=said)))
    assert isinstance(read.message, Turn)
    assert (read.message.transcript, read.message.utterance) == (said, said)


def test_revision_leaves_out_speakers_that_are_absent() -> None:
    line = encode_server_message(SpeakerRevision([Revision(1, "A", [Word(1, 2, "a")])]))

    assert "speaker_confidence" not in line
    assert '"speaker"' not in line


def test_terminate_is_written_as_the_quickstart_shows_it() -> None:
    assert encode_client_message(Terminate()) == '{"type":"Terminate"}'


@pytest.mark.parametrize(
    "message",
    [
        Terminate(),
        ForceEndpoint(),
        KeepAlive(),
        UpdateConfiguration(),
        UpdateConfiguration(
            keyterms_prompt=[], prompt="", min_turn_silence=500, format_turns=False, mode="balanced"
        ),
    ],
)
def test_client_message_is_read_back_as_it_was(message: Any) -> None:
    assert read_client_object(client_object(encode_client_message(message))) == message


def test_the_python_sdk_s_update_is_read() -> None:
    line = '{"min_turn_silence":500,"keyterms_prompt":[],"prompt":"","type":"UpdateConfiguration"}'

    assert read_client_object(client_object(line)) == UpdateConfiguration(
        min_turn_silence=500, keyterms_prompt=[], prompt=""
    )


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("[]", "Invalid Message: '[]'"),
        ('{"type":5}', "Invalid Message: "),
        ('{"type":"Bogus"}', "Invalid Message Type: Bogus"),
        (
            "{not json",
            "User Input Validation Error: Invalid JSON: Expecting property name enclosed in "
            "double quotes: line 1 column 2 (char 1)",
        ),
        ("[" * 100_000, "User Input Validation Error: Invalid JSON: "),
        ("NaN", "Invalid Message: 'NaN'"),
        ('{"type":"\\ud800"}', "Invalid Message Type: ?"),
        (
            '{"type":"UpdateConfiguration","min_turn_silence":1e400}',
            "User Input Validation Error: Invalid 'min_turn_silence': Input should be a finite "
            "number",
        ),
        (
            '{"type":"UpdateConfiguration","prompt":5}',
            "User Input Validation Error: Invalid 'prompt': Input should be a valid string",
        ),
        (
            '{"type":"UpdateConfiguration","keyterms_prompt":["a",1]}',
            "User Input Validation Error: Invalid 'keyterms_prompt.1': Input should be a valid "
            "string",
        ),
        (
            '{"type":"UpdateConfiguration","keyterms_prompt":"a"}',
            "User Input Validation Error: Invalid 'keyterms_prompt': Input should be a valid list",
        ),
        (
            '{"type":"UpdateConfiguration","min_turn_silence":"soon"}',
            "User Input Validation Error: Invalid 'min_turn_silence': Value error, "
            "invalid literal for int() with base 10: 'soon'",
        ),
        (
            '{"type":"UpdateConfiguration","min_turn_silence":1.5}',
            "User Input Validation Error: Invalid 'min_turn_silence': Input should be a valid "
            "integer, got a number with a fractional part",
        ),
        (
            '{"type":"UpdateConfiguration","language_codes":["multi","en"]}',
            "User Input Validation Error: Invalid 'language_codes': Value error, 'multi' cannot",
        ),
        (
            '{"type":"UpdateConfiguration","vad_threshold":2}',
            "User Input Validation Error: Invalid 'vad_threshold': Input should be less than or "
            "equal to 1",
        ),
    ],
)
def test_bad_client_message_is_refused_in_the_service_s_words(line: str, text: str) -> None:
    with pytest.raises(BadMessage) as refused:
        read_client_object(client_object(line))

    assert refused.value.text.startswith(text)


def test_an_update_s_numbers_may_be_text_and_null_is_nothing() -> None:
    line = '{"type":"UpdateConfiguration","max_turn_silence":"900","prompt":null,"new":[]}'

    assert read_client_object(client_object(line)) == UpdateConfiguration(max_turn_silence=900)


def test_what_an_update_cannot_change_is_passed_over_whatever_it_is() -> None:
    line = '{"type":"UpdateConfiguration","sample_rate":7000,"speech_model":null,"domain":"law"}'

    assert read_client_object(client_object(line)) == UpdateConfiguration()


def test_every_type_has_one_name() -> None:
    assert set(CLIENT_MESSAGES) == {
        "Terminate",
        "ForceEndpoint",
        "KeepAlive",
        "UpdateConfiguration",
    }
    assert "Warning" in SERVER_MESSAGES
    assert len(SERVER_MESSAGES) == 10


def test_turn_with_bytes_that_are_no_text_in_a_field_that_nobody_asks_for_is_refused() -> None:
    with pytest.raises(BadMessage):
        decode_server_message(
            b'{"turn_order":0,"end_of_turn":true,"transcript":"","words":[],'
            b'"odd\xff":1,"type":"Turn"}'
        )
