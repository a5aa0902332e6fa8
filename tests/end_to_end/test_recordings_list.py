"""`recordings list`: the newest ones, what they begin with, and no line that breaks."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.hostile.foreign_recordings import make_recording
from tests.program import Home, Outcome
from transcribe_cli.commands.recordings_list import parse_since, size_of
from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.listings import cut_to

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make(home: Home, day: int, name: str = "team-meeting", said: str = "Good morning.") -> Path:
    made = make_recording(home, time=f"2026-11-{day:02}T12:00:00.000Z")
    (made / "transcript.txt").write_text(said + "\n")
    return made.rename(made.with_name(f"2026-11-{day:02}-120000-{name}"))


def test_every_line_fits_and_begins_with_what_names_the_recording(
    home: Home,
    call: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for day in range(1, 4):
        make(home, day, "a-talk-with-a-very-long-name-of-its-own", "Dobrý den, 今日は " * 20)
    monkeypatch.setenv("COLUMNS", "80")
    lines = call("recordings", "list").out.splitlines()
    assert len(lines) == 4
    for line in lines[1:]:
        assert sum(2 if char in "今日は" else 1 for char in line) <= 80
        assert "Dobrý den" in line
        assert call("recordings", "show", line.split()[0]).code == 0
    monkeypatch.delenv("COLUMNS")
    assert "今日は\n" in call("recordings", "list").out  # a pipe gets all of it


def test_the_newest_come_last_and_how_many_are_left_out_is_said(
    home: Home,
    call: Callable[..., Outcome],
) -> None:
    for day in range(1, 10):
        make(home, day)
    outcome = call("recordings", "list", "--limit", "2")
    assert [line[:10] for line in outcome.out.splitlines()[1:]] == ["2026-11-08", "2026-11-09"]
    assert outcome.err == "7 older ones: --limit 9 lists them too\n"
    since = json.loads(call("recordings", "list", "--since", "2026-11-07", "--json").out)
    assert [one["id"][:10] for one in since] == ["2026-11-07", "2026-11-08", "2026-11-09"]
    assert call("recordings", "list", "--since", "2026-12").out == "no recordings\n"


def test_names_and_words_are_no_escape_sequences(
    home: Home,
    call: Callable[..., Outcome],
) -> None:
    make(home, 1, "a\x1b[2J\nb", "w1\x1b]0;x\x07 w2")
    outcome = call("recordings", "list")
    assert "\x1b" not in outcome.out
    assert len(outcome.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026", "2026-01-01T00:00:00+00:00"),
        ("2026-11", "2026-11-01T00:00:00+00:00"),
        ("2026-11-19T08:30", "2026-11-19T08:30:00+00:00"),
        ("90m", "2026-11-20T10:30:00+00:00"),
        ("2w", "2026-11-06T12:00:00+00:00"),
    ],
)
def test_since_takes_a_date_or_how_long_ago(text: str, time: str) -> None:
    assert parse_since(text, NOW).isoformat() == time


@pytest.mark.parametrize(
    "text",
    [
        "",
        "d",
        "-1d",
        "yesterday",
        "2026-13",
        "99999999999d",
        "9999999d",
        "²d",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_since_that_is_no_time_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        parse_since(text, NOW)


def test_sizes_have_the_unit_that_suits_them() -> None:
    assert [size_of(n) for n in (0, 1000, 9_960, 1_500_000, 3 * 10**12)] == [
        *("0 B", "1.0 kB", "10 kB", "1.5 MB", "3000 GB")
    ]


def test_text_is_cut_between_characters() -> None:
    assert cut_to("abc", 3) == "abc"
    assert cut_to("abcd", 3) == "ab\N{HORIZONTAL ELLIPSIS}"
    assert cut_to("今日は", 5) == "今日\N{HORIZONTAL ELLIPSIS}"
    assert cut_to("今日は", 6) == "今日は"


def test_a_folder_that_is_not_there_yet_is_an_error_only_where_it_was_typed(
    home: Home, call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_variable = call("recordings", "list")
    monkeypatch.delenv("AAI_STREAM_SAVE_DIR")
    config = home.path / "config" / "aai-stream" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"save-dir = '{home.work / 'later'}'\n")
    by_config = call("recordings", "list")
    typed = call("recordings", "list", "--save-dir", str(home.work / "later"))

    assert (by_variable.code, by_variable.out) == (0, "no recordings\n")
    assert (by_config.code, by_config.out) == (0, "no recordings\n")
    assert "later" in by_config.err
    assert (typed.code, typed.out) == (2, "")
    assert "later" in typed.err
