"""The counting engine: every word at its very sample, whatever the chunks, the rate, the cuts."""

import json
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.counting import RATE, speak, true_times
from tests.emulator.protocol_client import session, silence, talk
from tests.program import DEADLINE_S
from transcribe_cli.emulator.actions import Send
from transcribe_cli.emulator.engine_settings import (
    NEVER_MS,
    EngineSettings,
    engine_settings_of,
    updated,
)
from transcribe_cli.emulator.engines.counting import CountedWord, CountingEngine, WordCounter
from transcribe_cli.protocol.messages import UpdateConfiguration
from transcribe_cli.protocol.models import Family

MANUAL_MODE = {"speech_model": "u3-rt-pro", "mode": "manual"}


def hear_all(engine: CountingEngine, audio: bytes, chunk: int = 1600) -> list[dict[str, Any]]:
    """Every message about some audio, sent in chunks, and after its end."""
    sent: list[Send] = []
    for at in range(0, len(audio), chunk):
        sent += engine.hear(audio[at : at + chunk])
    sent += engine.finish()
    return [json.loads(send.text) for send in sent]


def finals(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [m for m in messages if m["type"] == "Turn" and m["end_of_turn"]]


@given(
    chunks=st.lists(st.integers(1, 5000), min_size=1, max_size=20),
    words=st.integers(1, 30),
    first=st.integers(1, 32000),
)
def test_words_and_times_do_not_depend_on_the_chunks(
    chunks: list[int], words: int, first: int
) -> None:
    audio = speak(words, first=first)
    counter = WordCounter(RATE)
    found: list[CountedWord] = []
    at = number = 0
    while at < len(audio):
        step = chunks[number % len(chunks)]
        found += counter.hear(audio[at : at + step])
        at, number = at + step, number + 1
    times = (true_times(n) for n in range(1, words + 1))
    assert found == [
        CountedWord(first + n, start * RATE // 1000, end * RATE // 1000)
        for n, (start, end) in enumerate(times)
    ]


@given(cut=st.integers(0, 960))
def test_of_a_word_that_is_cut_one_side_at_most_is_heard(cut: int) -> None:
    audio = speak(1, first=7)
    before, after = WordCounter(RATE), WordCounter(RATE)
    before.hear(audio[: 2 * cut])
    heard = [before.growing(), *after.hear(audio[2 * cut :])]
    assert [word.number for word in heard if word] == ([7] if cut != 480 else [])


def test_words_of_the_same_bytes_are_told_apart() -> None:
    counter = WordCounter(RATE)
    heard = counter.hear(b"\2\1" * 960 + b"\1\2" * 960 + b"\0\1" * 960 + bytes(640))
    assert heard == [
        CountedWord(0x0102, 0, 960),
        CountedWord(0x0201, 960, 1920),
        CountedWord(0x0100, 1920, 2880),
    ]


def test_a_turn_ends_after_so_many_words_and_its_partials_grow() -> None:
    messages = hear_all(CountingEngine(EngineSettings(), turn_words=2), speak(3))
    told = [
        (m["transcript"], m["words"][-1]["end"], m["end_of_turn"])
        for m in messages
        if m["type"] == "Turn"
    ]
    assert told == [
        ("w1", 50, False),
        ("w1", 60, False),
        ("w1 w2", 150, False),
        ("w1 w2", 160, True),
        ("w3", 250, False),
        ("w3", 260, False),
        ("w3", 260, True),
    ]
    assert [m["timestamp"] for m in messages if m["type"] == "SpeechStarted"] == [0, 200]


def test_a_silence_ends_a_turn_and_so_does_the_client() -> None:
    engine = CountingEngine(EngineSettings(max_turn_silence_ms=300))
    assert finals(hear_all(engine, speak(2) + silence(200)))[0]["transcript"] == "w1 w2"
    engine = CountingEngine(EngineSettings(max_turn_silence_ms=300))
    sent = engine.hear(speak(2)) + engine.hear(silence(260)) + engine.hear(speak(1, first=3))
    assert [m["transcript"] for m in finals([json.loads(s.text) for s in sent])] == ["w1 w2"]
    (final,) = [json.loads(s.text) for s in engine.end_turn()]
    assert (final["transcript"], final["words"][0]["start"]) == ("w3", 460)
    assert engine.end_turn() == engine.finish() == []


def test_a_word_that_sounds_when_the_audio_ends_is_said_as_far_as_it_was_heard() -> None:
    messages = hear_all(CountingEngine(EngineSettings()), speak(2)[: 2 * (1600 + 640)])
    assert [(w["text"], w["end"]) for w in finals(messages)[0]["words"]] == [
        ("w1", 60),
        ("w2", 140),
    ]


@pytest.mark.parametrize("family", [Family.WHISPER, Family.UNIVERSAL_STREAMING])
def test_only_the_pro_models_say_that_speech_started(family: Family) -> None:
    messages = hear_all(CountingEngine(EngineSettings(family=family)), speak(1))
    assert {m["type"] for m in messages} == {"Turn"}


def told(model: str, **parameters: object) -> list[dict[str, Any]]:
    """The Turns of two words, the second one still sounding in a partial."""
    settings = engine_settings_of({"speech_model": model} | parameters)
    return [m for m in hear_all(CountingEngine(settings), speak(2)) if m["type"] == "Turn"]


def test_universal_streaming_counts_words_final_one_by_one_and_ends_with_an_empty_turn() -> None:
    turns = told("universal-streaming-english")
    growing = [
        turn for turn in turns if [w["word_is_final"] for w in turn["words"]] == [True, False]
    ]
    assert growing and {turn["transcript"] for turn in growing} == {"w1"}
    *_, final, empty = turns
    assert (final["transcript"], final["turn_is_formatted"]) == ("w1 w2", False)
    assert (empty["turn_order"], empty["transcript"], empty["words"]) == (1, "", [])


def test_universal_streaming_counts_a_formatted_final_a_second_time() -> None:
    raw, formatted, _ = finals(told("universal-streaming-english", format_turns=True))
    assert raw["turn_order"] == formatted["turn_order"] == 0
    assert (raw["turn_is_formatted"], formatted["turn_is_formatted"]) == (False, True)
    (flagged, _) = finals(told("universal-streaming-multilingual", format_turns=True))
    assert flagged["turn_is_formatted"]


def test_whisper_counts_without_confidences_and_knows_the_language() -> None:
    turns = told("whisper-rt", language_detection=True)
    assert {word["confidence"] for turn in turns for word in turn["words"]} == {0.0}
    (final,) = finals(turns)
    assert (final["turn_is_formatted"], final["language_code"]) == (False, "en")
    assert finals(told("whisper-rt", format_turns=True))[0]["turn_is_formatted"]


def test_pro_partials_have_no_final_word() -> None:
    *partials, final = told("universal-3-6-pro")
    assert not any(word["word_is_final"] for turn in partials for word in turn["words"])
    assert all(turn["turn_is_formatted"] for turn in [*partials, final])


def test_a_pro_turn_is_held_and_its_end_becomes_surer() -> None:
    engine = CountingEngine(EngineSettings(min_turn_silence_ms=100, max_turn_silence_ms=1000))
    messages = hear_all(engine, speak(1) + silence(2000))
    turns = [m for m in messages if m["type"] == "Turn"]
    assert [m["end_of_turn_confidence"] for m in turns] == [0.0, 0.0, 0.4, 0.75, 1.0]
    others = hear_all(
        CountingEngine(EngineSettings(family=Family.WHISPER, min_turn_silence_ms=100)),
        speak(1) + silence(200),
    )
    assert [m["end_of_turn_confidence"] for m in others] == [0.0, 0.0, 1.0]


SPEAKERS = {"speech_model": "u3-rt-pro", "speaker_labels": True}


def test_each_ten_thousand_numbers_are_a_speaker_s_own() -> None:
    engine = CountingEngine(engine_settings_of(SPEAKERS), turn_words=4)
    audio = speak(4) + speak(3, first=10_001) + speak(5, first=5)
    first, mixed, third = finals(hear_all(engine, audio))
    assert [turn["speaker_label"] for turn in (first, mixed, third)] == ["A", "B", "A"]
    assert [word["speaker"] for word in mixed["words"]] == ["B", "B", "B", "A"]
    plain = CountingEngine(engine_settings_of({"speech_model": "u3-rt-pro"}))
    assert "speaker_label" not in finals(hear_all(plain, audio))[0]


def test_a_speaker_who_has_said_little_is_pending_until_a_revision() -> None:
    engine = CountingEngine(engine_settings_of(SPEAKERS), turn_words=2)
    messages = hear_all(engine, speak(4, first=10_001))
    pending, certain = finals(messages)
    assert pending["speaker_label"] == pending["words"][0]["speaker"] == "PENDING"
    assert certain["speaker_label"] == "B"
    (revision,) = messages[-1]["revisions"]
    assert (revision["turn_order"], revision["speaker_label"]) == (0, "B")
    assert [word["text"] for word in revision["words"]] == ["w10001", "w10002"]


def test_speakers_are_revised_so_often_and_not_more_than_so_many() -> None:
    asked = SPEAKERS | {"max_speakers": 1, "speaker_labels_revision_interval_ms": 1}
    engine = CountingEngine(engine_settings_of(asked), turn_words=2)
    sent = engine.hear(speak(4, first=20_001))
    assert {turn["speaker_label"] for turn in finals([json.loads(s.text) for s in sent])} == {
        *("PENDING", "A")
    }
    sent = engine.hear(silence(119_000))
    assert [json.loads(s.text)["type"] for s in sent] == []
    (revised,) = engine.hear(silence(1000))
    assert json.loads(revised.text)["type"] == "SpeakerRevision" and engine.finish() == []


def test_partials_can_be_left_out() -> None:
    messages = hear_all(CountingEngine(EngineSettings(include_partial_turns=False)), speak(6))
    assert [m["end_of_turn"] for m in messages if m["type"] == "Turn"] == [True, True]


def test_numbers_go_on_to_the_last_of_sixteen_bits() -> None:
    messages = hear_all(CountingEngine(EngineSettings()), speak(3, first=65533))
    assert finals(messages)[0]["transcript"] == "w65533 w65534 w65535"


def test_other_rates_have_the_same_times() -> None:
    twice = array("H", (s for s in array("H", speak(3)) for _ in range(2))).tobytes()
    messages = hear_all(CountingEngine(EngineSettings(sample_rate_hz=2 * RATE)), twice)
    assert [w["start"] for w in finals(messages)[0]["words"]] == [0, 100, 200]


def test_mulaw_counts_in_the_numbers_that_it_has() -> None:
    coded = bytes([0xFE] * 960 + [0xFF] * 640 + [0xFD] * 960 + [0xFF] * 640)
    engine = CountingEngine(EngineSettings(encoding="pcm_mulaw"))
    assert finals(hear_all(engine, coded))[0]["transcript"] == "w8 w16"


def test_over_the_wire_words_are_exact(serve: Callable[..., str]) -> None:
    url = serve("--engine", "counting", "--turn-words", "4")
    heard = talk(url, speak(50))
    words = [word for turn in heard.finals for word in turn["words"]]
    assert [word["text"] for word in words] == [f"w{n}" for n in range(1, 51)]
    assert [(word["start"], word["end"]) for word in words] == [true_times(n) for n in range(1, 51)]
    assert [len(turn["words"]) for turn in heard.finals] == [4] * 12 + [2]
    assert heard.messages[-1]["audio_duration_seconds"] == 5 and heard.code == 1000


def test_a_client_may_end_a_turn(serve: Callable[..., str]) -> None:
    with session(serve("--engine", "counting")) as connection:
        connection.send(speak(2))
        connection.send('{"type":"ForceEndpoint"}')
        while not (message := json.loads(connection.recv(timeout=DEADLINE_S))).get("end_of_turn"):
            pass
    assert message["transcript"] == "w1 w2"


def test_in_manual_mode_a_turn_ends_when_it_is_told_to_and_no_sooner() -> None:
    engine = CountingEngine(engine_settings_of(MANUAL_MODE))
    before = engine.hear(speak(12)) + engine.hear(silence(20_000))
    ended = engine.end_turn()
    after = engine.hear(speak(3, first=13)) + engine.finish()
    assert finals([json.loads(send.text) for send in before]) == []
    texts = [m["transcript"] for m in finals([json.loads(s.text) for s in ended + after])]
    assert texts == [" ".join(f"w{n}" for n in range(1, 13)), "w13 w14 w15"]


def test_a_short_pause_ends_an_utterance_before_the_turn() -> None:
    asked = {"speech_model": "universal-streaming-english", "min_turn_silence": 1000}
    audio = speak(2) + silence(300) + speak(1, first=3) + silence(300) + speak(1, first=4)
    turns = hear_all(CountingEngine(engine_settings_of(asked)), audio)
    said = [(turn["utterance"], turn["end_of_turn"]) for turn in turns if turn["utterance"]]
    assert said == [("w1 w2", False), ("w3", False), ("w4", True)]
    assert finals(turns)[0]["transcript"] == "w1 w2 w3 w4"


def test_the_language_is_said_with_an_utterance_and_at_the_end_of_a_turn() -> None:
    asked = {"speech_model": "universal-streaming-multilingual", "language_detection": True}
    settings = engine_settings_of(asked | {"min_turn_silence": 1000})
    turns = hear_all(CountingEngine(settings), speak(2) + silence(300) + speak(1, first=3))
    said = [turn for turn in turns if turn["utterance"] or (turn["end_of_turn"] and turn["words"])]
    assert [turn["utterance"] for turn in said] == ["w1 w2", "w3"]
    assert [turn for turn in turns if "language_code" in turn] == said
    assert {(turn["language_code"], turn["language_confidence"]) for turn in said} == {("en", 0.9)}


def test_in_manual_mode_a_turn_silence_that_was_asked_for_ends_a_turn_too() -> None:
    settings = engine_settings_of(MANUAL_MODE | {"max_turn_silence": 2000})
    engine = CountingEngine(settings)
    spoken = engine.hear(speak(12)) + engine.hear(silence(1900))
    assert finals([json.loads(send.text) for send in spoken]) == []
    assert len(finals([json.loads(send.text) for send in engine.hear(silence(100))])) == 1


def test_the_mode_changes_in_mid_session_and_back() -> None:
    usual = engine_settings_of({"speech_model": "u3-rt-pro"})
    manual = updated(usual, UpdateConfiguration(mode="manual"))
    assert manual.least_turn_silence_ms == NEVER_MS
    assert updated(manual, UpdateConfiguration(mode="balanced")) == usual


def test_what_is_not_exact_is_refused_over_the_wire(serve: Callable[..., str]) -> None:
    heard = talk(serve("--engine", "counting"), encoding="ogg_opus")
    assert heard.code == 3006
    assert "counts exact samples here, and ogg_opus has none: send pcm_s16le" in str(
        heard.messages[-1]
    )
