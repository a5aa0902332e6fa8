"""`--local`: the program's whole job with no key and no network."""

import contextlib
import json
import os
import re
import threading
import time
import wave
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.emulator.protocol_client import meeting, meeting_lines
from tests.program import Home, finals, finish
from transcribe_cli.jobs.sources import SAMPLE


def said(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def spoken() -> list[str]:
    return said(" ".join(meeting_lines()))


@pytest.mark.long
def test_the_sample_comes_out_word_for_word_of_pocketsphinx_and_nobody_is_named(home: Home) -> None:
    outcome = home.run("file", str(SAMPLE), "--engine", "pocketsphinx", "--speaker-labels")
    assert outcome.code == 0, outcome.err
    assert "--local takes no notice of --speaker-labels" in outcome.err
    assert said(outcome.out) == spoken()
    assert outcome.out.splitlines()[0][0].isupper()


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Of the first 8 s, by a model that tells languages apart."""
    home = Home(tmp_path_factory.mktemp("home"))
    outcome = home.run(
        *("file", str(SAMPLE), "--local", "--jsonl", "--duration", "8"),
        *("--model", "whisper-rt", "--detect-language"),
    )
    assert outcome.code == 0, outcome.err
    return outcome.records


def test_words_come_before_their_final_and_times_lie_in_the_recording(
    records: list[dict[str, Any]],
) -> None:
    for turn in finals(records):
        versions = [r for r in records if r["type"] == "Turn" and r["turn"] == turn["turn"]]
        assert len(versions[0]["words"]) < len(turn["words"])
    ends = [word["end"] for turn in finals(records) for word in turn["words"]]
    assert ends == sorted(ends)
    assert ends[-1] <= records[-1]["audio_s"] * 1000
    assert records[-1]["cost_usd"] == 0


def test_the_language_is_reported_with_its_confidence(records: list[dict[str, Any]]) -> None:
    for turn in finals(records):
        assert turn["language_code"] == "en"
        assert 0 < turn["language_confidence"] <= 1
    assert records[-1]["languages"].keys() == {"en"}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_recogniser_that_is_given_little_of_the_processor_is_waited_for(home: Home) -> None:
    """What takes it seconds takes it half a minute, all of that after the last audio is sent."""
    process = home.start(
        *("file", str(SAMPLE), "--engine", "pocketsphinx", "--jsonl", "--duration", "12")
    )
    over = threading.Event()
    braking = threading.Thread(target=slow_down, args=(process.pid, over))
    braking.start()
    try:
        outcome = finish(process)
    finally:
        over.set()
        braking.join()
    assert outcome.code == 0, outcome.err
    *_, end, summary = outcome.records
    assert end["type"] == "Termination"
    assert summary["session_s"] > 15
    assert (summary["sessions"], summary["complete"]) == (1, True)
    heard = said(" ".join(turn["transcript"] for turn in finals(outcome.records)))
    assert heard == spoken()[: len(heard)]
    assert len(heard) > 20


def slow_down(pid: int, over: threading.Event) -> None:
    """Let the recogniser of that process run for a fourteenth of the time.

    What counts is the time that it ran, because the machine may have little to give.
    """
    since = time.monotonic()
    while not over.wait(0.01):
        for child in workers_of(pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                used = child.cpu_times()
                if used.user + used.system > (time.monotonic() - since) / 14:
                    child.suspend()
                else:
                    child.resume()


def workers_of(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(pid).children(recursive=True)
        return [
            child
            for child in children
            if "transcribe_cli.emulator.engine_worker" in child.cmdline()
        ]
    return []


@pytest.mark.long
def test_a_recogniser_that_is_killed_is_replaced_and_no_word_is_lost(home: Home) -> None:
    process = home.start(
        "file", str(SAMPLE), "--local", "--jsonl", "--duration", "5", "--pace", "1"
    )
    assert process.stdout is not None
    lines: list[bytes] = []
    for line in process.stdout:
        if b'"Turn"' in line and not any(b'"Turn"' in before for before in lines):
            for worker in workers_of(process.pid):
                worker.kill()
        lines.append(line)
    errors = process.communicate()[1]
    assert process.returncode == 0, errors
    records = [json.loads(line) for line in lines]
    assert (records[-1]["complete"], records[-1]["lost_ms"]) == (True, 0)
    heard = said(" ".join(turn["transcript"] for turn in finals(records)))
    assert heard == spoken()[: len(heard)]
    assert len(heard) > 8


@pytest.mark.long
def test_an_engine_that_cannot_begin_is_told_at_once_and_not_tried_again(home: Home) -> None:
    (home.work / "tokenizer.bin").write_bytes(b"tokens")
    outcome = home.run("file", str(SAMPLE), "--engine", f"moonshine:{home.work}", "--no-save")
    assert outcome.code == 5
    assert f"'{home.work}' holds no model that Moonshine can load" in outcome.err
    assert "choose another with --engine" in outcome.err
    assert "next try" not in outcome.err


def test_no_child_is_left_behind(home: Home) -> None:
    process = home.start("file", str(SAMPLE), "--local", "--pace", "1", "--jsonl")
    assert process.stdout is not None
    while b'"Begin"' not in process.stdout.readline():
        pass
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
@pytest.mark.long
def test_more_jobs_than_the_machine_can_recognise_wait_for_their_turn(home: Home) -> None:
    one = min(os.sched_getaffinity(0))
    names = [f"{number}.wav" for number in range(3)]
    for name in names:
        with wave.open(str(home.work / name), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(meeting(700, 3600))
    process = home.start(
        *("file", *names, "--local", "--jobs", "3", "--jsonl"),
        preexec_fn=lambda: os.sched_setaffinity(0, {one}),
    )
    outcome = finish(process)
    assert outcome.code == 0, outcome.err
    assert "2 at once, not 3: what this machine can recognise" in outcome.err
    begun = [record["type"] for record in outcome.records]
    # None was refused and had to come again; and the third began when one of two had ended.
    assert begun.count("Begin") == 3
    assert "Error" not in begun
    assert [kind for kind in begun if kind in ("Recording", "Summary")][:3].count("Recording") == 2
    assert len(finals(outcome.records)) == 3


def test_text_from_the_service_cannot_drive_a_terminal(home: Home, tmp_path: Path) -> None:
    from transcribe_cli.emulator.local_service import LocalService

    script = tmp_path / "script.jsonl"
    script.write_text(
        r'{"type":"Turn","turn_order":0,"end_of_turn":true,'
        r'"transcript":"a\u001b[2Jb\u0007 [red]c[/red] %s {d}\nsecond line"}'
    )
    with LocalService("--script", str(script)) as service:
        outcome = home.run(
            "file", str(SAMPLE), "--endpoint", service.url, "--max-duration", "1", "--text"
        )
    assert outcome.out == "a [2Jb [red]c[/red] %s {d} second line\n"
