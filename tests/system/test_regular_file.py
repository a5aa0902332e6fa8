"""Regular files, never through a link."""

import os
import socket
import sys
from io import FileIO
from pathlib import Path

import pytest

from transcribe_cli.system import regular_file
from transcribe_cli.system.regular_file import is_regular, open_regular, read_regular

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own")
MODES_THAT_MAKE = ["w", "w+", "a"]
MODES = ["r", "r+", *MODES_THAT_MAKE]


@pytest.fixture(params=["told", "found out"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can be told to follow no link, and one that cannot."""
    if request.param == "found out":
        monkeypatch.setattr(regular_file, "_NO_LINK", 0)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("mode", MODES)
def test_a_file_is_opened_as_ever(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"before")
    with FileIO(path, mode, opener=open_regular) as file:
        if mode != "r":
            file.write(b"new")
    assert path.read_bytes() == {
        "r": b"before",
        "r+": b"newore",
        "w": b"new",
        "w+": b"new",
        "a": b"beforenew",
    }[mode]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_one_that_has_another_name_elsewhere_is_read_and_not_written(
    tmp_path: Path, mode: str
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "a"
    victim.write_bytes(b"precious")
    path.hardlink_to(victim)
    if mode == "r":
        assert read_regular(path) == b"precious"
        return
    with pytest.raises(OSError, match="another name"):
        FileIO(path, mode, opener=open_regular)
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("mode", MODES_THAT_MAKE)
def test_a_new_one_is_made(tmp_path: Path, mode: str) -> None:
    with FileIO(tmp_path / "a", mode, opener=open_regular) as file:
        file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert is_regular(tmp_path / "a")


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "folder", "device", "socket"])
def test_nothing_else_is(tmp_path: Path, kind: str) -> None:
    victim, path = tmp_path / "victim", tmp_path / "a"
    victim.write_bytes(b"precious")
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "none")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path("/dev/null")
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    for mode in MODES:
        with pytest.raises(OSError, match=r"link|regular|exists|directory|address|device"):
            FileIO(path, mode, opener=open_regular)
        assert victim.read_bytes() == b"precious"
        assert not (tmp_path / "none").exists()
        assert not is_regular(path)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize(
    ("before", "mode"),
    [*(("a file", mode) for mode in MODES), *(("nothing", mode) for mode in MODES_THAT_MAKE)],
)
def test_a_link_that_comes_between_looking_and_opening_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, mode: str
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "a"
    victim.write_bytes(b"precious")
    if before == "a file":
        path.write_bytes(b"harmless")
    looked = regular_file._look

    def swapped(at: str | Path) -> os.stat_result | None:
        seen = looked(at)
        path.unlink(missing_ok=True)
        path.symlink_to(victim)
        return seen

    monkeypatch.setattr(regular_file, "_look", swapped)
    with pytest.raises(OSError, match=r"link|regular|exists|directory|address|device"):
        FileIO(path, mode, opener=open_regular)
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_another_program_puts_there_meanwhile_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """As an editor saves one: the new file takes the old one's name."""
    path, new = tmp_path / "a", tmp_path / "new"
    path.write_bytes(b"old")
    new.write_bytes(b"new")
    looked = regular_file._look

    def replaced(at: str | Path) -> os.stat_result | None:
        seen = looked(at)
        new.replace(path)
        return seen

    monkeypatch.setattr(regular_file, "_look", replaced)
    with FileIO(path, mode, opener=open_regular) as file:
        assert os.path.samestat(os.fstat(file.fileno()), path.stat())


def test_a_file_that_another_program_makes_meanwhile_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(at: str | Path) -> None:
        Path(at).write_bytes(b"theirs ")

    monkeypatch.setattr(regular_file, "_look", made)
    with FileIO(tmp_path / "a", "a", opener=open_regular) as file:
        file.write(b"ours")
    assert (tmp_path / "a").read_bytes() == b"theirs ours"


def test_the_system_is_told_neither_to_follow_nor_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes there after it was looked at is then not even opened, a FIFO not waited for."""
    (tmp_path / "a").touch()
    told: list[int] = []
    really_open = os.open

    def opening(path: str | Path, flags: int, mode: int) -> int:
        told.append(flags)
        return really_open(path, flags, mode)

    monkeypatch.setattr(os, "open", opening)
    read_regular(tmp_path / "a")
    assert told[0] & os.O_NOFOLLOW
    assert told[0] & os.O_NONBLOCK


def test_reading_takes_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    assert len(read_regular(tmp_path / "a")) == 100_000
