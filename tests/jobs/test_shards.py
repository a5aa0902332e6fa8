"""A list cut into shards: each file in one of them, alike on every machine, and evenly."""

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.counting import write_wav
from tests.schema import held_to_schema, undescribed
from transcribe_cli.audio.excerpt import Range
from transcribe_cli.errors import UsageError
from transcribe_cli.jobs.shards import make_shard, owners, parse_shard
from transcribe_cli.outputs.jsonl_records import encode_record

LENGTHS = st.lists(st.floats(0.0, 36_000.0), max_size=60)


def loads(lengths: list[float], found: list[int], shards: int) -> list[float]:
    sums = [0.0] * shards
    for length, owner in zip(lengths, found, strict=True):
        sums[owner - 1] += length
    return sums


@given(LENGTHS, st.integers(1, 20))
def test_no_shard_could_give_a_file_away_and_all_end_sooner(
    lengths: list[float], shards: int
) -> None:
    found = owners(lengths, [f"{at}.wav" for at in range(len(lengths))], shards)
    assert set(found) <= set(range(1, shards + 1))
    sums = loads(lengths, found, shards)
    for length, owner in zip(lengths, found, strict=True):
        assert sums[owner - 1] - length <= min(sums) + 1e-6


@given(LENGTHS, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_count(lengths: list[float], chance: Random) -> None:
    files = [(length, f"{at}.wav") for at, length in enumerate(lengths)]
    shuffled = chance.sample(files, len(files))

    def cut(listed: list[tuple[float, str]]) -> dict[str, int]:
        names = [name for _, name in listed]
        return dict(zip(names, owners([length for length, _ in listed], names, 3), strict=True))

    assert cut(files) == cut(shuffled)


def test_files_of_no_length_are_shared_as_well() -> None:
    found = owners([0.0] * 10, [f"{at}.wav" for at in range(10)], 5)
    assert sorted(found) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_ten_thousand_files_of_many_lengths_end_together() -> None:
    lengths = [float(at * 7919 % 3600) for at in range(10_000)]
    names = [f"{at}.wav" for at in range(10_000)]
    sums = loads(lengths, owners(lengths, names, 64), 64)
    assert max(sums) / (sum(sums) / 64) < 1.0001


@pytest.mark.parametrize("asked", ["0/3", "4/3", "1", "1/0", "a/b", "1/3/5", "-1/3", "1.5/3", ""])
def test_a_shard_that_is_none_is_refused(asked: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_shard(asked)
    assert told.value.hint == "the first of three is 1/3, the last 3/3"


def test_what_counts_is_the_part_that_is_transcribed(tmp_path: Path) -> None:
    sizes = {"long.wav": 80, "short.wav": 20, "other.wav": 25}
    paths = [str(write_wav(tmp_path / name, words)) for name, words in sizes.items()]
    whole = make_shard("1/2", paths, list(sizes))
    assert whole.names == ["long.wav"]
    begun = make_shard("1/2", paths, list(sizes), Range(duration_s=1.0))
    assert begun.total_s == pytest.approx(3.0)
    assert begun.length_s in (pytest.approx(1.0), pytest.approx(2.0))


def test_a_shard_says_what_it_is_and_its_record_is_as_described(tmp_path: Path) -> None:
    sizes = {"a.wav": 80, "b.wav": 20, "c.wav": 25}
    paths = [str(write_wav(tmp_path / name, words)) for name, words in sizes.items()]
    shard = make_shard("2/2", paths, list(sizes))
    assert shard.note == "shard 2 of 2: 2 of 3 files, about 0:05 of 0:13"
    record = shard.record(datetime(2026, 11, 28, tzinfo=UTC))
    told = held_to_schema(json.loads(encode_record(record, 0)))
    assert (told["places"], told["files"]) == ([1, 2], ["b.wav", "c.wav"])
    assert undescribed(told) == set()
