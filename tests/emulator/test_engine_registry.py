"""Engines by name."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from transcribe_cli.emulator.engines import registry
from transcribe_cli.emulator.engines.registry import (
    BUILT_IN,
    SpeechEngineInfo,
    choose_engine,
    speech_engines,
)
from transcribe_cli.errors import UsageError


def info(name: str, package: str = "os", multilingual: bool = False) -> SpeechEngineInfo:
    return SpeechEngineInfo(
        name, name.title(), "", "os", package, "pip install it", "all", "MIT", multilingual
    )


def test_the_best_that_is_installed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    many = (info("missing", "no_such_package"), info("english"), info("world", "os", True))
    monkeypatch.setattr(registry, "BUILT_IN", many)
    assert choose_engine(None).asked == "english"
    assert choose_engine(None, multilingual=True).asked == "world"
    monkeypatch.setattr(registry, "BUILT_IN", many[:2])
    assert choose_engine(None, multilingual=True).asked == "english"
    monkeypatch.setattr(registry, "BUILT_IN", many[:1])
    with pytest.raises(UsageError, match="needs the package moonshine-voice"):
        choose_engine(None)


def test_an_unknown_name_is_told_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="no engine 'nobody'") as caught:
        choose_engine("nobody:model")
    assert "moonshine, pocketsphinx" in str(caught.value.hint)


def test_a_model_stands_behind_the_name() -> None:
    pytest.importorskip("pocketsphinx")
    chosen = choose_engine("pocketsphinx:C:\\a:b")
    assert chosen.model == "C:\\a:b"
    assert chosen.asked == "pocketsphinx:C:\\a:b"


def test_who_asks_for_languages_learns_what_hears_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    models = {"base": "owner/base", "large": "owner/large"}
    world = info("world", multilingual=True)._replace(own_model="base", repositories=models)
    monkeypatch.setattr(registry, "BUILT_IN", (info("english"), world))
    english = choose_engine(None, multilingual=True)
    said = "only all is heard; for more: aai-stream models --fetch world:base"
    assert (english.asked, english.fallback_note(True)) == ("english", said)
    assert (english.fallback_note(), world.fetched_models) == ("", [])

    (tmp_path / "aai-stream" / "models" / "owner--base").mkdir(parents=True)
    assert choose_engine(None, multilingual=True).asked == "world"
    assert choose_engine(None, multilingual=True).fallback_note(True) == ""
    assert (world.how_to_get, world.fetched_models) == ("", ["base"])
    missing = info("missing", "no_such_package")
    assert missing.how_to_get == "pip install it"


def test_an_engine_is_told_with_its_model() -> None:
    moonshine = registry.ChosenEngine(BUILT_IN[0])
    assert moonshine.title == "Moonshine tiny"
    assert moonshine._replace(model="base").title == "Moonshine base"
    assert registry.ChosenEngine(BUILT_IN[1]).title == "PocketSphinx"


def test_what_is_not_installed_is_told_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "BUILT_IN", (info("missing", "no_such_package"),))
    with pytest.raises(UsageError, match="needs the package no_such_package") as caught:
        choose_engine("missing")
    assert caught.value.hint == "pip install it"


def test_another_package_adds_an_engine_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    theirs = ModuleType("their_engine")
    theirs.INFO = info("as they call it")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "their_engine", theirs)
    point = metadata.EntryPoint("parrot", "their_engine:INFO", registry.GROUP)
    ours = metadata.EntryPoint("moonshine", "their_engine:INFO", registry.GROUP)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point, ours])
    known = speech_engines()
    assert known["parrot"].title == "As They Call It"
    assert known["moonshine"] == BUILT_IN[0]
    assert choose_engine("parrot:big").asked == "parrot:big"


def test_a_folder_that_holds_no_model_is_told_before_anything_starts(tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="is no folder of a Moonshine model"):
            choose_engine(f"moonshine:{wrong}")


def test_a_folder_of_a_model_is_known_wherever_it_is_named_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "base-en").mkdir()
    (tmp_path / "base-en" / "tokenizer.bin").touch()
    monkeypatch.chdir(tmp_path)
    chosen = choose_engine("moonshine:base-en")
    assert chosen.model == str(tmp_path / "base-en")
    assert chosen.title == "Moonshine base-en"


def test_the_fallback_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    fallback = registry.ChosenEngine(BUILT_IN[1])
    assert fallback.fallback_note() == ""
    monkeypatch.setattr(registry, "BUILT_IN", (info("missing", "no_such_package"), BUILT_IN[1]))
    said = "PocketSphinx hears, and needs clear speech: Missing is not installed"
    assert fallback.fallback_note() == said
