"""Renders a turn as styled text: time, speaker, words, how sure the service is. Pure.

Nothing is told by colour alone, and only the terminal's own 16 colours are used, so that light and
dark backgrounds, `NO_COLOR` and screen readers all get the same information. Text of the service
goes into `Text` objects and never through markup, since a transcript may hold `[Music]`.
"""

from zlib import crc32

from rich.style import Style
from rich.text import Text

from transcribe_cli.protocol.languages import WHISPER_LANGUAGES
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.settings.option_types import NonSpeech
from transcribe_cli.transcript.recording_clock import format_time
from transcribe_cli.transcript.turn_text import TurnText, read_turn_text
from transcribe_cli.transcript.turns import TurnUpdate
from transcribe_cli.ui.safe_text import safe_text
from transcribe_cli.ui.text_wrapping import cut_end, ellipsis

UNSURE_BELOW = 0.5
"""A word with less confidence than this is marked as unsure."""

MOST_MARKED = 2000
"""In a turn of more words (ten minutes of fast speech) no word is marked as unsure."""

UNSURE_LANGUAGE_BELOW = 0.5
"""A language with less confidence than this gets a `?` and is not announced."""

NO_BREAK = "\N{NO-BREAK SPACE}"

NARROW = 32
"""Windows of fewer columns have no gutter: the time stands right before the first word."""

DIM = Style(dim=True)
UNSURE = Style(color="magenta", underline=True)  # yellow is hard to read on white
# No yellow and no red, which mean trouble; without colour the label tells speakers apart.
SPEAKERS = tuple(
    Style(color=name, bold=bold)
    for bold in (True, False)
    for name in ("cyan", "magenta", "green", "blue")
)


_FIRST_WORDS = 28  # cells by which a turn is named
_LONGEST_START = 1000  # characters in which they are
_STEP = 1000  # characters
_FORMATTING_SLACK = 40  # characters by which formatted text may run ahead of the words
_FIRST_EAST_ASIAN = "\u2e80"  # from here on, words are not set apart by blanks


def gutter(start_ms: int, columns: int) -> str:
    """The turn's time, as it stands before the words; aligned unless the window is narrow.

    >>> gutter(4_000, 80), gutter(3_600_000, 80), gutter(4_000, 20)
    ('  0:04  ', '1:00:00 ', '0:04 ')
    """
    time = format_time(start_ms)
    return f"{time} " if columns < NARROW else f"{time:>6}".ljust(7) + " "


def hanging_indent(start_ms: int, columns: int) -> int:
    """The indent of a turn's second and later lines, in cells."""
    return 2 if columns < NARROW else len(gutter(start_ms, columns))


def final_line(
    update: TurnUpdate,
    *,
    columns: int = 80,
    non_speech: NonSpeech = NonSpeech.DIM,
    confidences: bool = True,
) -> Text | None:
    """A final turn as one unwrapped line; None when there is nothing to show.

    Args:
        columns: the width of the window.
        confidences: mark the words that the service is unsure of.
    """
    said, words = read_turn_text(update.message), update.message.words
    return _settled_line(update, said, words, columns, non_speech, confidences)


def _settled_line(
    update: TurnUpdate,
    said: TurnText,
    words: list[Word],
    columns: int,
    non_speech: NonSpeech,
    confidences: bool,
) -> Text | None:
    if not said.whole or (said.non_speech and non_speech is NonSpeech.HIDE):
        return None
    line = _opening(update, columns)
    aside = said.non_speech and non_speech is NonSpeech.DIM
    start = len(line)
    text = safe_text(said.whole)
    line.append(text, DIM if aside else None)
    if confidences and not said.non_speech and len(words) <= MOST_MARKED:
        for first, last in unsure_spans(text, words):
            line.stylize(UNSURE, start + first, start + last)
    tag = language_tag(update.message)
    if tag and not aside:
        line.append(f"  {tag}", DIM)
    return line


def partial_line(
    update: TurnUpdate,
    *,
    columns: int = 80,
    non_speech: NonSpeech = NonSpeech.DIM,
    confidences: bool = True,
    most: int | None = None,
) -> Text | None:
    """An open turn, or one that is held for its formatted version, as one unwrapped line.

    `most`: characters to show; of a longer turn the newest are shown.
    """
    said, words = read_turn_text(update.message), update.message.words
    if most is not None and len(said.whole) > most:
        said, words = _newest(said, words, most)
    if update.held or update.final:
        return _settled_line(update, said, words, columns, non_speech, confidences)
    if not said.whole or (said.non_speech and non_speech is NonSpeech.HIDE):
        return None
    line = _opening(update, columns)
    if said.non_speech:
        line.append(safe_text(said.whole), DIM if non_speech is NonSpeech.DIM else None)
        return line
    start, settled = len(line), safe_text(said.settled)
    line.append(settled)
    if confidences and settled and len(words) <= MOST_MARKED:
        settled_words = [word for word in words if word.word_is_final]
        for first, last in unsure_spans(settled, settled_words):
            line.stylize(UNSURE, start + first, start + last)
    if said.settled and said.tentative:
        line.append(" ")
    return line.append(safe_text(said.tentative), DIM)


def _newest(said: TurnText, words: list[Word], most: int) -> tuple[TurnText, list[Word]]:
    """The end of a long text, and the words that it may hold.

    Text is left out in steps of `_STEP` characters, so that the rest mostly stays in place.
    """
    left_out = -(-(len(said.whole) - most) // _STEP) * _STEP
    settled = said.settled[left_out:]
    tentative = said.tentative[max(0, left_out - len(said.settled) - 1) :]
    return said._replace(settled=settled, tentative=tentative), words[-most:]


def confident_language(turn: Turn) -> str | None:
    """The language code of a turn of speech, unless none was detected or the service is unsure."""
    confidence = turn.language_confidence
    if not turn.language_code or read_turn_text(turn).non_speech:
        return None
    if confidence is not None and confidence < UNSURE_LANGUAGE_BELOW:
        return None
    return turn.language_code


def language_change(code: str, start_ms: int, columns: int = 80) -> Text:
    """The line that announces another language, aligned with the words of the turn after it."""
    name = WHISPER_LANGUAGES.get(code, "")
    indent = " " * hanging_indent(start_ms, columns)
    named = f"{name} ({code})" if name else safe_text(code)
    return Text(f"{indent}language: {named}", DIM)


def mark_line(at_ms: int, words: str, columns: int = 80, *, ascii_only: bool = False) -> Text:
    """The line for a bookmark or a pause at a place in the recording.

    >>> mark_line(12_000, "bookmark").plain
    '  0:12  ── bookmark ──'
    """
    rule = "--" if ascii_only else "──"
    return Text(f"{gutter(at_ms, columns)}{rule} {safe_text(words)} {rule}", DIM)


def other_message_line(text: str, columns: int = 80) -> Text:
    """What a message of the service says beside the turns, below their words.

    >>> other_message_line("Translation: Guten Tag.").plain
    '        Translation: Guten Tag.'
    """
    return Text(" " * hanging_indent(0, columns) + safe_text(text), DIM)


def revision_line(start_ms: int, words: str, speaker: str | None, before: str | None) -> Text:
    """The line that corrects the speaker of a committed turn.

    >>> revision_line(12_000, '"first words…"', "B", "A").plain
    'speaker: 0:12 "first words…" is B, not A'
    """
    said = f" {words}" if words else ""
    now = safe_text(speaker) if speaker else "nobody"
    no_more = f", not {safe_text(before)}" if before else ""
    return Text(f"speaker: {format_time(start_ms)}{said} is {now}{no_more}", DIM)


def first_words(turn: Turn, *, ascii_only: bool = False) -> str:
    """The first words of a turn in quotes, to find it by; "" when it has no words."""
    said = safe_text(read_turn_text(turn).whole[:_LONGEST_START])
    mark = ellipsis(ascii_only)
    short = cut_end(said, _FIRST_WORDS, mark)
    if short != said:
        whole_words = short.removesuffix(mark).rpartition(" ")[0]
        short = (whole_words or short.removesuffix(mark)) + mark
    return f'"{short}"' if said else ""


def language_tag(turn: Turn) -> str:
    """A turn's language such as `es 85%`, or `es 41%?` when the service is unsure; "" without one.

    The two parts are joined by a no-break space, so that they stay on one line.
    """
    if not turn.language_code:
        return ""
    code = safe_text(turn.language_code)
    if turn.language_confidence is None:
        return code
    unsure = "?" if turn.language_confidence < UNSURE_LANGUAGE_BELOW else ""
    return f"{code}{NO_BREAK}{turn.language_confidence:.0%}{unsure}"


def speaker_style(label: str) -> Style:
    """The colour of a speaker: the same for the same label, different for neighbouring letters."""
    key = ord(label) - ord("A") if len(label) == 1 else crc32(label.encode("utf-8", "replace"))
    return SPEAKERS[key % len(SPEAKERS)]


def unsure_spans(text: str, words: list[Word]) -> list[tuple[int, int]]:
    """The (start, end) indexes in the text of the words that the service is unsure of.

    Empty when the model gives no confidences: then every word has 0.
    """
    if not any(word.confidence for word in words):
        return []
    lowered = text.lower()
    if len(lowered) != len(text):  # a rare letter grows when lowered: indexes would be off
        lowered = text
    spans: list[tuple[int, int]] = []
    position = 0
    for word in words:
        wanted = safe_text(word.text).lower().strip()
        start = _find_word(lowered, wanted, position)
        if start is None:
            continue
        position = start + len(wanted)
        if word.confidence < UNSURE_BELOW:
            spans.append((start, position))
    return spans


def _find_word(text: str, word: str, position: int) -> int | None:
    """The index of a whole word shortly after `position`; None when it is not found.

    Words in between that formatting has changed are skipped.
    """
    if not word:
        return None
    start = text.find(word, position, position + _FORMATTING_SLACK + len(word))
    while start >= 0:
        end = start + len(word)
        follows = start == position > 0  # as in scripts without blanks
        if follows or not (_one_word(text, start) or _one_word(text, end)):
            return start
        start = text.find(word, start + 1, position + _FORMATTING_SLACK + len(word))
    return None


def _one_word(text: str, index: int) -> bool:
    """Whether the characters on both sides of an index belong to one word."""
    if not 0 < index < len(text):
        return False
    before, after = text[index - 1], text[index]
    return before.isalnum() and after.isalnum() and max(before, after) < _FIRST_EAST_ASIAN


def _opening(update: TurnUpdate, columns: int) -> Text:
    line = Text().append(gutter(update.start_ms, columns), DIM)
    speaker = update.message.speaker_label
    if speaker:
        label = safe_text(speaker)
        line.append(f"{label}:", speaker_style(label)).append(" ")
    return line
