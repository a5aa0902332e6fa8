"""Replacing a file in one step."""

import sys
import threading
from pathlib import Path

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.system.atomic_replace import replace_file

only_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")


@pytest.mark.parametrize("before", [None, b"", b"what was there"])
def test_file_holds_what_was_put_and_nothing_lies_beside_it(
    tmp_path: Path, before: bytes | None
) -> None:
    path = tmp_path / "x.md"
    if before is not None:
        path.write_bytes(before)
    replace_file(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@only_posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_permissions_of_the_old_file_stay(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x.md"
    path.touch()
    path.chmod(mode)
    replace_file(path, b"new")

    assert path.stat().st_mode & 0o777 == mode


@only_posix
def test_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    replace_file(tmp_path / "x.md", b"new")

    assert (tmp_path / "x.md").stat().st_mode == (tmp_path / "any").stat().st_mode


@only_posix
@pytest.mark.parametrize("exists", [True, False])
def test_link_stays_a_link(tmp_path: Path, exists: bool) -> None:
    target, link = tmp_path / "real" / "x.md", tmp_path / "link.md"
    target.parent.mkdir()
    if exists:
        target.write_bytes(b"old")
    link.symlink_to(target)
    replace_file(link, b"new")

    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_longest_name_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 252 + ".md")
    path.write_bytes(b"old")
    replace_file(path, b"new")

    assert path.read_bytes() == b"new"


def test_failure_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.md"
    path.write_bytes(b"old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "none" / "x.md", b"new")


@only_posix
def test_reader_finds_one_version_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.md"
    versions = [bytes([number]) * 300_000 for number in range(20)]
    replace_file(path, versions[0])
    started, done = threading.Event(), threading.Event()
    seen = []

    def read() -> None:
        while not done.is_set():
            seen.append(path.read_bytes())
            started.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert started.wait(DEADLINE_S)
    for version in versions:
        replace_file(path, version)
    done.set()
    reader.join(DEADLINE_S)

    assert set(seen) <= set(versions)
    assert list(tmp_path.iterdir()) == [path]
