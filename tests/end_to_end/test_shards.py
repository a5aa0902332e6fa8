"""One list of files on several machines: shards that do not talk to each other."""

import shutil

import pytest

from tests.counting import counting_service
from tests.end_to_end.counted_files import words_by_source, write_talk, write_talks
from tests.program import Home, Outcome

pytestmark = pytest.mark.usefixtures("in_process")

SIZES = (30, 8, 12, 5, 20, 5, 9)


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
            assert (first["type"], first["shard"], first["total"]) == ("Shard", number, 7)
            assert first["files"] == [f"talk{place + 1}.wav" for place in first["places"]]
            own = words_by_source(outcome.records)
            assert sorted(own) == first["files"]
            assert not own.keys() & heard.keys()
            heard |= own
        assert heard == said
        assert len(service.sessions) == 7
        for number, words in enumerate(said.values(), 1):
            assert (home.work / f"talk{number}.txt").read_text().split() == words

        shutil.copytree(home.work / "talks", home.work / "mount" / "talks")
        shutil.rmtree(home.work / "talks")
        again = home.run(
            *("file", "mount/talks", "--shard", "2/3", "--pace", "max", "--jsonl"),
            *("--endpoint", service.url),
        )
        assert again.code == 0, again.err
        assert len(service.sessions) == 7
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
