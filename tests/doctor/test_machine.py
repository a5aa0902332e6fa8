"""Disk, terminal and settings."""

from io import BytesIO, StringIO
from pathlib import Path

import pytest

from transcribe_cli.doctor.findings import FindingState
from transcribe_cli.doctor.machine import (
    Terminal,
    check_disk,
    check_program,
    check_terminal,
    space_finding,
)
from transcribe_cli.doctor.sound import hearing_finding
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.settings.environment import Environment

GOOD = Terminal(
    shows=True, has_keys=True, moves=True, columns=80, rows=24, colors="256", encoding="utf-8"
)


@pytest.mark.parametrize(
    ("free_bytes", "state", "said"),
    [
        (115_200_000 * 100, FindingState.OK, "room for 100 hours"),
        (115_200_000, FindingState.WARNING, "room for 60 minutes"),
        (0, FindingState.WARNING, "room for 0 minutes"),
    ],
)
def test_free_space_is_told_in_hours(free_bytes: int, state: FindingState, said: str) -> None:
    finding = space_finding(Path("recordings"), free_bytes)
    assert finding.state is state
    assert said in finding.text


def test_writable_folder_is_left_as_it_was(tmp_path: Path) -> None:
    (finding,) = check_disk(str(tmp_path / "not" / "yet"))
    assert finding.state in (FindingState.OK, FindingState.WARNING)  # the tester's disk may be full
    assert list(tmp_path.iterdir()) == []


def test_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (finding,) = check_disk(str(tmp_path / "file" / "recordings"))
    assert (finding.state, finding.exit_status) == (FindingState.FAILED, ExitStatus.USAGE)
    assert "--save-dir" in finding.hint


def test_good_terminal_is_fine() -> None:
    (finding,) = check_terminal(GOOD)
    assert (finding.state, finding.text) == (FindingState.OK, "80 x 24, 256 colours, utf-8")


@pytest.mark.parametrize(
    ("terminal", "said"),
    [
        (GOOD._replace(columns=30), "larger"),
        (GOOD._replace(rows=4), "larger"),
        (GOOD._replace(moves=False), "TERM"),
        (GOOD._replace(encoding="iso8859-1"), "UTF"),
    ],
)
def test_terminal_that_lacks_something_is_a_warning(terminal: Terminal, said: str) -> None:
    (finding,) = check_terminal(terminal)
    assert finding.state is FindingState.WARNING
    assert said in finding.hint


def test_pipe_needs_nothing() -> None:
    (finding,) = check_terminal(GOOD._replace(shows=False, columns=1, moves=False, encoding=""))
    assert finding.state is FindingState.OK


def settings(tmp_path: Path, text: str | None) -> Environment:
    path = tmp_path / "config.toml"
    if text is not None:
        path.write_text(text)
    variables = {"AAI_STREAM_CONFIG": str(path)}
    return Environment(BytesIO(), StringIO(), StringIO(), variables, tmp_path)


@pytest.mark.parametrize(
    ("text", "state", "said"),
    [
        ('save-dir = "x"\n', FindingState.OK, "sets save-dir"),
        ("nonsense", FindingState.FAILED, "cannot be read"),
        ('no-such-option = "x"\n', FindingState.FAILED, "no-such-option"),
        (None, FindingState.FAILED, "There is no"),
    ],
)
def test_settings_are_read(
    tmp_path: Path, text: str | None, state: FindingState, said: str
) -> None:
    program, finding = check_program(settings(tmp_path, text), {"save_dir": str})
    assert "aai-stream" in program.text
    assert (finding.area, finding.state) == ("settings", state)
    assert said in finding.text


def test_microphone_is_judged_by_what_it_hears() -> None:
    assert hearing_finding("USB", 32000, 3277).text == (
        "'USB' hears something, -20 dB at the loudest"
    )
    silent = hearing_finding("USB", 32000, 0)
    assert silent.state is FindingState.WARNING
    assert "mute" in silent.hint
    dead = hearing_finding("USB", 0, 0)
    assert (dead.state, dead.exit_status) == (FindingState.FAILED, ExitStatus.AUDIO)
