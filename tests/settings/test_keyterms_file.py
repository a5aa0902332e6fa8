"""`--keyterms-file`: read, and read again when it has changed and is whole."""

import threading
from pathlib import Path

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.errors import UsageError
from transcribe_cli.settings.keyterms_file import KeytermsFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "terms.txt"
    path.write_text("# people\nSonny Miller\n\n  RNase\r\nRNase\n", encoding="utf-8-sig")
    return path


def test_one_term_a_line_without_comments(path: Path) -> None:
    assert KeytermsFile(str(path)).terms == ["Sonny Miller", "RNase"]


def test_more_than_the_service_takes_is_an_error_that_names_the_limit(path: Path) -> None:
    path.write_text("".join(f"term {number}\n" for number in range(101)))
    with pytest.raises(UsageError, match=r"holds 101 key terms, more than 100") as refused:
        KeytermsFile(str(path))
    assert "terms.txt" in refused.value.message


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (1 << 21)])
def test_what_is_no_text_is_an_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"terms\.txt"):
        KeytermsFile(str(path))


def test_a_change_counts_once_the_file_stays_as_it_is(path: Path) -> None:
    file = KeytermsFile(str(path))
    assert not file.look() and not file.look()
    path.write_text("")  # an editor that has begun to write
    assert not file.look()
    path.write_text("LeMUR\n")
    assert not file.look()
    assert file.look()
    assert file.terms == ["LeMUR"]
    assert file.first == ["Sonny Miller", "RNase"]
    assert not file.look()


def test_what_is_wrong_is_said_once_and_changes_nothing(path: Path) -> None:
    file = KeytermsFile(str(path))
    path.unlink()
    assert not file.look()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        file.look()
    assert not file.look() and not file.look()
    assert file.terms == ["Sonny Miller", "RNase"]
    path.write_text("LeMUR")
    assert not file.look()
    assert file.look()


def test_it_is_watched_until_the_end(path: Path) -> None:
    file = KeytermsFile(str(path))
    changed = threading.Event()
    with file.watched(changed.set, pytest.fail):
        path.write_text("LeMUR")
        assert changed.wait(DEADLINE_S)
    assert file.terms == ["LeMUR"]
    assert not [thread for thread in threading.enumerate() if thread.name == "aai-keyterms"]
