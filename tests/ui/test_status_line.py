"""The status line: the most important things, in the width there is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.ui.status_line import Status, status_line
from transcribe_cli.ui.text_wrapping import cells

LISTENING = Status(
    state="listening",
    elapsed_s=754,
    model="u3-rt-pro",
    source="MacBook Pro Microphone",
    level_db=-15.0,
    language="en",
    turns=42,
    behind_s=0.8,
    cost_usd=0.0312,
)


def shown(status: Status, width: int, *, ascii_only: bool = False) -> str:
    return status_line(status, width, ascii_only=ascii_only).plain


def test_everything_is_shown_where_there_is_room() -> None:
    assert shown(LISTENING, 300) == (
        "● listening  12:34  ▕████████████    ▏  0.8 s behind  en  42 turns  $0.031"
        "  u3-rt-pro  MacBook Pro Microphone"
    )


def test_call_has_a_meter_for_each_side_that_says_whose_it_is() -> None:
    call = replace(LISTENING, system_db=-45.0, level_db=-15.0)

    assert "You▕██████  ▏ Them▕██      ▏" in shown(call, 300)
    assert "You[######--] Them[##------]" in shown(call, 300, ascii_only=True)
    assert cells(shown(call, 60)) <= 60
    assert "Them" in shown(call, 60)


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, "● listening  12:34  ▕████████████    ▏  0.8 s behind  en  42 turns  $0.031"),
        (60, "● listening  12:34  ▕████████████    ▏  0.8 s behind  en"),
        (40, "● listening  12:34  ▕████████████    ▏"),
        (20, "● listening  ▕███ ▏"),
        (12, "● listening"),
        (5, "●"),
    ],
)
def test_the_least_important_goes_first(width: int, line: str) -> None:
    assert shown(LISTENING, width) == line


def test_ascii_where_the_terminal_has_nothing_else() -> None:
    assert shown(LISTENING, 40, ascii_only=True) == "* listening  12:34  [############----]"
    offline = replace(LISTENING, state="offline", message="no network, still recording")
    assert shown(offline, 16, ascii_only=True).isascii()


def test_clipping_is_written_into_the_meter() -> None:
    clipped = replace(LISTENING, level_db=0.0, clipped=True)
    assert "▕████████████CLIP▏" in shown(clipped, 80)
    assert shown(clipped, 20).endswith("!▏")


def test_what_is_wrong_is_said_in_words_and_stays_longest() -> None:
    silent = replace(LISTENING, message="no sound for 10 s: is the microphone muted?")
    assert "! no sound for 10 s: is the microphone muted?" in shown(silent, 60)
    assert shown(silent, 24) == "! no sound for 10 s: is…"


def test_lost_and_waiting_audio_is_shown() -> None:
    late = replace(LISTENING, behind_s=42.0, backlog_s=41.0, dropped=800)
    assert "sound lost 800 times  0:41 to send  0:42 behind" in shown(late, 120)
    assert "to send" not in shown(replace(LISTENING, backlog_s=0.3), 120)


def test_a_lost_connection_says_that_nothing_else_is_lost() -> None:
    offline = replace(LISTENING, state="offline", backlog_s=42.0, behind_s=42.5)
    assert shown(offline, 60).startswith("× offline, recording, 0:42 behind  12:34")  # noqa: RUF001
    assert "to send" not in shown(offline, 300)
    assert shown(offline, 24) == "× offline, 0:42 behind"  # noqa: RUF001
    assert shown(offline, 12) == "× offline"  # noqa: RUF001
    connected = replace(offline, state="listening")
    assert "0:42 to send" in shown(connected, 120)


def test_catching_up_says_how_far_behind_it_is() -> None:
    late = replace(LISTENING, state="catching up", backlog_s=42.0, behind_s=42.5)
    assert shown(late, 60).startswith("● catching up, 0:42 behind  12:34")
    assert "to send" not in shown(late, 300)


def test_muted_is_told_beside_another_state() -> None:
    assert "muted" in shown(replace(LISTENING, state="offline", muted=True), 40)
    assert shown(replace(LISTENING, state="muted", muted=True), 300).count("muted") == 1


def test_lost_sound_is_counted() -> None:
    assert "sound lost once" in shown(replace(LISTENING, dropped=1), 80)
    assert shown(replace(LISTENING, dropped=3), 30).endswith("  sound lost")


def test_a_file_that_is_stuck_has_no_time_left() -> None:
    stuck = shown(Status(progress=(0.0, 60.0, 1e-300)), 80)
    assert "0:00 / 1:00" in stuck
    assert "left" not in stuck


def test_a_file_shows_its_progress_in_place_of_the_meter() -> None:
    status = Status(state="transcribing", progress=(150.0, 600.0, 1.5))
    assert shown(status, 100) == (
        "● transcribing  ▕█████               ▏ 2:30 / 10:00  1.5x  5:00 left"
    )
    assert shown(status, 40) == "● transcribing  ▕██▌       ▏ 25%"
    assert shown(status, 20) == "● transcribing  25%"


def test_a_source_without_an_end_has_no_bar() -> None:
    assert "0:09 1.0x" in shown(Status(progress=(9.0, None, 1.0)), 80)
    assert "x" not in shown(Status(state="connecting", progress=(9.0, None, 0.0)), 80)


def test_trouble_is_told_apart_without_colour() -> None:
    lines = {shown(replace(LISTENING, state=s), 4) for s in ("listening", "offline", "paused")}
    assert lines == {"●", "×", "‖"}  # noqa: RUF001


def test_names_from_outside_are_safe() -> None:
    assert "\x1b" not in shown(replace(LISTENING, source="Mic\x1b[2J", model="m\n"), 300)


numbers = st.none() | st.floats(-200, 1e7, allow_nan=False)
words = st.text(max_size=30)


@given(
    st.builds(
        Status,
        state=words,
        elapsed_s=st.floats(0, 1e6),
        model=words,
        source=words,
        level_db=numbers,
        clipped=st.booleans(),
        language=st.none() | words,
        turns=st.integers(0, 10**6),
        behind_s=numbers,
        backlog_s=numbers,
        dropped=st.integers(0, 10**9),
        cost_usd=numbers,
        progress=st.none() | st.tuples(st.floats(0, 1e6), numbers, st.floats(0, 1e3)),
        message=words,
    ),
    st.integers(1, 300),
    st.booleans(),
)
def test_it_never_wraps(status: Status, width: int, ascii_only: bool) -> None:
    line = status_line(status, width, ascii_only=ascii_only)
    assert cells(line.plain) <= width
    assert "\n" not in line.plain


def test_who_ends_turns_by_hand_is_told_how() -> None:
    manual = replace(LISTENING, manual=True)
    assert "  e ends the turn  " in shown(manual, 80)
    assert shown(manual, 30).endswith("  e ends the turn")
    assert shown(manual, 25).endswith("  e: end turn")
