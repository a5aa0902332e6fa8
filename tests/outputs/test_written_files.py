"""What is said of files that outputs write, and which of them `--no-clobber` refuses."""

import os
import sys
from pathlib import Path

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.written_files import MOST_NAMED, WrittenFiles, check_not_there


def test_a_new_file_is_written_and_an_old_one_replaced(tmp_path: Path) -> None:
    new, old, untouched = (tmp_path / name for name in ("new.srt", "old.srt", "untouched.md"))
    old.write_text("mine")
    untouched.write_text("mine")
    files = WrittenFiles()
    for path in (new, old, untouched, tmp_path / "never.md"):
        files.add(path)
    new.write_text("1")
    old.write_text("another")

    assert files.lines() == [f"written: {new}", f"replaced: {old}"]


def test_a_file_that_was_given_up_is_not_said_to_be_written(tmp_path: Path) -> None:
    files = WrittenFiles()
    files.add(tmp_path / "x.txt")
    (tmp_path / "x.txt").write_text("half")

    assert files.lines({str(tmp_path / "x.txt")}) == []


def test_many_files_are_told_by_their_number(tmp_path: Path) -> None:
    files = WrittenFiles()
    paths = [tmp_path / f"{number}.txt" for number in range(MOST_NAMED + 1)]
    for path in paths:
        files.add(path)
        path.touch()

    assert files.lines() == [f"written: {len(paths)} files, the last of them {paths[-1]}"]


def test_a_file_and_a_link_to_nothing_are_refused(tmp_path: Path) -> None:
    check_not_there([tmp_path / "new.txt"])
    (tmp_path / "old.txt").touch()
    (tmp_path / "link.txt").symlink_to(tmp_path / "nothing.txt")
    for name in ("old.txt", "link.txt"):
        with pytest.raises(UsageError, match=name):
            check_not_there([tmp_path / "new.txt", tmp_path / name])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs with a path")
def test_a_fifo_is_neither_refused_nor_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    files = WrittenFiles()
    files.add(pipe)

    check_not_there([pipe])
    assert files.lines() == [f"written: {pipe}"]
