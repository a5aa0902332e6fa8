"""The status line's values say what is true of the run at that moment."""

from dataclasses import replace
from typing import Any

import pytest

from tests.run.config_and_parts import Words, run_config
from tests.ui.turn_updates import update
from transcribe_cli.run.status import QUIET_SOURCE_S, Now, RunStatus
from transcribe_cli.supervisor.facts import RunState
from transcribe_cli.transcript.turn_totals import TurnTotals

NOW = Now(
    time=0.0,
    state=RunState.LISTENING,
    elapsed_s=0.0,
    lag_s=0.0,
    peaks=[5000],
    muted=False,
    cost_usd=0.01,
)


class Microphone(Words):
    kind = "mic"
    live = True


class Pipe(Words):
    kind = "stdin"
    live = True


class File(Words):
    length_s = 50.0


def run_status(source: Words, **config: Any) -> RunStatus:
    return RunStatus(run_config(**config), source, TurnTotals(), 0.0)


def state_of(source: Words, **now: Any) -> str:
    return run_status(source).status(replace(NOW, **now)).state


@pytest.mark.parametrize(
    ("now", "microphone", "file"),
    [
        ({}, "listening", "transcribing"),
        ({"state": RunState.CONNECTING}, "connecting", "connecting"),
        ({"state": RunState.RECONNECTING}, "reconnecting", "reconnecting"),
        ({"state": RunState.OFFLINE}, "offline", "offline"),
        ({"state": RunState.PAUSED}, "paused", "paused"),
        ({"state": RunState.DRAINING}, "stopping", "transcribing"),
        ({"state": RunState.STOPPING}, "stopping", "stopping"),
    ],
)
def test_the_word_for_the_state(now: dict[str, Any], microphone: str, file: str) -> None:
    assert state_of(Microphone(1), **now) == microphone
    assert state_of(File(1), **now) == file


def test_a_muted_microphone_is_muted_and_not_suspected_of_it() -> None:
    status = run_status(Microphone(1))
    for seconds in range(60):
        shown = status.status(replace(NOW, time=float(seconds), peaks=[0], muted=True))
        assert (shown.state, shown.message) == ("muted", "")
    heard = status.status(replace(NOW, time=60.0, peaks=[0]))
    assert (heard.state, heard.message) == ("listening", "")


@pytest.mark.parametrize("state", [RunState.PAUSED, RunState.STOPPING])
def test_nobody_is_asked_about_silence_while_nothing_is_recorded(state: RunState) -> None:
    status = run_status(Microphone(1))
    assert status.status(replace(NOW, time=60.0, peaks=[0], state=state)).message == ""


def test_silence_of_a_microphone_is_asked_about() -> None:
    shown = run_status(Microphone(1)).status(replace(NOW, time=QUIET_SOURCE_S, peaks=[0]))
    assert shown.message == "no sound for 10 s: is the microphone muted?"


def test_silence_of_the_system_is_asked_about_in_other_words() -> None:
    status = run_status(Microphone(1), tracks=("system",))
    shown = status.status(replace(NOW, time=QUIET_SOURCE_S, peaks=[0]))
    assert shown.message == "no sound for 10 s: does anything play, and is the system muted?"


def test_a_muted_microphone_without_a_session_tells_both() -> None:
    shown = run_status(Microphone(1)).status(replace(NOW, state=RunState.OFFLINE, muted=True))
    assert (shown.state, shown.muted) == ("offline", True)


def test_a_session_that_works_off_what_was_recorded_is_catching_up() -> None:
    assert state_of(Microphone(1), lag_s=12.0) == "catching up"
    assert state_of(Microphone(1), lag_s=1.0) == "listening"


def test_the_local_service_is_named_by_its_engine_and_costs_nothing() -> None:
    status = run_status(File(1), local=True, engine_title="Moonshine tiny, local, English")
    shown = status.status(replace(NOW, cost_usd=0.0))
    assert (shown.model, shown.cost_usd) == ("Moonshine tiny, local, English", None)


def test_the_bar_of_a_file_that_is_sent_at_once_says_what_was_heard() -> None:
    status = run_status(File(1))
    sent = replace(NOW, time=1.0, elapsed_s=50.0, state=RunState.DRAINING)
    assert status.status(sent).progress == (0.0, 50.0, 0.0)
    status.heard(update("some words", start_ms=2000), 0.0)
    heard_s = update("some words", start_ms=2000).end_ms / 1000
    shown = status.status(replace(sent, time=2.0))
    assert shown.progress == (heard_s, 50.0, 0.0)
    assert shown.behind_s is None
    assert status.mark_ms(50.0) == heard_s * 1000


def test_how_fast_a_file_goes_is_told_after_some_seconds_of_words() -> None:
    # What a model takes to load before the first words says nothing of the time left.
    status = run_status(File(1))
    sent = replace(NOW, elapsed_s=50.0, state=RunState.DRAINING)
    rates = []
    for time_s, end_s in ((0, 0), (8, 2), (9, 12), (11.5, 20), (12, 22)):
        if end_s:
            status.heard(update("some words", start_ms=end_s * 1000), time_s)
        progress = status.status(replace(sent, time=float(time_s))).progress
        assert progress is not None
        rates.append(progress[2])
    assert rates == [0, 0, 0, 18 / 3.5, 20 / 4]


def test_a_file_in_real_time_is_heard_also_where_nobody_speaks() -> None:
    status = run_status(File(1), pace=1.0)
    for time_s in (10.0, 20.0):
        shown = status.status(replace(NOW, time=time_s, elapsed_s=time_s))
    assert shown.progress == (20.0, 50.0, 1.0)


def test_neither_a_pause_nor_an_outage_slows_the_rate() -> None:
    status = run_status(File(1), pace=1.0)
    status.status(replace(NOW, time=10.0, elapsed_s=10.0))
    for state in (RunState.PAUSED, RunState.RECONNECTING, RunState.OFFLINE, RunState.CONNECTING):
        status.status(replace(NOW, time=100.0, elapsed_s=10.0, state=state))
    shown = status.status(replace(NOW, time=105.0, elapsed_s=15.0))
    assert shown.progress == (15.0, 50.0, 1.0)


def test_a_pipe_that_is_read_ahead_says_what_was_heard_and_what_waits() -> None:
    status = run_status(Pipe(1), pace=1.0)
    status.heard(update("some words", start_ms=2000), 3.0)
    heard_s = update("some words", start_ms=2000).end_ms / 1000
    shown = status.status(replace(NOW, time=4.0, elapsed_s=50.0, lag_s=46.0))
    assert shown.state == "transcribing"
    assert shown.progress == (heard_s, None, 0.0)
    assert (shown.backlog_s, shown.behind_s) == (46.0, None)
    assert status.mark_ms(50.0) == heard_s * 1000


def test_a_mark_of_a_file_stands_where_words_were_heard_also_without_a_view() -> None:
    status = run_status(File(1), pace=1.0)
    status.heard(update("some words", start_ms=2000), 3.0)

    assert status.mark_ms(50.0) == update("some words", start_ms=2000).end_ms


def test_the_bar_never_goes_back() -> None:
    status = run_status(File(1), pace=1.0)
    status.status(replace(NOW, time=10.0, elapsed_s=10.0))
    status.heard(update("some words", start_ms=0), 10.0)
    status.status(replace(NOW, time=10.1, elapsed_s=10.1))
    assert status.mark_ms(10.1) == 10_000


def test_words_from_before_a_pause_or_a_silence_are_not_behind() -> None:
    status = run_status(Microphone(1))
    status.heard(update("some words"), 1.0)
    shown = status.status(replace(NOW, time=2.0, elapsed_s=2.0))
    assert shown.behind_s == pytest.approx(1.42)
    paused = replace(NOW, time=20.0, elapsed_s=20.0, state=RunState.PAUSED)
    assert status.status(paused).behind_s is None
    assert status.status(replace(paused, state=RunState.LISTENING)).behind_s is None
