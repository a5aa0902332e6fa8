"""What shards have left: each file once, the best there is of it, in the order of the list."""

import json
from pathlib import Path
from typing import Any

import pytest

from transcribe_cli.errors import UsageError
from transcribe_cli.jobs.shard_results import FileResult, Results, read_results

TIME = "2026-11-28T10:00:00.000Z"


def a_run(name: str, *, complete: bool | None = True, content: str = "1") -> list[dict[str, Any]]:
    """The records of a file's run; `complete` None: it was cut off."""
    records: list[dict[str, Any]] = [
        {"type": "Recording", "file": {"content": content}},
        {"type": "Turn", "final": False},
        {"type": "Turn", "final": True},
    ]
    if complete is not None:
        records.append({"type": "Summary", "complete": complete})
    return [{"time": TIME, "source": name} | record for record in records]


def cut(shard: int, of: int, total: int, **files: int) -> dict[str, Any]:
    places, names = list(files.values()), list(files)
    head = {"type": "Shard", "shard": shard, "shards": of, "total": total}
    return head | {"places": places, "files": names}


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def read(*paths: Path, partials: bool = True) -> Results:
    return read_results(paths, partials=partials)


def names(results: Results) -> list[str]:
    return [file if isinstance(file, str) else file.name for file in results.files]


def only(results: Results) -> FileResult:
    (file,) = results.files
    assert isinstance(file, FileResult)
    return file


def test_files_stand_in_the_order_of_the_list_however_they_are_found(tmp_path: Path) -> None:
    one = write(tmp_path / "1", cut(1, 2, 3, b=1), *a_run("b"))
    two = write(tmp_path / "2", cut(2, 2, 3, a=0, c=2), *a_run("c"), *a_run("a"))
    assert read(two, one) == read(one, two)
    assert names(read(two, one)) == ["a", "b", "c"]
    assert read(two, one).missing == []


def test_records_of_files_that_ran_at_once_are_told_apart(tmp_path: Path) -> None:
    alternating = [r for pair in zip(a_run("a"), a_run("b"), strict=True) for r in pair]
    found = read(write(tmp_path / "1", *alternating))
    for file, name in zip(found.files, "ab", strict=True):
        assert isinstance(file, FileResult)
        assert list(file.records()) == a_run(name)


def test_partials_are_left_out_where_nobody_wants_them(tmp_path: Path) -> None:
    found = only(read(write(tmp_path / "1", *a_run("a")), partials=False))
    assert [record["type"] for record in found.records()] == ["Recording", "Turn", "Summary"]


def test_of_a_file_that_is_there_twice_the_complete_one_counts(tmp_path: Path) -> None:
    whole = write(tmp_path / "1", *a_run("a"))
    later = write(tmp_path / "2", *({**r, "time": "2027"} for r in a_run("a", complete=False)))
    for order in ((whole, later), (later, whole)):
        assert only(read(*order)).path == whole


def test_of_two_complete_ones_the_later_counts(tmp_path: Path) -> None:
    first = write(tmp_path / "1", *a_run("a"))
    later = write(tmp_path / "2", *({**r, "time": "2027"} for r in a_run("a")))
    for order in ((first, later), (later, first)):
        assert only(read(*order)).path == later


def test_files_of_two_folders_may_share_a_name_where_no_list_tells_them_apart(
    tmp_path: Path,
) -> None:
    one = write(tmp_path / "1", *a_run("a", content="1"))
    other = write(tmp_path / "2", *a_run("a", content="2"))
    assert names(read(one, other)) == ["a", "a"]
    listed = write(tmp_path / "3", cut(1, 1, 1, a=0))
    assert names(read(one, other, listed)) == ["a"]


def test_what_could_not_be_opened_is_a_file_too(tmp_path: Path) -> None:
    error = {"type": "Error", "time": TIME, "source": "x", "exit_code": 3}
    found = only(read(write(tmp_path / "1", error)))
    assert (found.content, found.complete, list(found.records())) == ("", False, [error])


def test_an_error_of_the_second_time_does_not_hide_what_was_transcribed(tmp_path: Path) -> None:
    error = {"type": "Error", "time": TIME, "source": "a", "exit_code": 6}
    assert only(read(write(tmp_path / "1", *a_run("a"), error))).complete


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    one = write(tmp_path / "1", cut(1, 3, 5, a=0, d=3), *a_run("d"))
    found = read(one)
    assert names(found) == ["a", "d"]
    assert found.files[0] == "a"
    assert found.missing == ["shards 2, 3 of 3"]


@pytest.mark.parametrize(("shard", "of", "total"), [(1, 1_000_000, 1), (0, 2, 1), (1, 2, -1)])
def test_numbers_that_no_shard_has_are_no_record_of_ours(
    tmp_path: Path, shard: int, of: int, total: int
) -> None:
    assert read(write(tmp_path / "1", cut(shard, of, total, a=0), *a_run("a"))).missing == []


def test_many_shards_that_are_not_there_take_one_line(tmp_path: Path) -> None:
    (told,) = read(write(tmp_path / "1", cut(1, 999_999, 1, a=0), *a_run("a"))).missing
    assert told == "shards 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 999988 more of 999999"


def test_shards_that_saw_other_lists_are_found_out(tmp_path: Path) -> None:
    one = write(tmp_path / "1", cut(1, 2, 4, a=0), *a_run("a"))
    two = write(tmp_path / "2", cut(2, 2, 4, b=1, c=2), *a_run("b"), *a_run("c"))
    assert read(one, two).missing == ["1 files that no shard had, since each saw another list"]
    other = write(tmp_path / "3", cut(2, 3, 4, b=1), *a_run("b"))
    with pytest.raises(UsageError, match="shards of different lists"):
        read(one, other)


def test_lines_that_are_no_records_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "1", *a_run("a"))
    good = path.read_bytes()
    odd = b'\xff\n[]\n{"type":5}\n{"type":"Shard","shard":"x"}\n{"type":"Turn","source":"nobody"}\n'
    path.write_bytes(odd + good + odd + b'{"type":"Su')
    assert list(only(read(path)).records()) == a_run("a")


@pytest.mark.parametrize("content", ["", "hello\n", "{}\n"])
def test_nothing_to_merge_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "1").write_text(content)
    with pytest.raises(UsageError, match="There is nothing to merge"):
        read(tmp_path / "1")
    with pytest.raises(UsageError, match="holds no recordings"):
        read(tmp_path)
