"""Rows for many files: what stands in them at each width, and which files have one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.ui.batch_rows import BatchProgress, FileProgress, batch_rows, heading, total_row
from transcribe_cli.ui.text_wrapping import cells

MEETING = FileProgress("Meeting.wav", 75, 300, 12, "transcribing")
INTRO = FileProgress("intro.flac", 9, 36, 1, "offline")
RADIO = FileProgress("radio.m4a", 3900, None, 0, "transcribing")
WHOLE = BatchProgress(7, done=2, failed=1, running=3, share=0.25, left_s=95)


def rows(width: int, *running: FileProgress, most: int = 10, ascii_only: bool = False) -> list[str]:
    shown = batch_rows(running, WHOLE, width, most, ascii_only=ascii_only)
    return [row.plain for row in shown]


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (
            80,
            [
                "Meeting.wav  ▕█████               ▏   25%  1:15 / 5:00  12 turns",
                "intro.flac   ▕█████               ▏   25%  0:09 / 0:36    1 turn  offline",
                "radio.m4a    ▕                    ▏     -      1:05:00",
                "▕█████               ▏  2 of 7 files  1 failed  1 to come  25%  1:35 left",
            ],
        ),
        (
            65,
            [
                "Meeting.wav  ▕██▌       ▏   25%  1:15 / 5:00  12 turns",
                "intro.flac   ▕██▌       ▏   25%  0:09 / 0:36    1 turn  offline",
                "radio.m4a    ▕          ▏     -      1:05:00",
                "▕██▌       ▏  2 of 7 files  1 failed  1 to come  25%  1:35 left",
            ],
        ),
        (
            34,
            [
                "Meet….wav  ▕█▌    ▏   25%",
                "intr…flac  ▕█▌    ▏   25%  offline",
                "radio.m4a  ▕      ▏     -",
                "2 of 7 files  1 failed  1 to come…",
            ],
        ),
        (20, ["Meet…wav   25%", "intr…lac   25%  off…", "radi…m4a     -", "2 of 7 files  1 fai…"]),
    ],
)
def test_the_least_important_goes_first(width: int, expected: list[str]) -> None:
    assert rows(width, MEETING, INTRO, RADIO) == expected


def test_ascii_where_the_terminal_has_nothing_else() -> None:
    assert rows(60, MEETING, ascii_only=True) == [
        "Meeting.wav  [##--------]   25%  1:15 / 5:00  12 turns",
        "2 of 7 files  1 failed  1 to come  25%  1:35 left",
    ]


def test_files_in_trouble_are_shown_where_there_is_no_room_for_all() -> None:
    many = [FileProgress(f"{number}.wav", 1, 10, state="transcribing") for number in range(9)]
    many[7] = FileProgress("7.wav", 1, 10, state="offline")
    names = [row.split()[0] for row in rows(60, *many, most=5)]
    assert names[:3] == ["0.wav", "1.wav", "7.wav"]
    assert rows(60, *many, most=5)[3] == "and 6 more"
    assert rows(60, *many, most=1) == [total_row(WHOLE, 60).plain]


def test_what_is_wrong_is_said_in_words() -> None:
    full = FileProgress("a.wav", 1, 10, state="transcribing", message="the disk is full")
    assert rows(60, full)[0].endswith("the disk is full")


def test_a_name_cannot_drive_the_terminal() -> None:
    hostile = FileProgress("a\x1b[2J[bold]\n.wav", 5, 10)
    assert rows(70, hostile)[0].startswith("a␛[2J[bold] .wav")
    assert heading("a\x1b[2J.wav", 40).plain == "── a␛[2J.wav ──"


names = st.text(min_size=1, max_size=60)
progress = st.builds(
    FileProgress,
    name=names,
    position_s=st.floats(0, 1e5),
    length_s=st.none() | st.floats(0, 1e5),
    turns=st.integers(0, 10_000),
    state=st.sampled_from(["transcribing", "connecting", "offline", "stopping"]),
    message=st.sampled_from(["", "the disk takes nothing any more"]),
)


@given(
    st.lists(progress, max_size=30),
    st.integers(20, 200),
    st.integers(1, 40),
    st.booleans(),
)
def test_rows_fit_and_no_file_in_them_is_without_its_share(
    running: list[FileProgress], width: int, most: int, ascii_only: bool
) -> None:
    shown = [row.plain for row in batch_rows(running, WHOLE, width, most, ascii_only=ascii_only)]
    assert len(shown) <= most
    assert all(cells(row) <= width for row in shown)
    assert shown[-1].startswith(("2 of 7", "▕", "["))
    files = [row for row in shown[:-1] if not row.startswith("and ")]
    if len(running) < most:
        assert len(files) == len(running) or any(one.name.startswith("and ") for one in running)
        for one, row in zip(running, shown, strict=False):
            assert ("-" if one.share is None else f"{int(one.share * 100)}%") in row


@given(st.floats(0, 100), st.floats(0.1, 100))
def test_a_share_is_never_more_than_all(position_s: float, length_s: float) -> None:
    share = FileProgress("a", position_s, length_s).share
    assert share is not None
    assert 0 <= share <= 1


def test_long_names_that_differ_at_their_end_are_told_apart() -> None:
    many = [FileProgress(f"interview with the whole board {n}.wav", 1, 10) for n in range(3)]
    names = {row.split("  ")[0] for row in rows(40, *many)[:3]}
    assert len(names) == 3
