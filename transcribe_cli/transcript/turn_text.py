"""The readable text of a turn: settled words, tentative words, or a non-speech tag. Pure.

Sources: page "Whisper streaming" (a final has raw words in `transcript`, and in `utterance` the
same words formatted, or bracketed non-speech tags), page "Message sequence" (`transcript` of the
Universal-Streaming models holds the finalized words only; the rest of the turn so far is in
`words`).
"""

import re
from enum import Enum
from typing import NamedTuple

from transcribe_cli.protocol.messages import Turn

# Only plain blanks: French, Swiss numbers and Japanese need no-break ones and other widths.
_BLANKS = re.compile(r"[ \t-\r\x1c-\x1f\x85\u2028\u2029]+")
_TAG = re.compile(r"\[([^\[\]]*)\]")  # without optional parts, so long texts are scanned once


class Utterances(Enum):
    """How to read the `utterance` of a raw final; depends on the parameters and the model."""

    UNREAD = "unread"  # ignore it: `format_turns` is off, so raw words were requested
    SAME_WORDS = "same words"  # use it if its words agree, because it may be part of the turn
    WHOLE_TURN = "whole turn"  # use it: it holds the whole turn, with numbers written differently


class TurnText(NamedTuple):
    """The text of a turn so far.

    Attributes:
        settled: words that will not change.
        tentative: words that may still change; empty for a final.
        non_speech: the whole turn consists of tags such as `[Silence]` or `[Music]`.
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
    """The formatted words of a raw final, from its `utterance`; "" if that does not have them.

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

    Blanks of other widths, and no-break blanks, are kept between words.

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
    # Compare without blanks: `transcript` has the spacing of the language, words have none.
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
    """The index in `text` after its first `letters` characters that are not blank."""
    for index, character in enumerate(text):
        if letters == 0:
            return index
        if not character.isspace():
            letters -= 1
    return len(text)
