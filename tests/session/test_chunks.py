"""Chunks are 50 to 1000 ms long and add up to all of the audio."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.session.chunks import ChunkSizes, chunk_sizes, next_chunk

RATES = (8000, 11025, 16000, 22050, 44100, 48000, 96000)


@pytest.mark.parametrize(
    ("rate_hz", "chunk_ms", "sizes"),
    [
        (16000, 50, (800, 800, 16000)),
        (16000, 1000, (16000, 800, 16000)),
        (16000, 10, (800, 800, 16000)),
        (16000, 2000, (16000, 800, 16000)),
        (11025, 50, (552, 552, 11025)),
        (48000, 100, (4800, 2400, 48000)),
    ],
)
def test_sizes_of_a_rate(rate_hz: int, chunk_ms: int, sizes: tuple[int, int, int]) -> None:
    assert chunk_sizes(AudioFormat(rate_hz), chunk_ms) == sizes


def test_audio_that_comes_goes_out_in_wanted_chunks() -> None:
    sizes = ChunkSizes(1600, 800, 16000)

    assert [next_chunk(n, False, sizes) for n in (0, 1599, 1600, 5000)] == [0, 0, 1600, 1600]


def test_short_rest_goes_with_the_chunk_before_it() -> None:
    assert next_chunk(1700, True, ChunkSizes(1600, 800, 16000)) == 1700


def test_short_rest_after_a_chunk_of_the_greatest_size_is_lengthened() -> None:
    sizes = ChunkSizes(16000, 800, 16000)

    assert next_chunk(16100, True, sizes) == 15300
    assert next_chunk(800, True, sizes) == 800


@pytest.mark.parametrize("ended", [True, False])
def test_reader_that_is_ahead_of_the_audio_sends_nothing(ended: bool) -> None:
    assert next_chunk(-20000, ended, ChunkSizes(800, 800, 16000)) == 0


@given(
    rate_hz=st.sampled_from(RATES),
    chunk_ms=st.integers(50, 1000),
    total=st.integers(0, 300_000),
)
def test_plan_of_a_whole_file(rate_hz: int, chunk_ms: int, total: int) -> None:
    sizes = chunk_sizes(AudioFormat(rate_hz), chunk_ms)
    plan: list[int] = []
    while count := next_chunk(total - sum(plan), True, sizes):
        plan.append(count)

    assert sum(plan) == total
    assert all(0.05 <= count / rate_hz <= 1.0 for count in plan[:-1])
    assert all(0 < count / rate_hz <= 1.0 for count in plan[-1:])
    if total >= sizes.least:
        assert plan[-1] >= sizes.least


@given(
    rate_hz=st.sampled_from(RATES),
    chunk_ms=st.integers(50, 1000),
    blocks=st.lists(st.integers(1, 5000), max_size=60),
)
def test_plan_of_audio_that_comes_block_by_block(
    rate_hz: int, chunk_ms: int, blocks: list[int]
) -> None:
    sizes = chunk_sizes(AudioFormat(rate_hz), chunk_ms)
    plan: list[int] = []
    for i in range(len(blocks)):
        while count := next_chunk(sum(blocks[: i + 1]) - sum(plan), False, sizes):
            plan.append(count)
    while count := next_chunk(sum(blocks) - sum(plan), True, sizes):
        plan.append(count)

    assert sum(plan) == sum(blocks)
    assert all(sizes.least <= count <= sizes.most for count in plan[:-1])
    assert all(0 < count <= sizes.most for count in plan[-1:])
