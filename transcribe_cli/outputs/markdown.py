"""Encodes a document as Markdown: facts about the recording, then one paragraph a turn. Pure.

Times are written `00:01:05`, always with hours, so that a search finds them. Transcript text is
escaped: nothing in it is markup, and one line stays one line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from operator import itemgetter
from typing import Any

from transcribe_cli.outputs.document_contents import RecordingContents, what_heard
from transcribe_cli.outputs.plain_text import one_line
from transcribe_cli.outputs.turn_cache import TurnCache
from transcribe_cli.protocol.languages import language_name
from transcribe_cli.transcript.turn_text import read_turn_text
from transcribe_cli.transcript.turns import TurnUpdate

# `&` only where it begins a character reference: "AT&T" stays as it is, so a search finds it.
_MARKUP = re.compile(r"[\\`*_\[\]<>~#$|]|&(?=#?\w+;)")


class MarkdownEncoder:
    """Encodes documents; each turn is encoded once.

    Args:
        non_speech: keep turns that are only tags such as `[Silence]`.
    """

    def __init__(self, *, non_speech: bool) -> None:
        self._paragraphs = TurnCache(lambda update: _paragraphs(update, non_speech=non_speech))

    def encode(self, contents: Sequence[RecordingContents]) -> bytes:
        """The whole file; empty when no recording has begun."""
        blocks = [block for recording in contents for block in self._blocks(recording)]
        return "".join(["\n\n".join(blocks), "\n" if blocks else ""]).encode("utf-8", "replace")

    def _blocks(self, recording: RecordingContents) -> Iterator[str]:
        yield f"# {escape(recording.source) or 'Recording'}"
        facts = [f"- {name}: {value}" for name, value in _facts(recording) if value]
        if facts:
            yield "\n".join(facts)
        if recording.marks:
            yield "## Bookmarks"
            yield "\n".join(_bookmark(mark) for mark in recording.marks)
        if recording.started is None:
            return
        yield "## Transcript"
        gaps = sorted(recording.gaps, key=itemgetter("start"))
        for update in recording.turns:
            while gaps and gaps[0]["start"] <= update.start_ms:
                yield _gap(gaps.pop(0))
            yield from self._paragraphs.of(update)
        yield from map(_gap, gaps)


def escape(text: str) -> str:
    r"""Text from outside as one line in which nothing is markup.

    >>> escape("[link](x) & *this*\n# AT&T &amp; co")
    '\\[link\\](x) & \\*this\\* \\# AT&T \\&amp; co'
    """
    as_saved = text.encode("utf-8", "replace").decode()  # a file's name may hold bytes of no text
    return _MARKUP.sub(r"\\\g<0>", one_line(as_saved))


def format_hms(ms: int) -> str:
    """A time in the recording, to the second.

    >>> format_hms(3_665_900)
    '01:01:05'
    """
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"


def _facts(recording: RecordingContents) -> Iterator[tuple[str, str]]:
    summary = recording.summary
    if recording.started is not None:
        yield "Date", f"{recording.started.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(length_s := summary.get("audio_s"), int | float):
        yield "Length", format_hms(round(length_s * 1000))
    yield "Model", escape(what_heard(recording.start))
    yield "Languages", _languages(recording.totals.language_ms)
    yield "Speakers", ", ".join(filter(None, map(escape, recording.speakers)))
    yield "Recording", escape(str(recording.start.get("id") or ""))
    yield "Error", escape(str(recording.error.get("message") or ""))
    if summary.get("complete") is False:
        yield "Complete", "no, words are missing"


def _languages(language_ms: Mapping[str, int]) -> str:
    """The languages, the most spoken first; with their durations if there are several."""
    ordered = sorted(language_ms.items(), key=lambda item: -item[1])
    if len(ordered) == 1:
        return escape(language_name(ordered[0][0]))
    return ", ".join(f"{escape(language_name(code))} ({format_hms(ms)})" for code, ms in ordered)


def _bookmark(mark: Mapping[str, Any]) -> str:
    return f"- **{format_hms(mark['at'])}** {escape(str(mark.get('label') or ''))}".rstrip()


def _gap(gap: Mapping[str, Any]) -> str:
    until, reason = format_hms(gap["end"]), escape(str(gap.get("reason") or "")).rstrip(".")
    return f"**{format_hms(gap['start'])}** *No words until {until}{reason and f': {reason}'}.*"


def _paragraphs(update: TurnUpdate, *, non_speech: bool) -> list[str]:
    """One, of a call one for each part; none for a turn that says nothing."""
    made = (_paragraph(part, non_speech=non_speech) for part in update.parts())
    return [paragraph for paragraph in made if paragraph]


def _paragraph(update: TurnUpdate, *, non_speech: bool) -> str:
    said = read_turn_text(update.message)
    text = escape(said.whole)
    if not text or (said.non_speech and not non_speech):
        return ""
    speaker = escape(update.message.speaker_label or "")
    said_by = f"{speaker}: " if speaker else ""
    return f"**{format_hms(update.start_ms)}** {said_by}{f'*{text}*' if said.non_speech else text}"
