"""Keys and signals in a real terminal, under a shell with job control."""

import re
import shlex
import sys

import pytest

from tests.ui.shell import Shell, python, shell

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(sys.platform == "win32", reason="tmux is not for Windows"),
]

COMMAND = python("-m", "tests.ui.keys_child") + "; echo code=$?"


def started(window: Shell) -> int:
    """Start the program; its process id once it draws."""
    window.enter("clear; " + COMMAND)
    rows = window.wait_for("started", "listening")
    shown = re.search(r"started (\d+)", "\n".join(rows))
    assert shown
    return int(shown[1])


def test_keys_are_heard_and_leave_nothing_on_the_screen() -> None:
    with shell() as window:
        before = window.modes()
        started(window)
        assert window.modes() != before
        for key in ("Space", "m", "Up", "M-x", "F5", "?"):
            window.press(key)
        rows = window.wait_for("<space>", "<m>", "<?>", "these keys", "bookmark")
        assert not [row for row in rows if row.startswith(("^", "["))]
        window.press("?")
        window.wait_for("<?>", "<?>")
        window.press("q")
        rows = window.wait_for("code=7")
        assert window.modes() == before
        assert window.cursor_visible
    shown = "\n".join(rows)
    assert "these keys" not in shown
    assert "listening" not in shown
    assert "<x>" not in shown


def test_pasted_text_gives_no_commands() -> None:
    with shell() as window:
        started(window)
        window.tmux("set-buffer", "quit and exit the mix " * 20)
        window.tmux("paste-buffer")
        window.tmux("run-shell", "sleep 0.3")  # nobody presses a key sooner after a paste
        window.press("Space")
        rows = window.wait_for("<space>")
        window.press("q")
        window.wait_for("code=7")
    assert [row for row in rows if row.startswith("<")] == ["<space>"]


@pytest.mark.parametrize(("key", "code"), [("C-c", 7), ("x", 1)])
def test_the_terminal_is_given_back_however_it_ends(key: str, code: int) -> None:
    with shell() as window:
        before = window.modes()
        started(window)
        window.press(key)
        rows = window.wait_for(f"code={code}")
        assert window.modes() == before
        assert window.cursor_visible
    assert "listening" not in "\n".join(rows)


def test_sigterm_gives_the_terminal_back() -> None:
    with shell() as window:
        before = window.modes()
        process = started(window)
        window.tmux("run-shell", f"kill -TERM {process}")
        window.wait_for("code=7")
        assert window.modes() == before
        assert window.cursor_visible


def test_keys_come_from_the_terminal_where_stdin_is_a_pipe() -> None:
    with shell() as window:
        before = window.modes()
        window.enter("clear; true | " + COMMAND)
        window.wait_for("started", "listening")
        window.press("m", "q")
        rows = window.wait_for("code=7")
        assert window.modes() == before
    assert "<m>" in rows


def test_without_a_terminal_of_its_own_there_are_no_keys() -> None:
    with shell() as window:
        before = window.modes()
        window.enter("clear; setsid -w " + COMMAND.replace(";", "< /dev/null;", 1))
        rows = window.wait_for("started", "listening")
        assert window.modes() == before
        process = re.search(r"started (\d+)", "\n".join(rows))
        assert process
        window.press("m", "q")  # which the shell reads, and nobody now
        window.tmux("run-shell", f"kill -TERM {process[1]}")
        rows = window.wait_for("code=7")
    assert "<m>" not in rows


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() -> None:
    with shell() as window:
        before = window.modes()
        started(window)
        for time in range(1, 3):
            window.press("C-z")
            rows = window.wait_for(*["Stopped"] * time)
            assert window.modes() == before
            assert window.cursor_visible
            assert "listening" not in "\n".join(rows)
            window.enter("fg" if time == 1 else "fg; echo over")
            window.wait_for(*["<goes on>"] * time, "listening", "words that are still open")
            assert window.modes() != before
            assert not window.cursor_visible
        window.press("m")
        window.wait_for("<m>")
        window.press("q")
        window.wait_for("over", "over")
        assert window.modes() == before


def test_in_the_background_it_leaves_the_terminal_alone() -> None:
    with shell() as window:
        before = window.modes()
        started(window)
        window.press("C-z")
        window.wait_for("Stopped")
        window.enter("bg; echo still here")
        rows = window.wait_for("still here", "still here")
        assert "listening" not in "\n".join(rows)
        assert window.modes() == before
        window.enter("echo typed $((40 + 2))")
        window.wait_for("typed 42")
        window.enter("fg; echo over")
        window.wait_for("<goes on>", "listening")
        window.press("m")
        window.wait_for("<m>")
        window.press("q")
        window.wait_for("over", "over")
        assert window.modes() == before


def test_it_can_be_started_in_the_background() -> None:
    with shell() as window:
        before = window.modes()
        window.enter(python("-m", "tests.ui.keys_child") + " & echo waiting; jobs")
        window.wait_for("waiting", "waiting", "Running")
        assert window.modes() == before
        window.enter("fg; echo over")
        window.wait_for("listening", "started")
        window.press("q")
        rows = window.wait_for("over", "over")
        assert window.modes() == before
    assert "listening" not in "\n".join(rows)


def test_a_stop_that_asked_nobody_is_mended_when_it_goes_on() -> None:
    with shell() as window:
        before = window.modes()
        process = started(window)
        window.tmux("run-shell", f"kill -STOP {process}")
        window.wait_for("Stopped")
        window.enter("stty sane; fg; echo over")
        window.wait_for("<continue>", "listening")
        window.press("m")
        window.wait_for("<m>")
        window.press("q")
        window.wait_for("over", "over")
        # `stty sane` is what was before, as far as the program can know.
        assert ("-icanon" in window.modes()) == ("-icanon" in before)


def test_under_a_program_that_keeps_the_terminal_there_are_plain_lines() -> None:
    with shell() as window:
        before = window.modes()
        window.enter("clear; bash -c " + shlex.quote("timeout 60 " + COMMAND))
        rows = window.wait_for("started")
        assert window.modes() == before
        process = re.search(r"started (\d+)", "\n".join(rows))
        assert process
        window.tmux("run-shell", f"kill -TERM {process[1]}")
        rows = window.wait_for("code=7")
        assert window.cursor_visible
    assert "listening" not in "\n".join(rows)
