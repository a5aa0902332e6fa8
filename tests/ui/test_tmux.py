"""The live view in a real terminal."""

import random
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ui.tmux import window

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(sys.platform == "win32", reason="tmux is not for Windows"),
]

STATUS = {"state": "listening", "elapsed_s": 42.0, "level_db": -30.0, "language": "en"}


def test_the_screen_that_a_person_sees(tmp_path: Path) -> None:
    with window(tmp_path, 60, 12, COLORTERM="") as shown:
        shown.do("status", **STATUS)
        shown.do("turn", text="Good morning, and welcome to the meeting of today.", final=True)
        shown.do("warn", text="the network is slow\x1b[2J")
        said = "\x1b[2J日本語 and 👩‍👩‍👧 words that are still open"
        shown.do("turn", text=said, turn=1, start_ms=5000, settled=3)
        assert shown.rows() == [
            "  0:00  Good morning, and welcome to the meeting of today.",
            "warning: the network is slow␛[2J",
            "  0:05  ␛[2J日本語 and 👩‍👩‍👧 words that are still open",
            "",
            "  ● listening  0:42  ▕████████        ▏  en",
        ]
        colored = shown.rows("-e")
        assert "\x1b[2m" in colored[2]  # words that may change are dim
        assert not shown.cursor_visible


@pytest.mark.parametrize("how", ["close", "raise", "leave"])
def test_the_terminal_is_given_back_as_it_was(tmp_path: Path, how: str) -> None:
    with window(tmp_path) as shown:
        shown.do("status", **STATUS)
        shown.do("turn", text="Said.", final=True)
        shown.do("turn", text="not final", turn=1)
        assert not shown.cursor_visible
        shown.end(how)
        assert shown.cursor_visible
        assert shown.rows() == ["  0:00  Said."]
        before, after = shown.terminal_modes()
        assert before == after


def test_resizes_while_running_leave_no_ghosts_and_lose_nothing(tmp_path: Path) -> None:
    dice = random.Random(7)  # the same sizes every time
    with window(tmp_path, 80, 24) as shown:
        shown.do("status", **STATUS)
        for turn in range(40):
            shown.do("turn", text=f"p{turn}q while it is said", turn=turn)
            if turn > 15:
                shown.resize(dice.randint(44, 110), dice.randint(10, 30))
                shown.do("status", **STATUS | {"elapsed_s": float(turn)})
                screen = " ".join(shown.rows())
                assert screen.count("listening") == 1
                assert re.findall(r"p(\d+)q", screen) == [str(turn)]
            shown.do("turn", text=f"F{turn}x " + "and more words " * 6, turn=turn, final=True)
        everything = "".join("".join(shown.rows()).split())
        assert re.findall(r"F(\d+)x", everything) == [str(turn) for turn in range(40)]
        assert everything.count("andmorewords" * 6) == 40
        shown.end("close")
        assert "listening" not in " ".join(shown.rows())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["partial", "final", "resize", "warn", "help"]),
            st.integers(0, 30),
            st.integers(20, 120),
        ),
        min_size=1,
        max_size=25,
    )
)
@pytest.mark.long
@pytest.mark.timeout(900)
def test_resizes_at_random_moments_leave_each_final_once(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[str, int, int]]
) -> None:
    finals = warnings = resizes = 0
    with window(tmp_path_factory.mktemp("random"), 80, 30) as shown:
        shown.do("status", **STATUS)
        for action, count, columns in script:
            if action == "partial":
                shown.do("turn", text=f"p{finals}q " + "some words 日本語 " * count, turn=finals)
            elif action == "final":
                text = f"F{finals}x " + "more words 日本語 " * count
                shown.do("turn", text=text, turn=finals, final=True)
                finals += 1
            elif action == "warn":
                shown.do("warn", text=f"W{warnings}y")
                warnings += 1
            elif action == "help":
                shown.do("help")
            else:
                shown.resize(columns, 30)
                shown.do("status", **STATUS | {"elapsed_s": float(columns)})
                resizes += 1  # each may leave a row near the top of the pane
            seen = "".join("".join(shown.rows()).split())
            assert 1 <= seen.count("listening") <= 1 + resizes, shown.rows()
            assert len(re.findall(r"p\d+q", seen)) <= 1 + resizes, shown.rows()
        assert re.findall(r"F(\d+)x", seen) == [str(turn) for turn in range(finals)]
        assert re.findall(r"W(\d+)y", seen) == [str(number) for number in range(warnings)]
        shown.end("close")
        left = "".join("".join(shown.rows()).split())
    assert left.count("listening") <= resizes
    assert left.count("bookmark") <= resizes
    assert re.findall(r"F(\d+)x", left) == [str(turn) for turn in range(finals)]


def test_resizes_in_a_fresh_pane_cost_a_row_at_most_and_leave_no_hole(tmp_path: Path) -> None:
    with window(tmp_path, 120, 40) as shown:
        shown.do("status", **STATUS)
        shown.do("turn", text="F0x.", final=True)
        shown.do("turn", text="p1q " + "while it is said " * 20, turn=1, start_ms=4000)
        for columns in (60, 80, 40, 120):
            shown.resize(columns, 40)
            shown.do("status", **STATUS | {"elapsed_s": float(columns)})
            rows = shown.rows()
            assert "listening" in rows[-1]
            assert "" not in rows[:-2]
        shown.do("turn", text="F1x.", turn=1, start_ms=4000, final=True)
        shown.end("close")
        rows = shown.rows()
    assert [row for row in rows if "x." in row] == ["  0:00  F0x.", "  0:04  F1x."]
    assert len(rows) <= 3


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    with window(tmp_path, 60, 12, TERM="dumb") as shown:
        shown.do("status", **STATUS)
        shown.do("turn", text="not final")
        shown.do("turn", text="Said.", final=True)
        assert shown.rows() == ["  0:00  Said."]
        assert shown.cursor_visible
