"""Outputs that are whole at every moment, and what cannot be replaced."""

import os
import sys
import threading
from pathlib import Path

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.errors import UsageError
from transcribe_cli.outputs import atomic_file
from transcribe_cli.outputs.atomic_file import AtomicFile

only_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


def test_each_version_is_there_when_it_is_put(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    file = AtomicFile(path)
    for version in (b"one", b"two"):
        file.put(version)
        assert path.read_bytes() == version
    file.close()
    file.close()

    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("before", [None, b"old"])
def test_nothing_is_touched_before_the_first_version(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "x.md"
    if before is not None:
        path.write_bytes(before)
    AtomicFile(path).close()

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before] * (before is not None)


def test_path_that_cannot_be_written_is_found_at_once(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "x.md", tmp_path):
        with pytest.raises(UsageError) as refused:
            AtomicFile(path)
        assert str(path) in refused.value.message

    assert list(tmp_path.iterdir()) == []


@only_posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anything")
def test_file_that_may_not_be_written_is_not_replaced_either(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.touch(0o444)

    with pytest.raises(UsageError):
        AtomicFile(path)


@only_posix
def test_what_no_file_can_replace_is_written_once_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    file = AtomicFile(path)
    file.put(b"one")
    file.put(b"two")
    file.close()
    reader.join(DEADLINE_S)

    assert read == [b"two"]
    assert path.is_fifo()


@only_posix
def test_full_device_is_told_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    path.symlink_to("/dev/full")
    file = AtomicFile(path)
    file.put(b"one")

    with pytest.raises(OSError, match="No space left"):
        file.close()
    file.close()


def test_file_in_a_folder_that_takes_no_new_one_is_written_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.md"
    path.write_bytes(b"what was there, and is longer")
    opened = Path.open

    def refuses_new_ones(self: Path, mode: str = "r", *rest: object) -> object:
        if "x" in mode:
            raise PermissionError(13, "Permission denied")
        return opened(self, mode)

    monkeypatch.setattr(Path, "open", refuses_new_ones)
    file = AtomicFile(path)
    file.put(b"new")
    assert path.read_bytes() == b"what was there, and is longer"
    file.close()

    assert path.read_bytes() == b"new"


def test_file_that_windows_lets_nobody_replace_while_it_is_read_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.md"
    file = AtomicFile(path)
    file.put(b"one")
    monkeypatch.setattr(sys, "platform", "win32")
    with monkeypatch.context() as being_read:
        being_read.setattr(atomic_file, "replace_file", _denied)
        file.put(b"two")
    assert path.read_bytes() == b"one"
    file.close()

    assert path.read_bytes() == b"two"


def test_permission_that_is_lost_elsewhere_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = AtomicFile(tmp_path / "x.md")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(atomic_file, "replace_file", _denied)

    with pytest.raises(PermissionError):
        file.put(b"one")


def _denied(path: Path, data: bytes) -> None:
    raise PermissionError(13, "Permission denied")
