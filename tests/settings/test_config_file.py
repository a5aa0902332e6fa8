"""`config.toml`: what it sets, and what is said where it is wrong."""

from pathlib import Path
from typing import Any

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.config_file import load_config, option_kinds, read_config
from transcribe_cli.settings.precedence import config_path


def loaded(folder: Path, content: bytes | str) -> dict[str, Any]:
    path = folder / "config.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return dict(load_config(path, option_kinds()).values)


def refused(folder: Path, content: bytes | str) -> str:
    with pytest.raises(UsageError) as error:
        loaded(folder, content)
    assert str(folder / "config.toml") in error.value.message
    assert error.value.hint
    return f"{error.value.message} {error.value.hint}"


def test_settings_are_read_with_either_kind_of_dash(tmp_path: Path) -> None:
    content = 'model = "whisper-rt"\nsave-dir = "/x"\nchunk_ms = 100\n'

    assert loaded(tmp_path, content) == {
        "model": "whisper-rt",
        "save_dir": "/x",
        "chunk_ms": 100,
    }


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfjobs = 2\n", b"jobs = 2\r\n", b"# one\r\n\r\njobs = 2"],
)
def test_what_editors_of_windows_write_is_read(tmp_path: Path, content: bytes) -> None:
    assert loaded(tmp_path, content) == {"jobs": 2}


def test_a_number_will_do_for_a_text_and_one_text_for_a_list(tmp_path: Path) -> None:
    content = 'device = 1\nmax-duration = 90\nkeyterm = "RNase"\nmax-cost = 1\n'

    assert loaded(tmp_path, content) == {
        "device": "1",
        "max_duration": "90",
        "keyterm": ["RNase"],
        "max_cost": 1,
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("\nchunk-ms = 'fast'\n", ("chunk-ms in line 2 of", "a whole number, not 'fast'")),
        ("jobs = 2.5\n", ("jobs in line 1 of", "a whole number")),
        ("jobs = true\n", ("a whole number, not true",)),
        ("local = 'yes'\n", ("true or false", "without quotes")),
        ("model = true\n", ("takes a text, not true", "in quotes")),
        ("keyterm = [1]\n", ("a list of texts",)),
        ("modle = 'x'\n", ("'modle' in line 1", "did you mean model?")),
        ("paths = ['x.wav']\n", ("'paths'", "no option")),
        ("[mic]\nmodel = 'x'\n", ("[mic] in line 1", "is a table")),
        ("mic.model = 'x'\n", ("[mic] in line 1", "is a table")),
        ("model = ", ("cannot be read", "Invalid value")),
        ("model = whisper-rt\n", ("cannot be read", 'model = "whisper-rt"')),
        (b"\xff\xfem\0", ("no UTF-8",)),
        (b"model = 'caf\xe9'", ("no UTF-8",)),
        ("a = " + "[" * 5000, ("cannot be read",)),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, content: bytes | str, said: tuple[str, ...]
) -> None:
    message = refused(tmp_path, content)

    for part in said:
        assert part in message


def test_missing_settings_are_none(tmp_path: Path) -> None:
    assert not load_config(tmp_path / "config.toml", {}).values


def test_a_folder_is_no_settings(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_config(tmp_path, {})


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a file without an end")
def test_settings_without_an_end_are_not_read_for_ever() -> None:
    with pytest.raises(UsageError, match="far too long"):
        read_config(Path("/dev/zero"))


def test_another_file_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.touch()
    assert config_path({"AAI_STREAM_CONFIG": str(path)}) == path
    assert config_path({}).name == "config.toml"
    assert config_path({"AAI_STREAM_CONFIG": ""}).name == "config.toml"


def test_a_file_that_is_named_and_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gone.toml"

    with pytest.raises(UsageError, match="AAI_STREAM_CONFIG") as error:
        config_path({"AAI_STREAM_CONFIG": str(path)})

    assert str(path) in error.value.message
    assert error.value.hint
