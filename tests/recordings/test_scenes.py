"""A recording as scenes: in their order, at their times, whatever else the file holds."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.recordings.scenes import REST_S, scenes, with_final_speakers

Record = dict[str, Any]


def record(kind: str, at_s: float, **fields: Any) -> Record:
    return {"type": kind, "time": f"2026-11-20T20:{at_s // 60:02.0f}:{at_s % 60:06.3f}Z", **fields}


def turn(number: int, at_s: float, text: str, *, final: bool = True, **fields: Any) -> Record:
    return record(
        "Turn",
        at_s,
        **{"session": 0, "session_offset_ms": 0, "turn": number, "turn_order": number}
        | {"start": 0, "end": 500, "final": final, "end_of_turn": final, "transcript": text}
        | fields,
    )


def times(*records: Record) -> list[float]:
    return [round(scene.at_s, 3) for scene in scenes(records)]


def test_scenes_are_as_far_apart_as_the_records() -> None:
    assert times(record("Recording", 1), turn(0, 2.5, "a"), turn(1, 4, "b")) == [0.0, 1.5, 3.0]


def test_a_clock_that_was_set_back_does_not_turn_time_around() -> None:
    assert times(record("A", 10), record("B", 4), record("C", 5)) == [0.0, 0.0, 1.0]


def test_records_without_a_time_come_with_the_one_before() -> None:
    odd = {"type": "Odd", "time": "yesterday"}
    assert times(record("A", 1), odd, {"type": "Odder"}, record("B", 3)) == [0.0, 0.0, 0.0, 2.0]


def test_a_pause_is_not_waited_for() -> None:
    paused = (record("Paused", 1), record("Resumed", 600), record("Begin", 602, session=1))
    assert times(record("Begin", 0, session=0), *paused) == [0.0, 1.0, 1.0 + REST_S, 3.0 + REST_S]


def test_the_time_until_a_recording_was_taken_up_again_is_not_waited_for() -> None:
    first = (record("Begin", 0, session=0), turn(0, 1, "a"))
    assert times(*first, record("Begin", 2000, session=1)) == [0.0, 1.0, 1.0 + REST_S]


def test_a_lost_connection_is_waited_for() -> None:
    first = (record("Begin", 0, session=0), record("Disconnected", 1, session=0))
    assert times(*first, record("Begin", 20, session=1)) == [0.0, 1.0, 20.0]


def test_turns_of_several_recordings_keep_apart() -> None:
    one = (record("Recording", 0, source="a.wav"), turn(0, 1, "a", source="a.wav"))
    two = (record("Recording", 2, source="b.wav"), turn(0, 3, "b", source="b.wav"))
    updates = [scene.update for scene in scenes([*one, *two]) if scene.update is not None]
    assert [update.turn for update in updates] == [0, 1]
    assert [update.session for update in updates] == [0, 1]


def test_a_raw_final_is_shown_as_held() -> None:
    raw, formatted = scenes(
        [turn(0, 0, "raw", final=False, end_of_turn=True), turn(0, 0, "Formatted.")]
    )
    assert raw.update is not None
    assert formatted.update is not None
    assert (raw.update.held, formatted.update.held) == (True, False)
    assert raw.update.turn == formatted.update.turn


def test_speakers_count_as_they_were_corrected_last() -> None:
    revision = record(
        "SpeakerRevision", 2, session=0, revisions=[{"turn_order": 0, "speaker_label": "B"}]
    )
    played = with_final_speakers(scenes([turn(0, 1, "words", speaker_label="A"), revision]))
    assert [scene.record["type"] for scene in played] == ["Turn"]
    assert played[0].update is not None
    assert played[0].update.message.speaker_label == "B"


def test_odd_turns_and_unknown_records_are_no_turns() -> None:
    odd = [
        turn(0, 0, "a") | {"turn": "zero"},
        turn(0, 0, "a") | {"start": None},
        {"type": "Turn"},
        record("Hologram", 1, session=0, turn=5),
    ]
    assert [scene.update for scene in scenes(odd)] == [None] * 4


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
kinds = st.sampled_from(["Turn", "SpeakerRevision", "Recording", "Paused", "Begin", "Hologram"])
names = st.sampled_from(
    "session turn start end final words turn_order revisions time source end_of_turn".split()
)


@given(st.lists(st.tuples(st.dictionaries(names, values), kinds), max_size=8))
def test_no_file_is_an_error(records: list[tuple[Record, str]]) -> None:
    found = scenes([body | {"type": kind} for body, kind in records])
    assert len(found) == len(records)
    assert all(one.at_s <= other.at_s for one, other in pairwise(found))
    with_final_speakers(found)
