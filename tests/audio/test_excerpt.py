"""A stretch of a source, to the sample."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.tones import pcm
from transcribe_cli.audio.excerpt import EVERYTHING, Excerpt, Range
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.source import AudioGap, SourceEvent, SourceWarning
from transcribe_cli.errors import AudioError

AUDIO = AudioFormat(1000)  # a frame is a millisecond


class Cut:
    """A source of the samples 0, 1, 2 ... in blocks of the lengths that are given."""

    name = "talk.wav"
    kind = "file"
    live = False
    path: str | None = "/talk.wav"

    def __init__(self, *sizes: int, length_known: bool = True) -> None:
        self.sizes = sizes
        self.length_s = sum(sizes) / 1000 if length_known else None
        self.given = 0
        self.stopped = self.closed = False

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        report(SourceWarning("odd"))
        for size in self.sizes:
            if self.stopped:
                return
            block = pcm(*range(self.given, self.given + size))
            self.given += size
            yield block

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


def stretch(source: Cut, start_s: float, duration_s: float | None = None) -> bytes:
    part = Excerpt(source, Range(start_s, duration_s), AUDIO)
    return b"".join(part.blocks(lambda event: None))


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=20),
    st.integers(0, 600),
    st.none() | st.integers(1, 600),
)
def test_it_is_those_samples_however_the_blocks_are_cut(
    sizes: list[int], start: int, length: int | None
) -> None:
    source = Cut(*sizes)
    end = None if length is None else start + length
    expected = list(range(sum(sizes)))[start:end]
    if start and not expected:
        with pytest.raises(AudioError, match="ends before"):
            stretch(source, start / 1000, None if length is None else length / 1000)
        return
    got = stretch(source, start / 1000, None if length is None else length / 1000)
    assert got == pcm(*expected)


def test_nothing_is_decoded_beyond_its_end() -> None:
    source = Cut(10, 10, 10, 10)
    assert stretch(source, 0.005, 0.01) == pcm(*range(5, 15))
    assert source.stopped
    assert source.given == 20


def test_what_the_source_reports_and_is_called_is_passed_on() -> None:
    source = Cut(10)
    part = Excerpt(source, Range(0.0, 0.005), AUDIO)
    reports: list[SourceEvent] = []
    list(part.blocks(reports.append))
    assert reports == [SourceWarning("odd")]
    assert (part.name, part.kind, part.live, part.path) == ("talk.wav", "file", False, "/talk.wav")
    part.stop()
    part.close()
    assert source.closed


class Gapped(Cut):
    """An address that gives 10 s, 20 s of silence for what is missing, and 30 s."""

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        yield bytes(2 * 10_000)
        silent = 0
        try:
            while silent < 20_000:
                silent += 250
                yield bytes(2 * 250)
        finally:
            report(AudioGap(silent / 1000, "it broke"))
        yield bytes(2 * 30_000)


@pytest.mark.parametrize(
    ("start_s", "duration_s", "told"),
    [
        (0.0, None, (20.0, 30.0)),
        (15.0, None, (15.0, 15.0)),
        (40.0, None, None),
        (15.0, 1.0, (1.0, 1.0)),
        (0.0, 20.1, (10.1, 20.1)),
        (0.0, 10.0, None),
        (5.0, 40.0, (20.0, 25.0)),
    ],
)
def test_gap_is_told_as_far_as_it_is_in_the_stretch(
    start_s: float, duration_s: float | None, told: tuple[float, float] | None
) -> None:
    """How long it is, and where it ends in the stretch."""
    came = bytearray()
    gaps: list[tuple[float, float]] = []

    def report(event: SourceEvent) -> None:
        assert isinstance(event, AudioGap)
        gaps.append((round(event.seconds, 6), len(came) / 2000))

    for block in Excerpt(Gapped(), Range(start_s, duration_s), AUDIO).blocks(report):
        came += block
    assert gaps == ([] if told is None else [told])


@pytest.mark.parametrize(
    ("start_s", "duration_s", "length_s"),
    [(0.0, 0.2, 0.2), (0.9, 0.2, 0.1), (0.25, None, 0.75), (2.0, None, 0.0), (2.0, 1.0, 0.0)],
)
def test_its_length_is_what_is_left(
    start_s: float, duration_s: float | None, length_s: float
) -> None:
    part = Excerpt(Cut(1000), Range(start_s, duration_s), AUDIO)
    assert part.length_s == pytest.approx(length_s)


def test_its_length_is_not_known_where_the_source_s_is_not() -> None:
    assert Excerpt(Cut(1000, length_known=False), Range(0.1), AUDIO).length_s is None


def test_a_source_that_breaks_within_it_says_so() -> None:
    class Broken(Cut):
        def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
            yield from super().blocks(report)
            raise AudioError("'talk.wav' is damaged.")

    with pytest.raises(AudioError, match="damaged"):
        stretch(Broken(10), 0.005)
    with pytest.raises(AudioError, match="damaged"):
        stretch(Broken(10), 0.5)


def test_everything_leaves_nothing_out() -> None:
    assert EVERYTHING.is_all
    assert Range(0.0, None).is_all
    assert not Range(0.1).is_all
    assert not Range(0.0, 5.0).is_all
