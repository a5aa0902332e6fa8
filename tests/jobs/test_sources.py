"""What `file` is asked to transcribe."""

import io
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.errors import AudioError, UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.sources import STDIN, find_sources, names_of

NOTHING = io.BytesIO()


def make(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")


def test_files_are_taken_as_they_are_named() -> None:
    assert find_sources(["b.wav", "a.mp3"], None, NOTHING) == (["b.wav", "a.mp3"], True)
    assert find_sources(["missing.wav"], None, NOTHING) == (["missing.wav"], False)
    assert find_sources([STDIN], None, NOTHING) == ([STDIN], False)


def test_a_folder_stands_for_its_media_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.wav", "A.MP3", "c.txt", "d", "e.opus")
    make(tmp_path / "deeper.wav", "inside.wav")
    paths, many = find_sources([str(tmp_path)], None, NOTHING)
    assert [Path(path).name for path in paths] == ["A.MP3", "b.wav", "e.opus"]
    assert many


def test_a_folder_with_one_file_is_many(tmp_path: Path) -> None:
    make(tmp_path, "b.wav")
    assert find_sources([str(tmp_path)], None, NOTHING).many


def test_a_folder_without_media_is_an_error_of_audio(tmp_path: Path) -> None:
    make(tmp_path, "c.txt")
    with pytest.raises(AudioError, match="directory without audio files") as raised:
        find_sources(["a.wav", str(tmp_path)], None, NOTHING)
    assert raised.value.exit_status is ExitStatus.AUDIO


def test_a_list_names_a_file_a_line(tmp_path: Path) -> None:
    text = "\ufeffa.wav\r\n# no\n\n  b c.wav \n#d.wav\nä.wav"
    (tmp_path / "list").write_bytes(text.encode())
    expected = (["x.wav", "a.wav", "b c.wav", "ä.wav"], True)
    assert find_sources(["x.wav"], str(tmp_path / "list"), NOTHING) == expected
    assert find_sources(["x.wav"], STDIN, io.BytesIO(text.encode())) == expected


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", None])
def test_a_list_that_cannot_be_read_is_a_wrong_usage(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "list"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=r"The list .* cannot be read"):
        find_sources([], str(path), NOTHING)


def test_nothing_at_all_is_a_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# none\n")
    for listed in (None, str(tmp_path / "list")):
        with pytest.raises(UsageError, match="nothing to transcribe"):
            find_sources([], listed, NOTHING)


def test_standard_input_is_read_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="once only"):
        find_sources([STDIN, STDIN], None, NOTHING)
    with pytest.raises(UsageError, match="once only"):
        find_sources([STDIN], STDIN, io.BytesIO(b"a.wav\n"))


def test_files_of_one_name_are_called_by_their_folders_too() -> None:
    assert names_of(["talk.wav", "a/intro.wav", STDIN]) == ["talk.wav", "intro.wav", "stdin"]
    assert names_of(["x/mon/1.wav", "x/tue/1.wav"]) == ["mon/1.wav", "tue/1.wav"]
    assert names_of(["a/x/1.wav", "b/x/1.wav", "c/1.wav"]) == ["a/x/1.wav", "b/x/1.wav", "c/1.wav"]
    assert names_of(["1.wav", "1.wav", "./1.wav"]) == ["1.wav"] * 3
    assert names_of(["/1.wav", "/a/1.wav"]) == ["1.wav", "a/1.wav"]


folders = st.lists(st.sampled_from("abc"), max_size=4)
paths = st.builds(
    lambda inside, name: "/" + "/".join([*inside, name]), folders, st.sampled_from(["1.w", "2.w"])
)


@given(st.lists(paths, max_size=12))
def test_a_name_says_which_file_it_is(asked: list[str]) -> None:
    names = names_of(asked)
    assert len(names) == len(asked)
    for path, name in zip(asked, names, strict=True):
        parts = PurePosixPath(name).parts
        assert PurePosixPath(path).parts[-len(parts) :] == parts
        same = [other for other, called in zip(asked, names, strict=True) if called == name]
        assert set(same) == {path}


def test_a_list_may_hold_names_of_any_bytes_with_nul_after_each() -> None:
    data = b"a b.wav\0#1.wav\0new\nline.wav\0caf\xe9.wav\0"
    found = find_sources([], STDIN, io.BytesIO(data)).paths
    assert found == ["a b.wav", "#1.wav", "new\nline.wav", "caf\udce9.wav"]
    assert find_sources([], STDIN, io.BytesIO(b"caf\xe9.wav\n")).paths == ["caf\udce9.wav"]
