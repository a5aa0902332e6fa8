"""Turns as each family of models writes them, from made-up hypotheses."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from transcribe_cli.emulator.engine_settings import (
    MULTILINGUAL,
    EngineSettings,
    Readings,
    engine_settings_of,
)
from transcribe_cli.emulator.turn_messages import HeardWord, Language, TurnBuilder
from transcribe_cli.protocol.messages import ServerMessage, SpeechStarted, Turn
from transcribe_cli.protocol.models import Family

STEP_MS = 120


def settings(model: str, **parameters: object) -> EngineSettings:
    return engine_settings_of({"speech_model": model} | parameters)


def heard(text: str, start_ms: int = 1000, confidence: float | None = None) -> list[HeardWord]:
    """Words of 300 ms each, one after another."""
    return [
        HeardWord(word, start_ms + 300 * i, start_ms + 300 * (i + 1), confidence)
        for i, word in enumerate(text.split())
    ]


def grow(builder: TurnBuilder, text: str) -> list[ServerMessage]:
    """Hear a text word by word, three hypotheses for each word."""
    words = heard(text)
    messages: list[ServerMessage] = []
    for count in range(1, len(words) + 1):
        for step in range(3):
            messages += builder.hypothesis(words[:count], words[count - 1].end_ms + step * STEP_MS)
    return messages


def turns(messages: list[ServerMessage]) -> list[Turn]:
    return [message for message in messages if isinstance(message, Turn)]


def test_universal_streaming_words_become_final_one_by_one() -> None:
    builder = TurnBuilder(settings("universal-streaming-english"))
    partials = turns(grow(builder, "my name is sonny and i am a voice agent and i live in here"))
    last = partials[-1]
    finals = [word.text for word in last.words if word.word_is_final]
    assert 0 < len(finals) < len(last.words)
    assert last.transcript == " ".join(finals)
    assert [w.word_is_final for w in last.words] == sorted(
        (w.word_is_final for w in last.words), reverse=True
    )
    assert not last.end_of_turn and not last.turn_is_formatted and last.utterance == ""


def test_what_may_come_out_differently_is_not_final_however_often_it_came() -> None:
    builder = TurnBuilder(settings("universal-streaming-english"))
    words = heard("it was the age of wisdom")
    for step in range(9):
        builder.hypothesis(words, 9000 + step * STEP_MS, settled=2)
    (final,) = turns(builder.end(heard("it was in the age of wisdom", 1000)))
    assert final.transcript == "it was in the age of wisdom"


def test_raw_final_carries_the_formatted_utterance() -> None:
    builder = TurnBuilder(settings("universal-streaming-english"))
    (final,) = turns(builder.end(heard("i think i'm fine", confidence=0.5)))
    assert final.transcript == "i think i'm fine"
    assert final.utterance == "I think I'm fine."
    assert final.end_of_turn and not final.turn_is_formatted
    assert all(word.word_is_final and word.confidence == 0.5 for word in final.words)


def test_what_was_said_up_to_a_short_pause_is_an_utterance_before_the_turn_ends() -> None:
    for asked, readings in ((False, Readings()), (True, Readings("one"))):
        patient = engine_settings_of(
            {
                "speech_model": "universal-streaming-english",
                "format_turns": asked,
                "min_turn_silence": 800,
            },
            readings,
        )
        builder = TurnBuilder(patient)
        first, more = heard("i see"), [*heard("i see"), *heard("go on", 2000)]
        steps = [(first, 60), (first, 180), (first, 300), (more, 0), (more, 180), (more, 420)]
        partials = turns([m for words, ms in steps for m in builder.hypothesis(words, 3000, ms)])
        assert [turn.utterance for turn in partials] == ["", "I see.", "", "go on."]
        (final,) = turns(builder.end(more, silence_ms=800))
        assert (final.transcript.lower().rstrip("."), final.utterance) == ("i see go on", "")
        (later,) = turns(builder.end(heard("yes")))
        assert later.utterance == "Yes."


def test_a_pause_that_ends_the_turn_has_its_utterance_there() -> None:
    for model in ("universal-streaming-multilingual", "whisper-rt", "u3-rt-pro"):
        builder = TurnBuilder(settings(model, min_turn_silence=100, max_turn_silence=100))
        partials = turns(builder.hypothesis(heard("i see"), 2000, 180))
        (final,) = turns(builder.end(heard("i see")))
        assert ({turn.utterance for turn in partials}, final.utterance) == ({""}, "I see.")


def test_a_script_without_blanks_is_written_without_and_has_its_own_full_stop() -> None:
    builder = TurnBuilder(settings("whisper-rt", format_turns=True), written=True)
    (final,) = turns(builder.end(heard("\u624e \u81ea\u5df1 \u7684 \u811a")))
    assert final.transcript == "\u624e\u81ea\u5df1\u7684\u811a\u3002"
    assert [word.text for word in final.words][-2:] == ["\u7684", "\u811a\u3002"]


def test_format_turns_sends_a_second_formatted_final_with_the_same_turn_order() -> None:
    builder = TurnBuilder(settings("universal-streaming-english", format_turns=True))
    raw, formatted = turns(builder.end(heard("my name is sonny", confidence=1.0)))
    assert (raw.turn_order, raw.turn_is_formatted, raw.transcript) == (0, False, "my name is sonny")
    assert (formatted.turn_order, formatted.turn_is_formatted) == (0, True)
    assert formatted.transcript == "My name is sonny." and formatted.utterance == ""
    assert [(w.start, w.end) for w in raw.words] == [(w.start, w.end) for w in formatted.words]
    assert turns(builder.end(heard("next")))[0].turn_order == 1


def test_formatting_inside_the_model_flags_every_message_and_sends_one_final() -> None:
    one = engine_settings_of(
        {"speech_model": "universal-streaming-english", "format_turns": True}, Readings("one")
    )
    builder = TurnBuilder(one)
    partials = turns(grow(builder, "i am a voice agent"))
    finals = turns(builder.end(heard("i am a voice agent")))
    assert all(turn.turn_is_formatted for turn in partials)
    assert partials[-1].words[0].text == "I"
    assert [turn.transcript for turn in finals] == ["I am a voice agent."]


def test_multilingual_text_is_always_formatted_and_flagged_where_that_was_asked_for() -> None:
    for asked, readings in ((True, Readings()), (False, Readings(multilingual_flag=False))):
        settings = engine_settings_of(
            {"speech_model": MULTILINGUAL, "format_turns": True}, readings
        )
        (final,) = turns(TurnBuilder(settings).end(heard("good morning")))
        assert (final.transcript, final.turn_is_formatted) == ("Good morning.", asked)


def test_multilingual_finals_are_not_flagged_unasked() -> None:
    builder = TurnBuilder(settings("universal-streaming-multilingual", language_detection=True))
    (final,) = turns(builder.end(heard("good morning", confidence=0.75)))
    assert final.transcript == "Good morning." and not final.turn_is_formatted
    assert (final.language_code, final.language_confidence) == ("en", 0.75)


def test_whisper_sends_raw_text_zero_confidences_and_a_formatted_utterance() -> None:
    builder = TurnBuilder(settings("whisper-rt", language_detection=True))
    partials = turns(grow(builder, "good morning"))
    (final,) = turns(builder.end(heard("good morning", confidence=0.5)))
    assert final.transcript == "good morning" and final.utterance == "Good morning."
    assert final.end_of_turn_confidence == 1 and not final.turn_is_formatted
    assert {word.confidence for turn in [*partials, final] for word in turn.words} == {0.0}
    assert final.language_code == "en" and final.language_confidence == 0.5
    assert all(turn.language_code is None for turn in partials)


def test_whisper_with_format_turns_flags_its_formatted_final() -> None:
    builder = TurnBuilder(settings("whisper-rt", format_turns=True))
    (final,) = turns(builder.end(heard("good morning")))
    assert final.transcript == "Good morning." and final.turn_is_formatted


def test_pro_announces_speech_once_before_the_first_turn() -> None:
    builder = TurnBuilder(settings("u3-rt-pro"))
    messages = [*grow(builder, "my name is sonny"), *builder.end(heard("my name is sonny"))]
    assert [type(message) for message in messages].count(SpeechStarted) == 1
    assert isinstance(messages[0], SpeechStarted) and messages[0].timestamp == 1000
    *partials, final = turns(messages)
    assert partials and not any(w.word_is_final for turn in partials for w in turn.words)
    assert final.turn_is_formatted and final.utterance == final.transcript == "My name is sonny."
    assert final.end_of_turn_confidence == 1


def test_a_pro_turn_that_is_held_becomes_surer_of_its_end() -> None:
    builder = TurnBuilder(settings("universal-3-5-pro", min_turn_silence=100, max_turn_silence=900))
    words = heard("my name is")
    told = [builder.hypothesis(words, 2000 + ms, silence_ms=ms) for ms in range(0, 900, 50)]
    held = [turn for messages in told for turn in turns(messages)]
    (final,) = turns(builder.end(words))
    assert [turn.end_of_turn_confidence for turn in [*held, final]] == [0, 0.4, 0.75, 1]
    assert {turn.transcript for turn in held} == {"My name is"}


def test_pro_partials_are_flagged_as_seen_live_and_as_documented_for_u3_rt_pro() -> None:
    def flag(model: str, readings: Readings) -> bool:
        settings = engine_settings_of({"speech_model": model}, readings)
        (partial,) = turns(TurnBuilder(settings).hypothesis(heard("my"), 2000))
        return partial.turn_is_formatted

    assert flag("universal-3-5-pro", Readings()) and not flag("u3-rt-pro", Readings())
    assert flag("u3-rt-pro", Readings(formatted_partials=True))
    assert not flag("universal-3-6-pro", Readings(formatted_partials=False))


def test_a_turn_without_words_is_no_turn() -> None:
    builder = TurnBuilder(settings("u3-rt-pro"))
    assert builder.hypothesis([], 500) == [] and builder.end([]) == []
    assert turns(builder.end(heard("hello")))[0].turn_order == 0


def test_words_that_were_shown_and_then_lost_end_in_an_empty_final() -> None:
    builder = TurnBuilder(settings("u3-rt-pro"))
    _, partial = builder.hypothesis(heard("the"), 2000)
    (final,) = turns(builder.end([]))
    assert isinstance(partial, Turn) and partial.transcript == "The"
    assert final.end_of_turn and final.turn_order == 0 and final.transcript == ""
    assert turns(builder.end(heard("hello")))[0].turn_order == 1


def test_only_universal_streaming_ends_with_an_empty_final() -> None:
    (empty,) = turns(TurnBuilder(settings("universal-streaming-english")).flush(400))
    assert empty.end_of_turn and empty.words == [] and empty.transcript == ""
    assert TurnBuilder(settings("u3-rt-pro")).flush() == []
    assert TurnBuilder(settings("whisper-rt")).flush() == []


def test_without_partial_turns_only_finals_come() -> None:
    builder = TurnBuilder(settings("u3-rt-pro", include_partial_turns=False))
    assert grow(builder, "my name is sonny") == []
    assert len(builder.end(heard("my name is sonny"))) == 2


def test_a_steady_turn_ends_at_the_short_silence_and_any_turn_at_the_long_one() -> None:
    builder = TurnBuilder(settings("universal-streaming-english"))
    grow(builder, "my name is sonny")
    assert not builder.is_over(silence_ms=390, turn_ms=5000)
    assert builder.is_over(silence_ms=400, turn_ms=5000)
    builder.settings = replace(builder.settings, end_of_turn_confidence=1.0)
    assert not builder.is_over(silence_ms=1270, turn_ms=5000)
    assert builder.is_over(silence_ms=1280, turn_ms=5000)


def test_an_unsteady_hypothesis_keeps_the_turn_open() -> None:
    builder = TurnBuilder(settings("universal-streaming-english"))
    for text in ("my", "my name", "my name is"):
        builder.hypothesis(heard(text), 3000)
    assert not builder.is_over(silence_ms=420, turn_ms=3000)


def test_a_turn_is_cut_after_a_minute() -> None:
    builder = TurnBuilder(settings("u3-rt-pro"))
    assert not builder.is_over(silence_ms=0, turn_ms=59_990)
    assert builder.is_over(silence_ms=0, turn_ms=60_000)


TEXTS = st.lists(st.sampled_from("my name is sonny and i am here".split()), max_size=12)


@given(
    st.sampled_from(Family),
    st.booleans(),
    st.lists(st.tuples(TEXTS, st.booleans()), min_size=1, max_size=30),
)
def test_any_hypotheses_make_well_formed_turns(
    family: Family, format_turns: bool, journal: list[tuple[list[str], bool]]
) -> None:
    """Final words never change, orders go up by one, and each turn ends once (twice formatted)."""
    model = {
        Family.UNIVERSAL_STREAMING: "universal-streaming-english",
        Family.WHISPER: "whisper-rt",
        Family.PRO: "u3-rt-pro",
    }[family]
    builder = TurnBuilder(settings(model, format_turns=format_turns))
    messages: list[ServerMessage] = []
    now_ms = 3000
    for texts, ends in journal:
        for _ in range(4):
            now_ms += STEP_MS
            messages += builder.hypothesis(heard(" ".join(texts), 1000), now_ms)
        if ends:
            messages += builder.end(heard(" ".join(texts), 1000, 1.0))
    made = turns(messages)
    second = family is Family.UNIVERSAL_STREAMING and format_turns
    raw = [turn for turn in made if not (second and turn.turn_is_formatted)]
    for before, after in pairwise(raw):
        assert after.turn_order == before.turn_order + before.end_of_turn
        if after.turn_order == before.turn_order:
            fixed = [w for w in before.words if w.word_is_final]
            assert after.words[: len(fixed)] == fixed
    for turn in made:
        assert 0 <= turn.end_of_turn_confidence <= 1
        assert all(isinstance(t, int) for w in turn.words for t in (w.start, w.end))
        assert all(a.end <= b.start for a, b in pairwise(turn.words))
        if turn.end_of_turn:
            assert all(word.word_is_final for word in turn.words)
    if family is Family.PRO:
        orders = [turn.turn_order for turn in made if turn.end_of_turn]
        announced = [i for i, m in enumerate(messages) if isinstance(m, SpeechStarted)]
        assert orders == list(range(len(orders)))
        assert len(announced) == len({turn.turn_order for turn in made})
        assert all(isinstance(messages[i + 1], Turn) for i in announced)


def test_written_words_keep_their_capitals_and_a_partial_has_no_end() -> None:
    written = [
        word._replace(text=text)
        for word, text in zip(heard("a b"), ["Hello,", "Sonny."], strict=True)
    ]
    builder = TurnBuilder(settings("u3-rt-pro"), written=True)
    *_, partial = turns(builder.hypothesis(written, 2000))
    (final,) = turns(builder.end(written))
    assert partial.transcript == "Hello, Sonny"
    assert final.transcript == "Hello, Sonny."


def test_a_turn_has_the_language_that_was_heard() -> None:
    builder = TurnBuilder(settings("whisper-rt", language_detection=True))
    (final,) = turns(builder.end(heard("hallo"), 0, Language("de", 0.9)))
    assert (final.language_code, final.language_confidence) == ("de", 0.9)


def test_an_utterance_before_the_turn_ends_has_its_language() -> None:
    multilingual = {"language_detection": True, "min_turn_silence": 800}
    builder = TurnBuilder(settings("universal-streaming-multilingual", **multilingual))
    said, spanish = heard("buenos d\u00edas"), Language("es", 0.9)
    steps = [turns(builder.hypothesis(said, 2000, ms, language=spanish)) for ms in (60, 180)]
    told = [(t.utterance, t.language_code, t.language_confidence) for (t,) in steps]
    assert told == [("", None, None), ("Buenos d\u00edas.", "es", 0.9)]


def test_a_hypothesis_that_joins_words_loses_none_behind_them() -> None:
    builder = TurnBuilder(settings("universal-streaming-english"), written=True)
    grow(builder, "it is a well known fact now indeed yes")
    said = heard("it is a well-known fact now indeed yes")
    said[3:] = [
        word._replace(start_ms=word.start_ms + 300 * (number > 0), end_ms=word.end_ms + 300)
        for number, word in enumerate(said[3:])
    ]
    final = turns(builder.end(said))[-1]
    assert [word.text for word in final.words][-4:] == ["fact", "now", "indeed", "yes"]


def test_a_recogniser_says_that_it_does_not_know_who_speaks() -> None:
    for model in ("u3-rt-pro", "universal-streaming-english"):
        builder = TurnBuilder(settings(model, speaker_labels=True, format_turns=True))
        partials = turns(grow(builder, "hello there"))
        assert {turn.speaker_label for turn in partials} == {None}
        finals = turns(builder.end(heard("hello there")))
        assert {turn.speaker_label for turn in finals} == {"UNKNOWN"}
        assert {word.speaker for turn in finals for word in turn.words} == {"UNKNOWN"}
    (final,) = turns(TurnBuilder(settings("u3-rt-pro")).end(heard("hello")))
    assert final.speaker_label is None and final.words[0].speaker is None
