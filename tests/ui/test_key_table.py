"""The table of keys, and that the README lists the same."""

from pathlib import Path

import pytest

from transcribe_cli.ui import key_table
from transcribe_cli.ui.key_table import KEY_TABLE, Mode, action_of, announced, keys_in

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_lists_the_keys_of_the_table() -> None:
    listed = ", ".join(f"`{binding.key}` ({binding.help})" for binding in keys_in("run"))
    words = " ".join(README.read_text("utf-8").split())
    assert f"**Keys** while it runs: {listed}." in words


@pytest.mark.parametrize("mode", ["run", "replay", "batch"])
def test_a_key_has_one_meaning_in_a_mode(mode: Mode) -> None:
    names = [binding.key for binding in keys_in(mode)]
    assert len(set(names)) == len(names)
    assert all(action_of(binding.key, mode) == binding.action for binding in keys_in(mode))


def test_every_key_works_somewhere() -> None:
    assert all(binding.modes for binding in KEY_TABLE)


def test_a_key_does_nothing_where_it_is_not_listed() -> None:
    assert action_of("m", "replay") is None
    assert action_of("x", "run") is None


def test_enter_ends_the_turn_as_e_does() -> None:
    assert action_of("enter", "run") == action_of("e", "run") == "end turn"
    assert action_of("enter", "replay") is None


def test_what_is_said_of_the_keys_has_the_letters_of_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = {"stop": "x", "help": "h"}
    table = [binding._replace(key=other.get(binding.action, "")) for binding in KEY_TABLE]
    monkeypatch.setattr(key_table, "KEY_TABLE", tuple(table))
    assert announced("run", has_keys=True)[0] == "h shows the keys, x stops"
    assert announced("batch", has_keys=True)[1:] == ("h keys  x stop all files", "h keys")
