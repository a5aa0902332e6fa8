"""Three hours at a microphone: what a run keeps in memory does not grow with its length."""

import gc
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.simulated.faults import Fault
from tests.simulated.network import Network
from tests.simulated.scenario import AUDIO, CALM, Outcome, Scenario, record
from tests.simulated.source import Speaker
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.outputs.jsonl_output import JsonlOutput
from transcribe_cli.protocol.messages import Word
from transcribe_cli.recordings.journal import is_final, read_journal
from transcribe_cli.supervisor.lease import LONGEST_SESSION_S

MOST_GROWTH_BYTES = 5_000_000
A_MINUTE_S = 60.0
HOUR_S = 3600.0
DROP_EVERY_S = 240.0
WORDS_AT_ONCE, PAUSE_S = 10, 4.0
STRETCH_S = WORDS_AT_ONCE / 10 + PAUSE_S


def talk_for(seconds: float, *, drops: bool) -> Scenario:
    """Ten words every five seconds; with a drop every four minutes, and short sessions."""
    return replace(
        CALM,
        stretches=((WORDS_AT_ONCE, PAUSE_S),) * round(seconds / STRETCH_S),
        habits=replace(CALM.habits, life_s=1200.0 if drops else LONGEST_SESSION_S),
        faults=tuple(
            Fault("reset" if drop % 2 else "cut", "time", DROP_EVERY_S * drop)
            for drop in range(1, round(seconds / DROP_EVERY_S) if drops else 0)
        ),
    )


def reachable_bytes() -> int:
    """What all objects that can be reached take; to trace allocations quadruples a run's time."""
    gc.unfreeze()
    while gc.collect():
        pass
    found: list[Any] = []
    frame = sys._getframe(1)
    while frame is not None:
        found.extend(frame.f_locals.values())
        frame = frame.f_back  # type: ignore[assignment]
    found.extend(gc.get_objects())
    counted: set[int] = {id(found)}
    total = 0
    while found:
        each = found.pop()
        if id(each) not in counted:
            counted.add(id(each))
            total += sys.getsizeof(each)
            found.extend(gc.get_referents(each))
            if isinstance(each, msgspec.Struct):  # a Word is none of the collector's
                found.extend(msgspec.structs.astuple(each))
    return total


class Memory:
    """What Python's objects take, in bytes, at the moments asked for."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def measure(self) -> None:
        self.sizes.append(reachable_bytes())


def listen(scenario: Scenario, folder: Path, memory: Memory) -> Outcome:
    """Run it with its audio and its journal on the disk, and measure after a minute and late."""
    source = Speaker("mic", True, scenario.talk)
    length_s = source.talk.frames / AUDIO.rate_hz if source.talk else 0.0

    def watch(network: Network) -> None:
        for moment in (A_MINUTE_S, length_s - 1.0):
            network.world.at(moment, memory.measure)

    with (
        AudioLog.create(folder / "audio.wav", AUDIO) as log,
        (folder / "journal.jsonl").open("wb") as journal,
    ):
        return record(scenario, source, log, [JsonlOutput(journal, "journal")], watch=watch)


def check(scenario: Scenario, folder: Path, most_growth: int) -> None:
    memory = Memory()
    outcome = listen(scenario, folder, memory)
    after_a_minute, at_the_end = memory.sizes
    assert at_the_end - after_a_minute < most_growth
    assert outcome.result.summary["complete"] is True
    assert len(outcome.happened) == len(scenario.faults)
    turns = [record for record in read_journal(folder / "journal.jsonl") if is_final(record)]
    words = [word["text"] for turn in turns for word in turn["words"]]
    assert words == [f"w{number}" for number in range(WORDS_AT_ONCE * len(scenario.stretches))]


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("drops", [False, True], ids=["one session", "many sessions"])
def test_three_hours_take_no_more_memory_than_a_minute(tmp_path: Path, drops: bool) -> None:
    check(talk_for(3 * HOUR_S, drops=drops), tmp_path, MOST_GROWTH_BYTES)


@pytest.mark.long
def test_what_is_kept_somewhere_is_counted() -> None:
    """In a list, a local variable, or an object that the search for garbage does not know."""
    kept: list[Any] = []
    before = reachable_bytes()
    kept += [f"{number:9}" * 1000 for number in range(1000)], Word(text="x" * 9_000_000)
    # What other threads have at the moment, and had before, is some 100 kB.
    assert reachable_bytes() - before > 2 * 8_500_000


@pytest.mark.long
def test_six_minutes_take_no_more_memory_than_one(tmp_path: Path) -> None:
    check(talk_for(360.0, drops=True), tmp_path, MOST_GROWTH_BYTES // 10)
