"""Writes plain text: one line for each final turn that has words."""

from io import RawIOBase
from typing import BinaryIO

from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.output import flush_and_close
from transcribe_cli.transcript.turn_text import read_turn_text, single_blanks
from transcribe_cli.transcript.turns import TurnUpdate

_MOST_REMEMBERED = 1 << 12
# Within words of Persian and Hindi, within emoji; the direction of what is beside them.
_KEPT = "\u200c\u200d\u200e\u200f\u061c"


def text_lines(update: TurnUpdate, *, non_speech: bool) -> list[str]:
    """The line of a turn, without a line feed, of a call those of its parts; none without words.

    `non_speech`: keep turns that are only tags such as `[Silence]`.
    """
    lines = (_line(part, non_speech) for part in update.parts())
    return [line for line in lines if line]


def _line(update: TurnUpdate, non_speech: bool) -> str:
    said = read_turn_text(update.message)
    if said.non_speech and not non_speech:
        return ""
    speaker = update.message.speaker_label
    prefix = f"{one_line(speaker)}: " if speaker and said.whole else ""
    return prefix + one_line(said.whole)


def one_line(text: str) -> str:
    """Text from outside as one line without control characters, safe for a terminal."""
    if not text.isprintable():
        return single_blanks(text.translate(_PRINTABLE))
    return single_blanks(text) if "  " in text else text.strip()


class _Printable(dict[int, str]):
    """A table for `str.translate` that is filled with the characters it meets."""

    def __missing__(self, code: int) -> str:
        from unicodedata import category

        character = chr(code)
        kept = character.isprintable() or character in _KEPT or category(character) == "Zs"
        shown = character if kept else " "
        if len(self) < _MOST_REMEMBERED:
            self[code] = shown
        return shown


_PRINTABLE = _Printable()


class TextOutput:
    """Writes lines to a binary stream as UTF-8, each flushed.

    Args:
        headings: write the name of each source before its lines.
        owned: `close` closes the stream.
    """

    def __init__(
        self,
        stream: BinaryIO | RawIOBase,
        name: str,
        *,
        non_speech: bool = True,
        headings: bool = False,
        owned: bool = True,
    ) -> None:
        self.name = name
        self._stream = stream
        self._non_speech = non_speech
        self._headings = headings
        self._owned = owned

    def write(self, record: Record) -> None:
        """Write the line of a final turn; other records write nothing."""
        if record.type == "Recording":
            self._stream.write(b"")  # what a file held before is gone, also where nothing is said
            if self._headings:
                self._write_line(f"# {one_line(str(record.body['source']))}")
        if record.update is None or not record.update.final:
            return
        for line in text_lines(record.update, non_speech=self._non_speech):
            self._write_line(line)

    def _write_line(self, line: str) -> None:
        self._stream.write(line.encode("utf-8", "replace") + b"\n")
        self._stream.flush()

    def flush(self) -> None:
        """Raise OSError if the stream has failed."""
        self._stream.flush()

    def close(self) -> None:
        """Flush the stream, and close it if it is owned."""
        flush_and_close(self._stream, owned=self._owned)
