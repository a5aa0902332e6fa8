"""When words were spoken, against a voice of Festival (kal_diphone) whose times are known."""

import wave
from itertools import pairwise
from statistics import median

import pytest

from tests.emulator.protocol_client import REPOSITORY
from transcribe_cli.emulator.engines.voice_activity import make_voice_activity
from transcribe_cli.emulator.engines.word_times import WordAligner, estimate_words
from transcribe_cli.emulator.turn_messages import HeardWord

SAID = "The quick brown fox jumps over the lazy dog."
STARTS_MS = (720, 801, 1093, 1500, 2252, 2632, 2893, 2971, 3377)


@pytest.fixture(scope="module")
def fox() -> tuple[bytes, list[bool]]:
    """The sentence, and which of its frames are speech."""
    with wave.open(str(REPOSITORY / "tests" / "data" / "speech" / "fox.wav")) as file:
        pcm = file.readframes(file.getnframes())
    detector = make_voice_activity()
    frames = range(0, len(pcm) - 959, 960)
    return pcm, [detector.is_speech(pcm[at : at + 960]) for at in frames]


def errors_ms(words: list[HeardWord]) -> list[int]:
    return [abs(word.start_ms - start) for word, start in zip(words, STARTS_MS, strict=True)]


def test_words_are_found_where_they_are_spoken(fox: tuple[bytes, list[bool]]) -> None:
    pytest.importorskip("pocketsphinx")
    words = list(WordAligner().words(SAID.split(), fox[0]) or ())
    assert [word.text for word in words] == SAID.split()
    assert median(errors_ms(words)) < 30
    assert max(errors_ms(words)) < 80


def test_without_pocketsphinx_they_are_laid_over_the_speech(
    fox: tuple[bytes, list[bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert WordAligner().words(SAID.split(), fox[0]) is None
    words = estimate_words(SAID.split(), fox[1])
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(words))
    assert median(errors_ms(words)) < 160


@pytest.mark.parametrize(
    "said",
    [
        "The quick brown fax zyxomma - the lazy 10%",  # unknown words, a dash, digits
        "\u2014 The quick brown fox \u00e9\u00e9 jumps over",
        "the " * 80,  # more words than there is time for
        "... - \u2026",
    ],
)
def test_times_never_run_backwards_or_past_the_sound(
    fox: tuple[bytes, list[bool]], said: str
) -> None:
    pcm, speech = fox
    words = WordAligner().words(said.split(), pcm) or estimate_words(said.split(), speech)
    assert [word.text for word in words] == said.split()
    times = [ms for word in words for ms in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert times[0] >= 0 and times[-1] <= len(pcm) // 32
