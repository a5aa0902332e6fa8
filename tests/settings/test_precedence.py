"""Of two settings that exclude each other the one nearer to the user counts."""

from typing import Any

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.precedence import settled

OFF: dict[str, Any] = {
    "local": False,
    "endpoint": None,
    "region": "default",
    "jsonl": False,
    "text": False,
    "no_save": False,
    "save_dir": None,
    "quiet": False,
    "verbose": False,
}
SET: dict[str, Any] = {
    "local": True,
    "endpoint": "ws://127.0.0.1:1",
    "region": "eu",
    "jsonl": True,
    "text": True,
    "no_save": True,
    "save_dir": "/x",
    "quiet": True,
    "verbose": True,
}
PAIRS = [
    ("local", "endpoint"),
    ("local", "region"),
    ("endpoint", "region"),
    ("jsonl", "text"),
    ("no_save", "save_dir"),
    ("quiet", "verbose"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS + [(b, a) for a, b in PAIRS])
def test_the_nearer_one_counts(one: str, other: str) -> None:
    values = OFF | {one: SET[one], other: SET[other]}
    ranks = dict.fromkeys(OFF, 0) | {one: 3, other: 1}

    assert settled(values, OFF, ranks) == OFF | {one: SET[one]}


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_both_said_in_one_place_are_an_error(one: str, other: str) -> None:
    values = OFF | {one: SET[one], other: SET[other]}

    with pytest.raises(UsageError) as error:
        settled(values, OFF, dict.fromkeys(OFF, 3))

    for name in (one, other):
        assert f"--{name.replace('_', '-')}" in error.value.message


def test_what_is_off_excludes_nothing() -> None:
    values = OFF | {"endpoint": "ws://127.0.0.1:1"}

    assert settled(values, OFF, dict.fromkeys(OFF, 3)) == values
