"""The readable text of a turn: settled words, tentative words, or a non-speech tag. Pure.

Sources: page "Whisper streaming" (a final of raw words in `transcript`, and the same formatted, or
bracketed non-speech tags, in `utterance`), page "Message sequence" (`transcript` of the
Universal-Streaming models holds the finalized words only; the rest of the turn so far is in
`words`).
"""

import re
from enum import Enum
from typing import NamedTuple

from transcribe_cli.protocol.messages import Turn

# No blanks of other widths, nor those that do not break: French, Swiss numbers, Japanese need them.
_BLANKS = re.compile(r"[ \t-\r\x1c-\x1f\x85\u2028\u2029]+")
_TAG = re.compile(r"\[([^\[\]]*)\]")  # nothing optional in it: text of any length is read once


class Utterances(Enum):
    """What the `utterance` of a raw final is to readers, by what was asked for and by the model."""

    UNREAD = "unread"  # `format_turns` is off: raw words are what was asked for
    SAME_WORDS = "same words"  # it may be a part of the turn, so it counts where its words agree
    WHOLE_TURN = "whole turn"  # it always holds the turn, and numbers may be written otherwise


class TurnText(NamedTuple):
    """The text of a turn so far.

    Attributes:
        settled: words that will not change.
        tentative: words that may still change; empty for a final.
        non_speech: the whole turn is tags such as `[Silence]` or `[Music]`.
    """

    settled: str
    tentative: str = ""
    non_speech: bool = False

    @property
    def whole(self) -> str:
        """Both parts as one line of text."""
        return f"{self.settled} {self.tentative}".strip()


def read_turn_text(turn: Turn) -> TurnText:
    """The text of a turn.

    >>> read_turn_text(Turn(transcript=" silence", utterance="[ Silence]", end_of_turn=True))
    TurnText(settled='[Silence]', tentative='', non_speech=True)
    """
    tags = non_speech_tags(turn.utterance) or non_speech_tags(turn.transcript)
    if tags:
        return TurnText(" ".join(f"[{tag}]" for tag in tags), non_speech=True)
    transcript = single_blanks(turn.transcript)
    if turn.end_of_turn:
        return TurnText(transcript or single_blanks(turn.utterance))
    return _split_partial(turn, transcript)


def formatted_utterance(turn: Turn, utterances: Utterances) -> str:
    """The words of a raw final as its `utterance` has them formatted; "" where it does not.

    >>> turn = Turn(transcript="buenos días", utterance="Buenos días.", end_of_turn=True)
    >>> formatted_utterance(turn, Utterances.SAME_WORDS)
    'Buenos días.'
    """
    if utterances is Utterances.UNREAD or not turn.end_of_turn or turn.turn_is_formatted:
        return ""
    raw, formatted = single_blanks(turn.transcript), single_blanks(turn.utterance)
    if not raw or raw == formatted or non_speech_tags(formatted):
        return ""
    whole = utterances is Utterances.WHOLE_TURN or _letters(raw) == _letters(formatted)
    return formatted if whole else ""


def single_blanks(text: str) -> str:
    """The text as one line, with one blank for each run of blanks and line breaks.

    Those of other widths, and those that do not break, are kept between words.

    >>> single_blanks(" one\\n two  "), single_blanks("10\\u202f000\\u00a0€")
    ('one two', '10\\u202f000\\xa0€')
    """
    return _BLANKS.sub(" ", text).strip()


def non_speech_tags(text: str) -> list[str]:
    """The tags of a text that is only bracketed tags; empty for any other text.

    >>> non_speech_tags("[ Silence] [Música]"), non_speech_tags("[Music] hello")
    (['Silence', 'Música'], [])
    """
    if "[" not in text or _TAG.sub("", text).strip():
        return []
    return [tag for found in _TAG.findall(text) if (tag := found.strip())]


def _split_partial(turn: Turn, transcript: str) -> TurnText:
    settled_words = [word.text for word in turn.words if word.word_is_final]
    open_words = [word.text for word in turn.words if not word.word_is_final]
    if not turn.words:
        return TurnText("", transcript)
    # Compared without blanks: `transcript` has the spacing of the language, words have none.
    said = _squash(transcript)
    if said == _squash("".join(settled_words)):
        return TurnText(transcript, " ".join(text for text in open_words if text))
    if said == _squash("".join(settled_words + open_words)):
        cut = _position_after(transcript, len(_squash("".join(settled_words))))
        return TurnText(transcript[:cut].strip(), transcript[cut:].strip())
    # Text and words disagree (formatting by the service). The text counts, unless it is empty.
    return TurnText("", transcript or " ".join(text for text in open_words if text))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _squash(text: str) -> str:
    return "".join(text.split())


def _position_after(text: str, letters: int) -> int:
    """The index in `text` after so many non-blank characters."""
    for index, character in enumerate(text):
        if letters == 0:
            return index
        if not character.isspace():
            letters -= 1
    return len(text)
