"""A recording shown again: what each record means, at what time, and what keys do meanwhile."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from rich.console import Console

from tests.recordings.test_scenes import Record, record, turn
from tests.ui.screens import Terminal, console_on
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.recordings.scenes import scenes
from transcribe_cli.ui.key_table import keys_in
from transcribe_cli.ui.live_view import LiveView
from transcribe_cli.ui.notices import Notices
from transcribe_cli.ui.replay import Player, Replay


class Stage:
    """A replay on a terminal, with a clock that only waiting moves."""

    def __init__(self, *records: Record, speed: float = 1.0) -> None:
        self.now = 0.0
        self.terminal = Terminal(90, 16)
        self.view = LiveView(
            console_on(self.terminal), clock=lambda: self.now, keys=keys_in("replay"), grace_s=0.0
        )
        self.notices = Notices(Console(file=io.StringIO(), force_terminal=True))
        self.notices.sink = self.view.notice
        self.player = Player(self.view, self.notices)
        self.calls: list[str] = []
        self.played = scenes(records)
        self.speed = speed
        self.at: dict[float, str] = {}
        self.looks: dict[float, list[str]] = {}

    def open(self) -> None:
        self.calls.append("open")

    def close(self) -> None:
        self.calls.append("close")

    def run(self, look: Callable[[], object] = lambda: None) -> ExitStatus:
        def wait(seconds: float) -> str | None:
            assert seconds > 0
            due = [at for at in self.at if at <= self.now + seconds]
            event = self.at.pop(min(due)) if due else None
            self.now += seconds
            look()
            return event

        self.view.open()
        replay = Replay(self.player, self.view, self, self.speed, wait, lambda: self.now)
        status = replay.run(self.played)
        self.view.tick(self.now + 1)
        return status

    def rows(self) -> list[str]:
        """All rows that are not empty."""
        return [row for row in self.terminal.rows() if row]


TALK: Sequence[Record] = (
    record("Recording", 0, source="Microphone", model="u3-rt-pro"),
    record("Begin", 1, session=0),
    turn(0, 2, "", final=False, words=[{"text": "good", "start": 0, "end": 300}]),
    turn(0, 4, "Good morning.", start=1000),
    record("Hologram", 5, about="a later version"),
    turn(1, 6, "Hello.", start=5000, end=5500, language_code="en", language_confidence=0.9),
    record("Summary", 7, complete=True),
)


@pytest.mark.parametrize(("speed", "took"), [(1.0, 7.0), (2.0, 3.5), (0.5, 14.0)])
def test_it_takes_as_long_as_it_took_divided_by_the_speed(speed: float, took: float) -> None:
    stage = Stage(*TALK, speed=speed)
    assert stage.run() is ExitStatus.OK
    assert stage.now == pytest.approx(took)


def test_words_come_when_they_came() -> None:
    stage = Stage(*TALK)
    seen: dict[float, str] = {}
    stage.run(lambda: seen.setdefault(round(stage.now, 1), " ".join(stage.rows())))
    assert "good" not in seen[1.8]
    assert "  0:00  good" in seen[3.0]
    assert "  0:01  Good morning." in seen[4.6]
    assert "Hello." not in seen[5.8]
    assert "▸ replaying" in seen[6.8]
    assert "0:06 / 0:07" in seen[6.8]
    assert "2 turns" in seen[6.8]
    assert stage.rows()[:2] == ["  0:01  Good morning.", "  0:05  Hello.  en 90%"]


def test_space_holds_it_and_lets_it_go_on() -> None:
    stage = Stage(*TALK)
    stage.at = {3.0: "space", 10.0: "space"}
    paused: list[str] = []
    stage.run(lambda: paused.extend(row for row in stage.rows() if "‖ paused" in row))
    assert stage.now == pytest.approx(14.0, abs=0.5)
    assert paused
    assert "0:03 / 0:07" in paused[-1]


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("q", ExitStatus.OK),
        ("SIGINT", ExitStatus.INTERRUPTED),
        ("SIGTERM", ExitStatus.TERMINATED),
        ("SIGBREAK", ExitStatus.INTERRUPTED),
    ],
)
def test_it_can_be_stopped(event: str, status: ExitStatus) -> None:
    stage = Stage(*TALK)
    stage.at = {4.5: event}
    assert stage.run() is status
    assert stage.now < 5.0
    assert "Hello." not in " ".join(stage.rows())


def test_keys_open_their_panels() -> None:
    stage = Stage(*TALK)
    stage.at = {1.0: "?", 6.5: "l"}
    seen: dict[float, str] = {}
    stage.run(lambda: seen.setdefault(round(stage.now, 1), " ".join(stage.rows())))
    assert "space  pause, go on" in seen[2.0]
    assert "bookmark" not in seen[2.0]
    assert "en  100%" in seen[7.0]


def test_ctrl_z_is_between_two_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(*TALK)
    stopped: list[list[str]] = []
    monkeypatch.setattr(
        "transcribe_cli.ui.suspend._stop", lambda: stopped.append([*stage.calls, *stage.rows()])
    )
    stage.at = {3.0: "suspend"}
    stage.run()
    assert stopped == [["close"]]  # keys and view gave the terminal back before
    assert stage.calls == ["close", "open"]
    assert stage.rows()[0] == "  0:01  Good morning."


def shown(*records: Record) -> list[str]:
    stage = Stage(*records)
    stage.run()
    stage.view.close()
    return stage.rows()


def test_what_happened_besides_words_is_told_in_its_place() -> None:
    told = shown(
        turn(0, 0, "One.", start=1000),
        record("Mark", 1, at=2000, label="decision\x1b[2J"),
        record("Mark", 1, at=2500),
        record("Paused", 1, at=3000),
        record("Resumed", 2, at=3000),
        record("Disconnected", 2, session=0, at=4000, reason="The connection was lost."),
        record("Reconnected", 3, session=1, at=4000),
        record("Gap", 3, start=4000, end=65000, reason="stopped"),
        record("Warning", 4, message="odd"),
        record("Warning", 4, session=1, warning="ending soon"),
        record("Error", 4, message="No.", hint="Try."),
    )
    assert told == [
        "  0:01  One.",
        "  0:02  ── decision␛[2J ──",
        "  0:02  ── bookmark ──",
        "  0:03  ── paused ──",
        "  0:03  ── goes on ──",
        "warning: The connection was lost.",
        "connected again",
        "warning: not transcribed: 0:04 to 1:05 (stopped)",
        "warning: odd",
        "warning: ending soon",
        "error: No.",
        "hint: Try.",
    ]


def test_a_muted_microphone_is_told_as_the_run_told_it() -> None:
    told = shown(record("Mark", 1, at=0, label="muted"), record("Mark", 2, at=0, label="unmuted"))
    assert told == ["  0:00  ── muted ──", "  0:00  ── not muted any more ──"]


def test_a_speaker_is_corrected_when_that_happened() -> None:
    told = shown(
        turn(0, 0, "One.", speaker_label="A"),
        record(
            "SpeakerRevision", 1, session=0, revisions=[{"turn_order": 0, "speaker_label": "B"}]
        ),
    )
    assert told == ["  0:00  A: One.", 'speaker: 0:00 "One." is B, not A']


def test_the_words_of_an_interrupted_recording_that_never_became_final_stay() -> None:
    words: list[dict[str, Any]] = [{"text": "half", "start": 3000, "end": 3400}]
    told = shown(
        turn(0, 0, "One."),
        turn(1, 1, "", final=False, start=3000, words=words),
    )
    assert told == ["  0:00  One.", "  0:03  half  (not final)"]


def test_words_that_a_lost_session_took_with_it_do_not_stay() -> None:
    words: list[dict[str, Any]] = [{"text": "half", "start": 3000, "end": 3400}]
    told = shown(
        turn(0, 0, "", final=False, words=words),
        record("Disconnected", 1, session=0, reason="lost"),
        turn(0, 2, "Half of it.", session=1),
    )
    assert told == ["warning: lost", "  0:00  Half of it."]


def test_what_was_changed_and_what_was_said_beside_the_turns_is_shown_again() -> None:
    stage = Stage(
        *TALK[:-1],
        record("UpdateConfiguration", 7, at=6000, parameters={"keyterms_prompt": ["RNase"]}),
        record("Translation", 8, session=0, session_offset_ms=0, text="Guten Morgen.\x1b[2J"),
        record("Heartbeat", 9, session=0, session_offset_ms=0, total_duration_ms=5),
    )
    stage.run()
    rows = [" ".join(row.split()) for row in stage.rows()]
    assert "0:06 ── key terms: RNase ──" in rows
    assert "Translation: Guten Morgen.␛[2J" in rows
    assert not any("Heartbeat" in row or "Hologram" in row for row in rows)
