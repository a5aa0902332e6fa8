"""Outputs of what the services' own pages and published captures say."""

from pathlib import Path

import pytest

from tests import recorded_messages as traces
from tests.outputs.golden_files import FOLDER, SUFFIXES, write_outputs


@pytest.mark.parametrize("name", traces.NAMES)
def test_outputs_are_as_they_were_read_and_found_right(tmp_path: Path, name: str) -> None:
    write_outputs(tmp_path, name)

    for suffix in SUFFIXES:
        made, golden = (folder / f"{name}{suffix}" for folder in (tmp_path, FOLDER))
        assert made.read_text(encoding="utf-8") == golden.read_text(encoding="utf-8")


def test_there_is_no_golden_file_of_something_else() -> None:
    made = [path.stem for path in FOLDER.iterdir() if path.suffix in SUFFIXES]

    assert sorted(made) == sorted(traces.NAMES * len(SUFFIXES))
