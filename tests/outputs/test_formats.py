"""From `-o PATH` to outputs."""

import os
from pathlib import Path

import pytest

from tests.outputs.run_records import recording
from tests.outputs.turn_records import record
from tests.program import ROOT
from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.formats import SUFFIXES, open_outputs, output_path
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.output import open_with_reader
from transcribe_cli.protocol.messages import Word

README = (ROOT / "README.md").read_text("utf-8")
_OPEN_FILES = Path("/proc/self/fd")  # on Linux


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("x.txt", "x.txt"),
        ("out/{stem}.jsonl", "out/team meeting.jsonl"),
        ("{stem}.{stem}.TXT", "team meeting.team meeting.TXT"),
    ],
)
def test_stem_of_the_source_is_put_in(template: str, path: str) -> None:
    assert output_path(template, "team meeting") == Path(path)


def test_braces_in_a_source_s_name_are_no_template() -> None:
    assert output_path("{stem}.txt", "{stem}") == Path("{stem}.txt")


@pytest.mark.parametrize("stem", ["..", ".", "", "...", "a\0b"])
def test_a_source_s_name_never_leads_to_another_folder(stem: str) -> None:
    assert output_path("{stem}/notes.md", stem) == Path("recording/notes.md")


@pytest.mark.parametrize("template", ["x", "x.doc", ".txt", "{stem}"])
def test_path_without_a_format_is_refused(template: str) -> None:
    with pytest.raises(UsageError) as refused:
        output_path(template, "a")

    assert ".txt" in refused.value.hint


def test_what_stands_for_nothing_is_no_path() -> None:
    with pytest.raises(UsageError) as refused:
        output_path("out/{nosuch}.txt", "a")

    assert refused.value.message == "-o 'out/{nosuch}.txt': {nosuch} stands for nothing."


BEGINS = {
    ".txt": "Hi.\n",
    ".md": "# a.wav\n",
    ".srt": "1\n00:00:",
    ".vtt": "WEBVTT\n\n00:00:",
    ".ass": "[Script Info]\n",
    ".lrc": "[00:0",
    ".jsonl": '{"v":1,"seq":0,',
    ".json": '{\n"v": 1,\n',
}


def test_there_is_a_format_for_each_suffix_and_the_readme_names_it() -> None:
    assert set(SUFFIXES) == set(BEGINS)
    *first, last = (f"`{suffix}`" for suffix in SUFFIXES)
    assert f"`-o` writes {', '.join(first)} or {last} while" in " ".join(README.split())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_suffix_chooses_the_format(tmp_path: Path, suffix: str) -> None:
    said = record("Hi.", words=[Word(start=0, end=900, text="Hi.")])
    for spelling in (suffix, suffix.upper()):
        written(str(tmp_path / f"{{stem}}{spelling}"), recording("a.wav"), said)

        assert (tmp_path / f"a{spelling}").read_text().startswith(BEGINS[suffix])


@pytest.mark.parametrize("suffix", sorted(set(SUFFIXES) - {".jsonl"}))
def test_tags_are_left_out_of_every_format_but_json_lines(tmp_path: Path, suffix: str) -> None:
    tag = record("[Music]", words=[Word(start=0, end=900, text="Music")])
    for keeps in (True, False):
        path = tmp_path / f"{keeps}{suffix}"
        written(str(path), recording("a.wav"), tag, non_speech=keeps)

        assert ("Music" in path.read_text()) is keeps


def test_partials_are_left_out_of_json_lines_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    written(str(path), recording("a.wav"), record("H", final=False), record("Hi."), partials=False)

    assert len(path.read_text().splitlines()) == 2


def test_recordings_that_share_a_file_are_told_apart(tmp_path: Path) -> None:
    records = [recording("a.wav"), record("One."), recording("b.wav"), record("Two.")]
    for suffix in (".txt", ".md", ".json"):
        path = tmp_path / f"x{suffix}"
        written(str(path), *records, headings=True)
        text = path.read_text()

        places = [text.index(part) for part in ("a.wav", "One.", "b.wav", "Two.")]
        assert places == sorted(places)


def written(
    template: str,
    *records: Record,
    partials: bool = True,
    non_speech: bool = True,
    headings: bool = False,
) -> None:
    """What one output makes of these records."""
    (output,) = open_outputs(
        [template], "a", partials=partials, non_speech=non_speech, headings=headings
    )
    for made in records:
        output.write(made)
    output.close()


def test_path_that_cannot_be_written_leaves_nothing_open(tmp_path: Path) -> None:
    templates = [str(tmp_path / "a.txt"), str(tmp_path / "none" / "b.txt")]
    with pytest.raises(UsageError) as refused:
        open_outputs(templates, "a", partials=True, non_speech=True)

    assert "none" in refused.value.message
    if _OPEN_FILES.is_dir():
        assert str(tmp_path / "a.txt") not in [os.path.realpath(fd) for fd in _OPEN_FILES.iterdir()]


def test_bad_suffix_is_found_before_any_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        open_outputs([str(tmp_path / "a.txt"), "b.doc"], "a", partials=True, non_speech=True)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_stays_as_it_is_until_a_recording_begins(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("of before")
    for _ in range(2):
        (output,) = open_outputs([str(path)], "a", partials=True, non_speech=True)
        assert path.read_text() == "of before"
        output.close()
    assert path.read_text() == "of before"
    (output,) = open_outputs([str(path)], "a", partials=True, non_speech=True)
    output.write(recording("a.wav"))
    output.close()

    assert "of before" not in path.read_text()


def test_an_output_that_gets_nothing_makes_no_file(tmp_path: Path) -> None:
    (output,) = open_outputs([str(tmp_path / "a.txt")], "a", partials=True, non_speech=True)
    output.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of POSIX")
def test_a_fifo_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(UsageError) as refused:
        open_with_reader(tmp_path / "a.txt", wait_s=0.0)

    assert refused.value.message.endswith("is a FIFO that nobody reads.")
