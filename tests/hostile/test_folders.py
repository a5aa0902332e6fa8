"""A recording's folder in which something else lies in the place of its files."""

import sys
from pathlib import Path

import pytest

from tests.counting import counting_service, write_wav
from tests.hostile.foreign_recordings import ID, make_recording, put_in_place
from tests.program import Home

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own"),
]

COMMANDS = (
    ("recordings", "list"),
    ("recordings", "show", "latest"),
    ("recordings", "export", "latest"),
    ("replay", "latest", "--instant"),
    ("recordings", "recover", "latest"),
    ("recordings", "resume", "latest", "--endpoint"),
)


@pytest.fixture
def victim(home: Home) -> Path:
    """A file of the user's, which is a whole journal or audio too, so that each would take it."""
    return home.path / "precious"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["link", "dangling link", "fifo", "folder"])
@pytest.mark.parametrize("name", ["audio.wav", "journal.jsonl", "transcript.txt"])
def test_nothing_is_read_or_written_through_it(
    home: Home, victim: Path, name: str, kind: str
) -> None:
    folder = make_recording(home)
    victim.write_bytes((folder / name).read_bytes() + b"torn")
    before = victim.read_bytes()
    put_in_place(folder / name, kind, victim)
    with counting_service() as service:
        for command in COMMANDS:
            outcome = home.run(*command, *([service.url] if "resume" in command else []))
            assert outcome.code in (0, 2, 3), outcome.err
            assert victim.read_bytes() == before, command
            assert not (home.path / "not-there").exists(), command
    resumed = name == "transcript.txt" and kind != "folder"
    assert bool(service.sessions) is resumed
    assert home.run("recordings", "rm", ID).code == 0
    assert victim.read_bytes() == before
    assert not folder.exists()


@pytest.mark.parametrize("command", ["recover", "resume"])
def test_audio_that_is_a_link_is_said(home: Home, victim: Path, command: str) -> None:
    folder = make_recording(home)
    write_wav(victim, 1)
    put_in_place(folder / "audio.wav", "link", victim)
    outcome = home.run("recordings", command, "latest")
    assert outcome.code == 3
    assert "it is a symbolic link" in outcome.err
    assert "hint: nothing there is changed that lies elsewhere too" in outcome.err
    assert "turns" in home.run("recordings", "show", "latest").out  # which needs no audio


def test_a_transcript_that_is_a_link_is_replaced(home: Home, victim: Path) -> None:
    folder = make_recording(home)
    victim.write_text("precious")
    put_in_place(folder / "transcript.txt", "link", victim)
    assert home.run("recordings", "recover", "latest").code == 0
    assert victim.read_text() == "precious"
    assert not (folder / "transcript.txt").is_symlink()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("command", ["show", "recover", "resume", "rm"])
def test_a_link_to_a_folder_is_no_recording(home: Home, command: str) -> None:
    folder = make_recording(home)
    elsewhere = home.path / "mine"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere, target_is_directory=True)
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}

    assert home.run("recordings", "list").out == "no recordings\n"
    assert home.run("recordings", command, ID).code == 2
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before


def test_a_batch_goes_past_what_it_cannot_open(home: Home, victim: Path) -> None:
    write_wav(home.work / "talk.wav", 3)
    write_wav(home.work / "other.wav", 3)
    with counting_service() as service:
        run = ("file", "talk.wav", "other.wav", "--endpoint", service.url, "--text")
        home.run(*run)
        (folder,) = home.recordings.glob("*-talk")
        victim.write_bytes((folder / "journal.jsonl").read_bytes())
        before = victim.read_bytes()
        put_in_place(folder / "journal.jsonl", "link", victim)
        outcome = home.run(*run)
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("w1 w2 w3") == 2
    assert victim.read_bytes() == before
    assert len(service.sessions) == 3  # the one that cannot be opened is transcribed anew


@pytest.mark.timeout(120)
def test_a_name_of_a_folder_drives_no_terminal(home: Home) -> None:
    folder = make_recording(home)
    folder.rename(folder.with_name("2026\x1b]0;mine\x07"))
    for command in ("list", "show latest", "recover latest", "rm latest --yes"):
        outcome = home.run("recordings", *command.split())
        assert outcome.code == 0, outcome.err
        assert "\x1b" not in outcome.out + outcome.err
