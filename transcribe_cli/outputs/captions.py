"""Caption files, complete at every moment: `.srt`, `.vtt`, `.ass`, `.lrc`."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from transcribe_cli.outputs.atomic_file import AtomicFile, WrittenAtEnd
from transcribe_cli.outputs.caption_formats import FORMATS, CaptionFormat, Kind
from transcribe_cli.outputs.document_contents import DocumentContents
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.turn_cache import TurnCache
from transcribe_cli.transcript.caption_cues import Phrase, cut_turn, lay_out
from transcribe_cli.transcript.turns import TurnUpdate

_TELLING = ("Recording", "Turn", "SpeakerRevision", "Summary")


@dataclass(slots=True)
class _CaptionSheet:
    """The content of a caption file so far."""

    format: CaptionFormat
    end_ms: int = 0
    _cues: list[bytes] = field(default_factory=list)
    _last: Phrase | None = None  # its cue still depends on the next phrase
    _settled_ms: int = 0  # end of the cue before that

    def add(self, phrases: Iterable[Phrase]) -> None:
        """Add phrases; the cue of the last phrase before them is laid out again."""
        open_phrases = [*filter(None, [self._last]), *phrases]
        before_ms = self._settled_ms
        cues = lay_out(open_phrases, before_ms)
        if self._last is not None:
            self._cues.pop()
        for cue in cues:
            text = self.format.encode(cue, len(self._cues) + 1, before_ms)
            self._cues.append(text.encode("utf-8", "replace"))
            before_ms = cue.end_ms
        if cues:
            self._last, self.end_ms = open_phrases[-1], cues[-1].end_ms
        if len(cues) > 1:
            self._settled_ms = cues[-2].end_ms

    def to_bytes(self) -> bytes:
        return self.format.header.encode() + b"".join(self._cues)


class CaptionsOutput:
    """Writes the cues of final turns to a file, and replaces the file when a turn ends.

    The whole file is written each time, so that neither a reader nor a kill leaves a cue half
    written. After three hours that takes a millisecond or two.

    Several recordings in one file follow each other, as if played one after the other.

    Args:
        non_speech: keep turns that are only tags such as `[Silence]`.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, path: Path | WrittenAtEnd, kind: Kind, *, non_speech: bool) -> None:
        self._kind = kind
        self._phrases = TurnCache(lambda turn: cut_turn(turn, non_speech=non_speech))
        self._contents = DocumentContents()
        self._begin()
        self._file = AtomicFile(path) if isinstance(path, Path) else path
        self.name = self._file.name

    def write(self, record: Record) -> None:
        """Take a record. A final turn is in the file when this returns."""
        if record.type not in _TELLING or not self._contents.add(record):
            return
        if record.type == "Recording":
            self._begin_recording()
            self._put()
        elif record.type == "Turn" and self._turns_follow():
            self._add_turns()
            self._put()
        elif record.type != "Summary" or len(self._contents.all) > 1:
            # Speakers changed, or the length of a recording that others follow; or a turn of one
            # channel ends that began before another channel's.
            self._begin()
            for _ in self._contents.all:
                self._begin_recording()
                self._add_turns()
            self._put()

    def close(self) -> None:
        """Write what could not be written yet. May be called twice."""
        self._file.close()

    def _begin(self) -> None:
        self._sheet = _CaptionSheet(FORMATS[self._kind])
        self._recording = -1  # the recording that is being added
        self._turns = 0  # how many of its turns are in
        self._last_turn: TurnUpdate | None = None
        self._offset_ms = 0  # where it starts

    def _begin_recording(self) -> None:
        if self._recording >= 0:
            length_s = self._contents.all[self._recording].summary.get("audio_s")
            length_ms = round(length_s * 1000) if isinstance(length_s, int | float) else 0
            self._offset_ms = max(self._offset_ms + length_ms, self._sheet.end_ms)
        self._recording += 1
        self._turns = 0

    def _turns_follow(self) -> bool:
        """Whether there are new ones, behind all that are in."""
        turns = self._contents.all[self._recording].turns
        if self._turns >= len(turns):
            return False
        return not self._turns or turns[self._turns - 1] is self._last_turn

    def _add_turns(self) -> None:
        turns = self._contents.all[self._recording].turns
        self._sheet.add(
            _later(phrase, self._offset_ms)
            for turn in turns[self._turns :]
            for phrase in self._phrases.of(turn)
        )
        self._turns = len(turns)
        self._last_turn = turns[-1] if turns else None

    def _put(self) -> None:
        self._file.put(self._sheet.to_bytes())


def _later(phrase: Phrase, ms: int) -> Phrase:
    return replace(phrase, start_ms=phrase.start_ms + ms, end_ms=phrase.end_ms + ms)
