"""Shows the records of a journal other than turns, as the run that wrote them showed them."""

from typing import Protocol

from transcribe_cli.protocol.codec import read_server_object
from transcribe_cli.protocol.messages import SpeakerRevision
from transcribe_cli.recordings.journal import JournalRecord
from transcribe_cli.settings.parameter_changes import changes_in_words
from transcribe_cli.transcript.other_messages import other_message_text

_OURS = frozenset(("v", "seq", "time", "session", "session_offset_ms", "source"))
_MARKS = {"muted": "muted", "unmuted": "not muted any more"}  # by the record's label


class RecordView(Protocol):
    """What is asked of a view."""

    def revise(self, session: int, revision: SpeakerRevision) -> None: ...
    def mark(self, at_ms: int, words: str) -> None: ...
    def other_message(self, text: str) -> None: ...


def show_beside_turns(view: RecordView, record: JournalRecord, session: int | None) -> None:
    """Show a corrected speaker, a mark, or what a message says beside the turns.

    Args:
        session: the number of its session in the view.
    """
    match record["type"]:
        case SpeakerRevision.type:
            message = read_server_object(record).message
            if isinstance(message, SpeakerRevision) and session is not None:
                view.revise(session, message)
        case "Paused":
            view.mark(ms_of(record, "at"), "paused")
        case "Resumed":
            view.mark(ms_of(record, "at"), "goes on")
        case "Mark":
            label = str(record.get("label") or "bookmark")
            view.mark(ms_of(record, "at"), _MARKS.get(label, label))
        case "UpdateConfiguration" if isinstance(record.get("parameters"), dict):
            view.mark(ms_of(record, "at"), changes_in_words(record["parameters"]))
        case _ if "session_offset_ms" in record:  # a message of the service
            raw = {name: value for name, value in record.items() if name not in _OURS}
            text = other_message_text(read_server_object(raw).message, raw)
            if text is not None:
                view.other_message(text)


def ms_of(record: JournalRecord, name: str) -> int:
    """A record's time; 0 where there is none."""
    value = record.get(name)
    return int(value) if isinstance(value, int | float) and abs(value) < 1e12 else 0
