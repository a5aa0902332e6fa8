"""Engines by name."""

import pytest

from transcribe_cli.emulator.engines.registry import BUILT_IN, find_engine, title_of
from transcribe_cli.errors import UsageError


def test_the_best_that_is_installed_is_taken() -> None:
    installed = [info for info in BUILT_IN if info.installed]
    assert find_engine(None) == (installed[0], "")


def test_an_unknown_name_is_told_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="no engine 'nobody'") as caught:
        find_engine("nobody:model")
    assert "moonshine" in str(caught.value.hint)


def test_a_model_stands_behind_the_name() -> None:
    pytest.importorskip("pocketsphinx")
    assert find_engine("pocketsphinx:a:b")[1] == "a:b"
    assert title_of("pocketsphinx") == "PocketSphinx"
