"""What readers of the feed may still ask for."""

from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.outputs.caption_server_history import CaptionEvent, CaptionHistory


def partial(seq: int, turn: int, size: int = 10) -> CaptionEvent:
    return CaptionEvent(seq, b"." * size, turn, partial=True)


def final(seq: int, turn: int, size: int = 10) -> CaptionEvent:
    return CaptionEvent(seq, b"." * size, turn)


def other(seq: int, size: int = 10) -> CaptionEvent:
    return CaptionEvent(seq, b"." * size)


def filled(
    *entries: CaptionEvent, recent_bytes: int = 1000, older_bytes: int = 1000
) -> CaptionHistory:
    backlog = CaptionHistory(recent_bytes, older_bytes)
    for entry in entries:
        backlog.append(entry)
    return backlog


def numbers(entries: list[CaptionEvent]) -> list[int]:
    return [entry.seq for entry in entries]


def test_reader_gets_what_came_after_its_place() -> None:
    backlog = filled(other(0), partial(1, 0), partial(2, 0), final(3, 0))
    assert numbers(backlog.after(1)) == [2, 3]
    assert numbers(backlog.after(3)) == []
    assert backlog.last_seq == 3


def test_new_reader_gets_no_partial_that_was_replaced() -> None:
    backlog = filled(other(0), partial(1, 0), final(2, 0), partial(3, 1), partial(4, 1))
    assert numbers(backlog.current()) == [0, 2, 4]


def test_old_partials_make_room_and_old_finals_stay() -> None:
    backlog = filled(
        other(0), partial(1, 0), final(2, 0), *(partial(n, 1) for n in range(3, 60)),
        recent_bytes=100,
    )  # fmt: skip
    assert numbers(backlog.after(-1)) == [0, 2, *range(50, 60)]
    assert numbers(backlog.current()) == [0, 2, 59]


def test_empty_backlog_has_nothing_to_tell() -> None:
    backlog = filled()
    assert (backlog.after(-1), backlog.current(), backlog.last_seq) == ([], [], -1)


def test_entry_larger_than_the_room_is_there_all_the_same() -> None:
    assert numbers(filled(other(0), final(1, 0, size=5000)).after(0)) == [1]


SHAPES = st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(1, 60)), max_size=80)


@given(SHAPES, st.integers(-1, 80))
def test_memory_is_bounded_and_nothing_recent_is_missed(
    shapes: list[tuple[int, bool, int]], place: int
) -> None:
    entries = [CaptionEvent(n, b"." * size, t, p) for n, (t, p, size) in enumerate(shapes)]
    backlog = filled(*entries, recent_bytes=200, older_bytes=150)
    kept = backlog.after(-1)
    assert sum(len(entry.data) for entry in kept) <= 200 + 150
    assert numbers(kept) == sorted(numbers(kept))
    assert backlog.after(place) == [entry for entry in kept if entry.seq > place]
    # The newest are all there: as many as fit.
    size = 0
    for entry in reversed(entries):
        size += len(entry.data)
        if size > 200:
            break
        assert entry in kept


@given(SHAPES)
def test_new_reader_sees_each_turn_as_it_stands(shapes: list[tuple[int, bool, int]]) -> None:
    entries = [CaptionEvent(n, b"." * size, t, p) for n, (t, p, size) in enumerate(shapes)]
    current = filled(*entries, recent_bytes=10_000).current()
    newest = {entry.turn: entry for entry in entries}
    assert all(newest[entry.turn] is entry for entry in current if entry.partial)
    assert set(newest.values()) <= set(current)
    assert [e for e in entries if not e.partial] == [e for e in current if not e.partial]
