"""What messages that are no turns say to people."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recorded_messages import read_trace
from transcribe_cli.protocol.codec import read_server_object
from transcribe_cli.transcript.other_messages import MOST_CHARACTERS, other_message_text


def told(raw: dict[str, Any]) -> str | None:
    return other_message_text(read_server_object(raw).message, raw)


def test_a_language_model_s_answer_without_the_turn_that_it_answers() -> None:
    texts = [told(msgspec.json.decode(line)) for line in read_trace("extras")]
    assert [text for text in texts if text] == ["answer: Hello! How can I help?"]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (
            {"type": "Translation", "turn_order": 0, "translated_text": "Hola"},
            "Translation: Hola",
        ),
        ({"type": "New", "data": [{"a": 1}, {"text": "Deep."}]}, "New: Deep."),
        ({"type": "New", "level": 3, "de": "Tag"}, 'New: {"level":3,"de":"Tag"}'),
        (
            {"type": "New", "n": list(range(50))},
            'New: {"n":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,...',
        ),
        ({"type": "New", "text": "x" * 5000}, "New: " + "x" * (MOST_CHARACTERS - 5) + "..."),
        ({"type": "", "text": "odd"}, "message: odd"),
        ({"type": "LLMGatewayResponse", "transcript": "Hi.", "data": None}, "answer: null"),
        ({"type": "LLMGatewayResponse", "text": "Hallo."}, "answer: Hallo."),
    ],
)
def test_the_most_telling_field_or_else_all_of_it(raw: dict[str, Any], text: str) -> None:
    assert told(raw) == text


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "Heartbeat", "text": "no"},
        {"type": "Silence", "start_ms": 1, "end_ms": 2},
        {"type": "SpeechStarted", "timestamp": 1},
        {"type": "Warning", "warning": "slow audio"},
    ],
)
def test_messages_that_the_table_knows_are_shown_otherwise(raw: dict[str, Any]) -> None:
    assert told(raw) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["data", "text", "content", "x"]), JSON))
def test_whatever_it_holds_it_is_one_text_of_bounded_length(fields: dict[str, Any]) -> None:
    for name in ("LLMGatewayResponse", "Translation"):
        text = told({"type": name} | fields)
        assert text and len(text) <= MOST_CHARACTERS + 3
