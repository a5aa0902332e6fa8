"""What Whisper is made of, apart from its models: features, tokens, languages, loops, times."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from transcribe_cli.emulator.engines.shared_models import SharedModels
from transcribe_cli.emulator.engines.whisper import Decoded, WhisperTranscriber
from transcribe_cli.emulator.engines.whisper_features import log_mel
from transcribe_cli.emulator.engines.whisper_language import choose_language
from transcribe_cli.emulator.engines.whisper_tokens import END, Vocabulary
from transcribe_cli.emulator.engines.word_times import within_speech
from transcribe_cli.emulator.turn_messages import HeardWord, Language

# A byte that is no printable ASCII is another character in a vocabulary: a blank is G with a dot.
TOKENS = [
    *("\u0120so", "\u0120say", ",", '\u0120"', "it", '"', "'s", "\u0120-"),
    *("\u00e8", "\u0129", "\u00aa", "\u00e3\u0122\u0124", END, "<|en|>"),
]
VOCABULARY = Vocabulary(TOKENS)


def words(*tokens: str, spaced: bool = True) -> list[str]:
    return [w.text for w in VOCABULARY.words([TOKENS.index(t) for t in tokens], spaced)]


def test_a_tone_lies_in_its_band_and_the_rest_is_eight_decades_below_at_most() -> None:
    tone = np.sin(np.arange(16000) * 2 * np.pi * 1000 / 16000).astype(np.float32)
    features = log_mel(tone, 200, 80)
    assert features.shape == (1, 80, 200)
    assert features.dtype == np.float32
    # 1 kHz is 15 mels; a band is 45.245 / 81 mels wide, so it lies between the 26th and the 27th.
    assert features[0, :, 50].argmax() in (25, 26)
    assert features.max() - features.min() == pytest.approx(2.0)
    assert features[0, :, 150].max() == features.min()  # silence follows


def test_more_bands_are_finer() -> None:
    assert log_mel(np.zeros(160, np.float32), 10, 128).shape == (1, 128, 10)


def test_words_are_set_apart_by_blanks_and_keep_their_punctuation() -> None:
    assert words("\u0120so", ",", "\u0120say", '\u0120"', "it", "'s", '"') == [
        *("so,", "say", '"it\'s"')
    ]


def test_a_mark_alone_at_the_end_belongs_to_the_word_before() -> None:
    assert words("\u0120so", "\u0120-") == ["so-"]
    assert words("\u0120-") == []


def test_without_blanks_each_character_is_a_word_of_several_tokens() -> None:
    han = ("\u00e8", "\u0129", "\u00aa")  # the bytes of one character, a token each
    stop = "\u00e3\u0122\u0124"
    assert words(*han, stop, *han, spaced=False) == ["\u81ea\u3002", "\u81ea"]


def test_half_a_character_is_no_word() -> None:
    assert words("\u0120so", "\u00e8", "\u0129") == ["so"]


@pytest.mark.parametrize(
    ("found", "last", "speech_ms", "chosen"),
    [
        ([("fr", 0.9), ("en", 0.1)], None, 500, "fr"),
        ([("de", 0.97), ("en", 0.02)], "en", 2000, "de"),
        ([("es", 0.35), ("en", 0.13)], "en", 240, "en"),
        ([("ar", 0.15), ("ru", 0.01)], "ru", 2500, "ru"),
        ([("cy", 0.95), ("en", 0.05)], None, 2000, "cy"),
        ([("cy", 0.6), ("en", 0.4)], None, 2000, "en"),
    ],
)
def test_a_language_is_chosen_by_what_was_heard_and_for_short_words_by_the_turn_before(
    found: Sequence[tuple[str, float]], last: str | None, speech_ms: int, chosen: str
) -> None:
    before = Language(last) if last else None
    assert choose_language(found, before, speech_ms) == Language(chosen, dict(found)[chosen])


def test_an_expected_language_is_likelier_and_not_the_only_one() -> None:
    unsure = [("nl", 0.5), ("de", 0.4)]
    assert choose_language(unsure, None, 2000, ["de"]).code == "de"
    assert choose_language([("nl", 0.98), ("de", 0.01)], None, 2000, ["de"]).code == "nl"
    assert choose_language(unsure, None, 2000, ["multi"]).code == "nl"


def test_times_stay_in_speech_in_order_and_in_the_audio() -> None:
    speech = [False, True, True, False, False, True, False]  # 30 ms each
    heard = [HeardWord("a", 0, 120), HeardWord("b", 100, 400), HeardWord("c", 390, 500)]
    times = [(w.start_ms, w.end_ms) for w in within_speech(heard, speech)]
    assert times == [(30, 90), (150, 180), (210, 210)]


class Model:
    """Hears the tokens it is given; remembers of how much audio, and how much it aligned."""

    vocabulary = VOCABULARY
    is_multilingual = False

    def __init__(self, *said: str) -> None:
        self.ids = [TOKENS.index(token) for token in said]
        self.encoded: list[int] = []
        self.aligned: list[int] = []

    def encode(self, samples: Any, frames: int) -> None:
        self.encoded.append(frames)

    def decode(self, encoded: None, language: str, most_tokens: int, beams: int) -> Decoded:
        return Decoded(self.ids, -0.2, 0.0)

    def words(self, encoded: None, language: str, ids: list[int], frames: int) -> list[HeardWord]:
        self.aligned.append(frames)
        return [HeardWord("so", 60, 120, 0.9)]


def transcribed(model: Model, final: bool) -> tuple[str, ...]:
    transcribe = WhisperTranscriber(SharedModels[Any](lambda: model, most=1))
    found = transcribe(np.zeros(16000, np.float32), [True] * 33, final)
    return tuple(word.text for word in found.words) if found else ()


def test_a_partial_is_of_less_audio_than_a_final_and_is_not_aligned() -> None:
    model = Model("\u0120so")
    assert transcribed(model, False) == transcribed(model, True) == ("so",)
    assert (model.encoded, model.aligned) == ([600, 800], [100])


def test_what_is_said_again_at_the_end_of_a_partial_is_left_out() -> None:
    loop = ("\u0120so", "\u0120say", "it") * 2
    assert transcribed(Model(*loop), False) == ("so", "sayit")
