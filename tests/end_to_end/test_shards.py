"""One list of files on several machines: shards that do not talk to each other."""

import json
import shutil
from typing import Any

import pytest

from tests.counting import counting_service
from tests.end_to_end.counted_files import (
    words_by_heading,
    words_by_source,
    write_talk,
    write_talks,
)
from tests.program import Home, Outcome
from tests.schema import held_to_schema

pytestmark = pytest.mark.usefixtures("in_process")

SIZES = (12, 4, 7, 3)


def run_shard(home: Home, url: str, number: int, of: int, *more: str) -> Outcome:
    asked = ("--shard", f"{number}/{of}", "--jobs", "3", "--pace", "max", "--jsonl")
    return home.run("file", "talks", *asked, "--endpoint", url, *more)


def test_each_file_is_in_one_shard_and_done_files_are_found_from_another_mount(home: Home) -> None:
    said = write_talks(home.work / "talks", *SIZES)
    heard: dict[str, list[str]] = {}
    with counting_service() as service:
        for number in (1, 2, 3):
            outcome = run_shard(home, service.url, number, 3, "-o", "{stem}.txt")
            assert outcome.code == 0, outcome.err
            first = outcome.records[0]
            assert (first["type"], first["shard"], first["total"]) == ("Shard", number, 4)
            assert first["files"] == [f"talk{place + 1}.wav" for place in first["places"]]
            own = words_by_source(outcome.records)
            assert sorted(own) == first["files"]
            assert not own.keys() & heard.keys()
            heard |= own
        assert heard == said
        assert len(service.sessions) == 4
        for number, words in enumerate(said.values(), 1):
            assert (home.work / f"talk{number}.txt").read_text().split() == words

        shutil.copytree(home.work / "talks", home.work / "mount" / "talks")
        shutil.rmtree(home.work / "talks")
        again = home.run(
            *("file", "mount/talks", "--shard", "2/3", "--pace", "max", "--jsonl"),
            *("--endpoint", service.url),
        )
        assert again.code == 0, again.err
        assert len(service.sessions) == 4
        own = words_by_source(again.records)
        assert own == {name: said[name] for name in again.records[0]["files"]}


def test_a_shard_ends_as_its_own_files_do(home: Home) -> None:
    said = write_talks(home.work / "talks", 30, 8)
    (home.work / "talks" / "broken.wav").write_bytes(b"RIFF but nothing like it")
    with counting_service() as service:
        outcomes = [run_shard(home, service.url, number, 2) for number in (1, 2)]
    assert [outcome.code for outcome in outcomes] == [0, 3]
    assert words_by_source(outcomes[1].records) == {"talk2.wav": said["talk2.wav"]}


def test_a_shard_without_files_is_done_and_needs_no_service(home: Home) -> None:
    write_talks(home.work / "talks", 5)
    outcome = run_shard(home, "ws://127.0.0.1:9", 3, 3)
    assert outcome.code == 0
    assert [record["type"] for record in outcome.records] == ["Shard"]
    assert outcome.err == "shard 3 of 3: 0 of 1 files, about 0:00 of 0:01\n"


def test_what_two_shards_would_both_write_is_refused_by_all(home: Home) -> None:
    for folder in ("mon", "tue"):
        (home.work / folder).mkdir()
        write_talk(home.work / folder / "talk.wav", 5)
    for number in ("1/2", "2/2"):
        outcome = home.run("file", "mon", "tue", "--shard", number, "-o", "{stem}.srt")
        assert outcome.code == 2
        assert "the same path" in outcome.err


def test_outputs_of_other_shards_are_no_reason_to_refuse(home: Home) -> None:
    write_talks(home.work / "talks", 30, 8)
    with counting_service() as service:
        for number in (1, 2):
            outcome = run_shard(home, service.url, number, 2, "-o", "{stem}.txt", "--no-clobber")
            assert outcome.code == 0, outcome.err


def test_standard_input_is_no_list_of_files(home: Home) -> None:
    outcome = home.run("file", "-", "--shard", "1/2")
    assert outcome.code == 2
    assert outcome.err.startswith("error: Standard input is one source")


def leave_three_shards(home: Home, url: str) -> dict[str, list[str]]:
    said = write_talks(home.work / "talks", *SIZES)
    for number in (1, 2, 3):
        outcome = run_shard(home, url, number, 3, "-o", f"shard-{number}.jsonl")
        assert outcome.code == 0, outcome.err
    return said


def test_what_three_shards_leave_is_merged_into_what_one_run_writes(home: Home) -> None:
    with counting_service() as service:
        said = leave_three_shards(home, service.url)
        whole = home.run(
            *("file", "talks", "--no-save", "--endpoint", service.url, "--pace", "max"),
            *("--text", "-o", "whole.srt"),
        )
    merged = home.run(
        *("merge", "shard-3.jsonl", "shard-1.jsonl", "shard-2.jsonl"),
        *("-o", "-", "-o", "all.srt", "-o", "all.json", "-o", "all.jsonl", "-o", "{stem}.txt"),
    )
    assert merged.code == 0, merged.err
    assert merged.out == whole.out
    assert (home.work / "all.srt").read_text() == (home.work / "whole.srt").read_text()
    assert (home.work / "talk3.txt").read_text().split() == said["talk3.wav"]
    assert [one["recording"]["source"] for one in read_json(home, "all.json")] == list(said)
    records = [held_to_schema(json.loads(line)) for line in open_lines(home, "all.jsonl")]
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert words_by_source(records) == said
    assert list(words_by_source(records)) == list(said)
    total, words = records[-1], sum(SIZES)
    assert (total["type"], total["files"], total["failed"]) == ("Total", 4, [])
    assert (total["words"], total["sessions"], total["complete"]) == (words, 4, True)
    costs = [record["cost_usd"] for record in records if record["type"] == "Summary"]
    assert total["cost_usd"] == pytest.approx(sum(costs))
    assert last_lines(merged)[0].startswith("in all: 2.6 s, 7 turns, 26 words; billed: ")
    assert last_lines(merged)[-1] == "4 of 4 files complete"

    of_folders = home.run("merge", str(home.recordings), "--format", "txt")
    assert sorted(of_folders.out.split()) == sorted(whole.out.split())


def test_a_merge_names_what_is_missing_and_ends_as_the_first_that_failed(home: Home) -> None:
    with counting_service() as service:
        said = leave_three_shards(home, service.url)
    lacking = home.run("merge", "shard-1.jsonl", "shard-2.jsonl", "--format", "jsonl")
    assert lacking.code == 6
    assert last_lines(lacking)[-1].endswith("files complete; not there: shard 3 of 3")
    assert lacking.records[-1]["complete"] is False

    cut_off = open_lines(home, "shard-1.jsonl")
    assert '"Summary"' in cut_off[-1]
    (home.work / "shard-1.jsonl").write_text("".join(cut_off[:-1]))
    outcome = home.run("merge", "shard-1.jsonl", "shard-2.jsonl")
    assert outcome.code == 6
    assert "cut off: talk1.wav" in last_lines(outcome)[-1]
    assert dict(words_by_heading(outcome.out))["talk1.wav"] == said["talk1.wav"]

    errors = home.run("file", "no.wav", "talks/none.wav", "--shard", "1/1", "--jsonl", "--local")
    (home.work / "failed.jsonl").write_text(errors.out)
    failed = home.run("merge", "failed.jsonl")
    assert failed.code == 3
    assert last_lines(failed) == ["0 of 2 files complete; failed: no.wav, none.wav"]


def test_a_merge_replaces_nothing_that_it_reads(home: Home) -> None:
    (home.work / "a.jsonl").write_text(
        '{"v":1,"seq":0,"time":"2026-11-28T10:00:00.000Z","type":"Error","source":"a","exit_code":3}\n'
    )
    before = (home.work / "a.jsonl").read_bytes()
    outcome = home.run("merge", "a.jsonl", "-o", "./a.jsonl")
    assert outcome.code == 2
    assert (home.work / "a.jsonl").read_bytes() == before


def last_lines(outcome: Outcome) -> list[str]:
    return outcome.err.removeprefix("warning: ").splitlines()


def open_lines(home: Home, name: str) -> list[str]:
    return (home.work / name).read_text().splitlines(keepends=True)


def read_json(home: Home, name: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads((home.work / name).read_text())
    return read
