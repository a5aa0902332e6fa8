"""From `-o PATH` to outputs."""

import os
from pathlib import Path

import pytest

from tests.outputs.updates import WHEN, record
from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.outputs.paths import open_outputs, output_path
from transcribe_cli.outputs.record import Record

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


@pytest.mark.parametrize("template", ["x", "x.doc", ".txt", "{stem}"])
def test_path_without_a_format_is_refused(template: str) -> None:
    with pytest.raises(UsageError) as refused:
        output_path(template, "a")

    assert ".txt" in refused.value.hint


def test_suffix_chooses_the_format(tmp_path: Path) -> None:
    templates = [str(tmp_path / "{stem}.txt"), str(tmp_path / "{stem}.JSONL")]
    outputs = Outputs(
        open_outputs(templates, "a", partials=False, non_speech=True), lambda *_: None
    )
    outputs.write(Record(WHEN, "Recording", {"source": "a"}))
    outputs.write(record("Hi."))
    outputs.close()

    assert (tmp_path / "a.txt").read_text() == "Hi.\n"
    assert len((tmp_path / "a.JSONL").read_text().splitlines()) == 2


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
