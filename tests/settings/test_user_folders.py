"""The user's folders are those that platformdirs names, however the variables are set."""

import sys
from pathlib import Path

import platformdirs
import pytest

from transcribe_cli.settings.user_folders import config_folder, data_folder, save_dir_of

VALUES = (None, "", " ", "/somewhere/else", " /blanks ", "relative/path", "~/home", "/a/../b")


@pytest.mark.parametrize("home", ["/home/me", "", None])
@pytest.mark.parametrize("value", VALUES)
def test_they_are_the_platforms(
    value: str | None, home: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, given in (("XDG_DATA_HOME", value), ("XDG_CONFIG_HOME", value), ("HOME", home)):
        if given is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, given)

    assert data_folder("app") == Path(platformdirs.user_data_dir("app", appauthor=False))
    assert config_folder("app") == Path(platformdirs.user_config_dir("app", appauthor=False))


def test_elsewhere_platformdirs_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda *_, **__: "/Users/me/data")
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda *_, **__: "/Users/me/config")

    assert data_folder("app") == Path("/Users/me/data")
    assert config_folder("app") == Path("/Users/me/config")


def test_recordings_lie_in_the_users_folder() -> None:
    assert "aai-stream" in str(save_dir_of(None))
