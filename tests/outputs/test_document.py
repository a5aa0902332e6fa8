"""Documents are written while the run goes on, and not too often."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.outputs.run_records import recording, summary
from tests.outputs.turn_records import WHEN, record
from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.document import DocumentOutput
from transcribe_cli.outputs.document_contents import RecordingContents
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.transcript.turn_totals import TurnTotals


class Texts:
    """What is said, one text a turn; `made` says how often it was asked for."""

    def __init__(self, padding: int = 0) -> None:
        self.made = 0
        self._padding = padding

    def encode(self, contents: Sequence[RecordingContents]) -> bytes:
        self.made += 1
        said = [
            turn.message.transcript for recording in contents for turn in recording.finals.turns
        ]
        return " ".join(said).encode() + bytes(self._padding)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Opened:
    """A document with a clock of its own."""

    def __init__(self, folder: Path, padding: int = 0) -> None:
        self.path = folder / "x.md"
        self.texts, self.clock = Texts(padding), Clock()
        self.output = DocumentOutput(self.path, self.texts, self.clock)

    def say(self, text: str, *, final: bool = True) -> str:
        """What the file holds after a turn."""
        self.output.write(record(text, final=final))
        return self.path.read_bytes().rstrip(b"\0").decode()


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    opened = Opened(tmp_path)
    opened.output.write(recording("a.wav"))
    opened.clock.now_s += 1
    return opened


def test_final_turn_is_in_the_file_at_once(opened: Opened) -> None:
    assert opened.say("One.") == "One."


def test_turns_in_quick_succession_are_written_with_a_later_record(opened: Opened) -> None:
    opened.say("One.")
    assert opened.say("Two.") == "One."
    opened.clock.now_s += 0.9
    assert opened.say("p", final=False) == "One."
    opened.clock.now_s += 0.1

    assert opened.say("pa", final=False) == "One. Two."


def test_what_changes_nothing_is_not_written(opened: Opened) -> None:
    opened.say("One.")
    made = opened.texts.made
    opened.clock.now_s += 100
    opened.say("p", final=False)
    opened.output.write(Record(WHEN, "Overflow", {"at": 5}))
    opened.output.close()

    assert opened.texts.made == made


def test_large_document_is_written_more_seldom(tmp_path: Path) -> None:
    opened = Opened(tmp_path, padding=1_000_000)
    opened.output.write(recording("a.wav"))
    opened.clock.now_s += 3.9
    assert opened.say("One.") == ""
    opened.clock.now_s += 0.2

    assert opened.say("Two.") == "One. Two."


def test_everything_is_written_at_the_end(opened: Opened) -> None:
    for text in ("One.", "Two.", "Three."):
        opened.say(text)
    opened.output.write(summary(TurnTotals()))
    opened.output.close()
    opened.output.close()

    assert opened.path.read_bytes() == b"One. Two. Three."


def test_run_that_never_began_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_bytes(b"of yesterday")
    Opened(tmp_path).output.close()

    assert (tmp_path / "x.md").read_bytes() == b"of yesterday"


def test_path_that_cannot_be_written_is_found_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Opened(tmp_path / "none")


def test_output_that_breaks_says_so(opened: Opened, tmp_path: Path) -> None:
    opened.path.unlink()
    tmp_path.rmdir()

    with pytest.raises(FileNotFoundError):
        opened.say("One.")
    opened.output.close()
