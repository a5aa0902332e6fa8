"""The captions file."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.outputs.turn_records import record
from tests.program import DEADLINE_S, wait_until
from transcribe_cli.outputs.caption_file import CaptionFile
from transcribe_cli.outputs.output import Output


def read_when(path: Path, text: str) -> None:
    """Wait until the file holds exactly this."""
    shown = partial(path.read_text, encoding="utf-8")
    wait_until(lambda: shown() == text, shown, within_s=DEADLINE_S)


@contextmanager
def closing(outputs: list[Output]) -> Iterator[list[Output]]:
    try:
        yield outputs
    finally:
        for output in outputs:
            output.close()


def test_file_holds_the_lines_of_this_moment(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_text("of yesterday")
    with closing([CaptionFile(path)]) as (output,):
        assert path.read_bytes() == b""
        output.write(record("Buenos d", final=False))
        assert path.read_bytes() == b"Buenos d"
        output.write(record("Buenos días. " + "Ya estamos todos aquí, así que empezamos."))
        assert (
            path.read_bytes().decode() == "Buenos días. Ya estamos todos aquí, así\nque empezamos."
        )


def test_what_was_said_last_stays_when_the_run_ends(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    output = CaptionFile(path, quiet_s=3600)
    output.write(record("Goodbye."))
    output.close()
    output.close()
    assert path.read_text() == "Goodbye."
    assert list(tmp_path.iterdir()) == [path]


def test_file_is_emptied_when_nothing_is_said_for_a_while(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    with closing([CaptionFile(path, quiet_s=0.05)]) as (output,):
        output.write(record("Said once."))
        read_when(path, "")
        output.write(record("again", final=False))
        assert path.read_text() in ("again", "")  # and what was said before does not come back
        read_when(path, "")


def test_reader_only_ever_finds_whole_captions(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    texts = ["a" * 40, "b" * 40 + " " + "c" * 40]
    whole = {b"", *(text.replace(" ", "\n").encode() for text in texts)}
    found: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            found.add(path.read_bytes())

    with closing([CaptionFile(path)]) as (output,):
        reader = threading.Thread(target=read)
        reader.start()
        for number in range(400):
            output.write(record(texts[number % 2], final=False))
        done.set()
        reader.join()
    assert found <= whole
    assert len(found) > 1


def test_unchanged_lines_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    with closing([CaptionFile(path)]) as (output,):
        output.write(record("Same.", final=False))
        before = path.stat()
        output.write(record("Same."))
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_folder_that_goes_away_breaks_the_output_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    path = folder / "captions.txt"
    with closing([CaptionFile(path)]) as (output,):
        path.unlink()
        folder.rmdir()
        with pytest.raises(FileNotFoundError):
            output.write(record("Hello."))
        folder.mkdir()


def test_failure_of_the_emptying_is_told_by_the_next_write(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    path = folder / "captions.txt"
    output = CaptionFile(path, quiet_s=1.0)
    output.write(record("Hello."))
    path.unlink()
    folder.rmdir()
    for thread in threading.enumerate():
        if thread.name == "aai-captions-file":
            thread.join(DEADLINE_S)
    folder.mkdir()  # it is back, but what was to happen did not
    with pytest.raises(FileNotFoundError):
        output.write(record("Anyone?"))
    output.close()


def test_its_thread_ends_with_it(tmp_path: Path) -> None:
    output = CaptionFile(tmp_path / "captions.txt")
    (thread,) = (t for t in threading.enumerate() if t.name == "aai-captions-file")
    output.close()
    assert not thread.is_alive()
