"""Durations and speeds as people type them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.durations import parse_duration, parse_pace


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1h", 3600),
        ("1h0m5s", 3605),
        ("0.5h", 1800),
        ("0:42", 42),
        ("1:02:03", 3723),
        ("1:02.5", 62.5),
        ("10 min", 600),
        ("1 hour 30 minutes", 5400),
        ("2hrs", 7200),
        ("90 sec", 90),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration(text, "--max-duration") == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "0:00", "-5", "5x", "1m1h", "1:2:3:4", "ten", "1e3", "nan", "inf", " 5"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"^--max-duration '{text}'"):
        parse_duration(text, "--max-duration")


@given(st.text(max_size=12))
def test_duration_is_positive_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text, "--max-duration")
    except UsageError:
        return
    assert seconds > 0
    assert not math.isnan(seconds)


@pytest.mark.parametrize(
    ("text", "pace"),
    [("max", None), ("2", 2.0), ("0.5", 0.5)],
)
def test_pace(text: str, pace: float | None) -> None:
    assert parse_pace(text) == pace


@pytest.mark.parametrize("text", ["0", "-1", "fast", "", "nan", "inf"])
def test_what_is_no_pace_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--pace"):
        parse_pace(text)
