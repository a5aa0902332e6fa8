"""A file that outlives a full disk."""

import errno
from pathlib import Path

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs import retrying_file as patient
from transcribe_cli.outputs.retrying_file import RetryingFile


class Disk:
    """Stands between a file and the disk: so many bytes still fit."""

    def __init__(self, file: RetryingFile, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 60
        self._file = file._file
        self.file = file
        monkeypatch.setattr(file, "_file", self)

    closed = False

    def write(self, data: bytes) -> int | None:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self._file.write(bytes(data[: self.room]))
        self.room -= taken or 0
        return taken

    def close(self) -> None:
        self.closed = True
        self._file.close()


def test_what_does_not_fit_is_written_later_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    path = tmp_path / "j"
    file = RetryingFile(path, said.append)
    disk = Disk(file, monkeypatch)
    file.write(b"one\n")
    disk.room = 2
    file.write(b"two\n")
    file.write(b"three\n")
    assert path.read_bytes() == b"one\ntw"
    disk.room = 1 << 60
    file.write(b"four\n")

    assert path.read_bytes() == b"one\ntwo\nthree\nfour\n"
    assert [("waits" in line, "again" in line) for line in said] == [(True, False), (False, True)]


@pytest.mark.parametrize("mode", ["wb", "ab"])
def test_a_link_is_not_written_through(tmp_path: Path, mode: str) -> None:
    victim, path = tmp_path / "victim", tmp_path / "j"
    victim.write_text("precious")
    path.symlink_to(victim)
    with pytest.raises(UsageError, match="it is a symbolic link"):
        RetryingFile(path, lambda _: None, mode)

    assert victim.read_text() == "precious"


def test_last_try_is_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RetryingFile(tmp_path / "j", lambda _: None)
    disk = Disk(file, monkeypatch)
    disk.room = 0
    file.write(b"x")
    disk.room = 1
    file.close()
    file.close()

    assert (tmp_path / "j").read_bytes() == b"x"


def test_disk_that_stays_full_is_an_error_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = RetryingFile(tmp_path / "j", lambda _: None)
    Disk(file, monkeypatch).room = 0
    file.write(b"x")

    with pytest.raises(OSError, match="No space"):
        file.close()


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "MOST_KEPT_BYTES", 100)
    file = RetryingFile(tmp_path / "j", lambda _: None)
    Disk(file, monkeypatch).room = 0
    file.write(bytes(100))

    with pytest.raises(OSError, match="No space"):
        file.write(b"x")
    with pytest.raises(OSError, match="No space"):
        file.close()


def test_path_that_cannot_be_written_is_found_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        RetryingFile(tmp_path / "none" / "j", lambda _: None)
