"""Random turns, as a service might send them and as it should not."""

from itertools import accumulate

from hypothesis import strategies as st

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.transcript.turns import TurnUpdate

_ENGLISH = "I a the and of to because we where people, town. remember history? Yes. extraordinarily"
_OTHERS = (
    "días, ¿qué? über früher; voilà… क्या नमस्ते। привет, שלום مرحبا 안녕하세요 여러분. 👍 cafe\u0301"
)
_WITHOUT_BLANKS = "今天天气很好，我们去公园。 それはいいですね。 ภาษาไทยเป็นภาษาที่สวย"  # noqa: RUF001
_LONG = ["a" * 50, "https://example.com/" + "path/" * 20, "今" * 100]

_words = st.sampled_from(_ENGLISH.split() * 3 + _OTHERS.split() + _WITHOUT_BLANKS.split() + _LONG)
_speakers = st.sampled_from([None, "A", "B", "Dr. Müller", "UNKNOWN"])


def texts() -> st.SearchStrategy[str]:
    """Words of all scripts in a row."""
    return st.lists(_words, max_size=60).map(" ".join)


def squashed(text: str) -> str:
    """Text without blanks."""
    return "".join(text.split())


def turn(
    words: list[Word], number: int = 0, text: str | None = None, speaker: str | None = None
) -> TurnUpdate:
    """A final turn of these words; `text` where its transcript is another."""
    said = " ".join(word.text for word in words) if text is None else text
    message = Turn(
        turn_order=number, end_of_turn=True, transcript=said, words=words, speaker_label=speaker
    )
    start_ms = words[0].start if words else 0
    end_ms = max(words[-1].end, start_ms) if words else start_ms
    return TurnUpdate(0, 0, number, True, False, start_ms, end_ms, Decoded(message, {}))


@st.composite
def clear_speech(draw: st.DrawFn) -> list[TurnUpdate]:
    """Turns of words one after another, each as long as people take, with pauses of any length."""
    turns = []
    now = draw(st.integers(0, 5000))
    for number in range(draw(st.integers(0, 6))):
        words = []
        for text in draw(st.lists(_words, min_size=1, max_size=40)):
            length = draw(st.integers(80, 700)) + 30 * max(0, len(text) - 20)
            words.append(Word(now, now + length, text, 0.9, True))
            now += length + draw(st.sampled_from([0, 0, 0, 30, 80, 400, 1900, 2100, 8000]))
        turns.append(turn(words, number, speaker=draw(_speakers)))
        now += draw(st.sampled_from([0, 100, 1000, 20_000]))
    return turns


@st.composite
def any_speech(draw: st.DrawFn) -> list[TurnUpdate]:
    """Turns whose times overlap, go back, stand still, are missing or lie far off."""
    turns = []
    count = draw(st.integers(0, 6))
    starts = accumulate(draw(st.lists(st.integers(-3000, 9000), min_size=count, max_size=count)))
    for number, start in enumerate(starts):
        now = max(0, start)
        words = []
        for text in draw(st.lists(_words, max_size=40)):
            length = draw(st.sampled_from([0, 0, 50, 300, 12_000, -200]))
            words.append(Word(now, max(0, now + length), text, 0.9, True, speaker=draw(_speakers)))
            now = max(0, now + draw(st.sampled_from([0, 40, 300, 9000, -2000])))
        text = " ".join(word.text for word in words)
        if draw(st.booleans()):
            words = words[: draw(st.integers(0, len(words)))]
        if draw(st.booleans()):
            text = text.replace("a", "b")
        turns.append(turn(words, number, text, draw(_speakers)))
    return turns
