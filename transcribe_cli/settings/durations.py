"""Durations and speeds as people type them."""

import re

from transcribe_cli.errors import UsageError

_UNITS = {"h": 3600, "m": 60, "s": 1}
_IN_UNITS = (
    r"(\d+(\.\d+)? *(h|hrs?|hours?) *)?(\d+(\.\d+)? *(m|mins?|minutes?) *)?"
    r"(\d+(\.\d+)? *(s|secs?|seconds?))?"
)


def parse_duration(text: str, option: str, *, least_s: float = 1e-9) -> float:
    """Seconds from `90`, `1.5`, `10m`, `10 min`, `1h30m`, `0:42` or `1:02:03`.

    >>> parse_duration("1h30m", "--max-duration"), parse_duration("0:42", "--max-duration")
    (5400.0, 42.0)

    Raises:
        UsageError: it is none of these, or less than `least_s`: by default not above zero.
    """
    seconds = -1.0
    if re.fullmatch(r"\d+(:\d{1,2}){1,2}(\.\d+)?", text):
        seconds = 0.0
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
    elif re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
    elif text and re.fullmatch(_IN_UNITS, text):
        found = re.findall(r"([\d.]+) *([hms])", text)
        seconds = sum(float(number) * _UNITS[unit] for number, unit in found)
    if seconds < least_s:
        raise UsageError(f"{option} '{text}' is no duration.", "for example 90, 10m, 1h30m or 0:42")
    return seconds


def parse_pace(text: str) -> float | None:
    """How many seconds of audio a second; None for as fast as it goes.

    Raises:
        UsageError: it is no positive number and not `max`.
    """
    if text == "max":
        return None
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0 < pace < float("inf"):
        raise UsageError(
            f"--pace '{text}' is neither a speed nor 'max'.", "for example 1, 2 or max"
        )
    return pace
