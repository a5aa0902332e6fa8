"""`recordings export` makes from the journal what the run itself wrote."""

import json
import os
import random
import re
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.counting import Fault, Session, counting_service, drops_at, speak, write_wav
from tests.end_to_end.test_commands import FULL, needs_full
from tests.hostile.foreign_recordings import make_recording
from tests.program import DEADLINE_S, Home, Outcome, finals, words
from tests.schema import held_to_schema, undescribed
from transcribe_cli.outputs.formats import SUFFIXES

pytestmark = pytest.mark.usefixtures("in_process")


def outputs_in(folder: Path) -> list[str]:
    """One output of each format."""
    folder.mkdir()
    return [part for suffix in SUFFIXES for part in ("-o", str(folder / f"{{stem}}{suffix}"))]


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def expected(count: int) -> list[str]:
    return [f"w{number}" for number in range(1, count + 1)]


def corrects_the_first_speaker(session: Session, heard: int) -> None:
    """What the service says beside turns: tags, a language, speakers, and other speakers later."""
    if heard == 7:
        session.send(
            {
                "turn_order": 100,
                "turn_is_formatted": True,
                "end_of_turn": True,
                "transcript": " silence",
                "words": [],
                "utterance": "[ Silence]",
                "type": "Turn",
            }
        )
        session.send(
            {
                "turn_order": 101,
                "turn_is_formatted": True,
                "end_of_turn": True,
                "transcript": "Días *de* <i>hoy</i> & más",
                "words": [{"start": 1, "end": 4, "text": "Días", "speaker": "A"}],
                "speaker_label": "A",
                "language_code": "es",
                "language_confidence": 1e-05,
                "type": "Turn",
            }
        )
    if heard == 12:
        revised = {"turn_order": 101, "speaker_label": "B", "words": []}
        session.send({"type": "SpeakerRevision", "revisions": [revised]})


HIDING = ["--no-partials", "--non-speech", "hide"]
FAULTS = {"nothing else": None, "much else": corrects_the_first_speaker, "dropped": drops_at(17)}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("talk.wav", []),
        ("-", HIDING),
        pytest.param("talk.wav", HIDING, marks=pytest.mark.long),
        pytest.param("-", [], marks=pytest.mark.long),
    ],
)
@pytest.mark.first(1)
def test_export_makes_the_files_of_the_run_byte_by_byte(
    home: Home, call: Callable[..., Outcome], fault: Fault | None, source: str, options: list[str]
) -> None:
    write_wav(home.work / "talk.wav", 30)
    live, again = home.work / "live", home.work / "again"
    with counting_service(fault=fault) as service:
        run = home.run(
            *("file", source, "--endpoint", service.url, "--speaker-labels", *options),
            *outputs_in(live),
            data=speak(30),
        )
    assert run.code == 0, run.err
    export = call("recordings", "export", "latest", *options, *outputs_in(again))

    assert (export.code, export.out) == (0, "")
    assert files_in(again) == files_in(live)
    stem = "talk" if source == "talk.wav" else "stdin"
    assert list(files_in(live)) == sorted(f"{stem}{suffix}" for suffix in SUFFIXES)
    assert "w30" in (live / f"{stem}.md").read_text()


def test_corrected_speakers_and_escaped_text_are_in_the_documents(home: Home) -> None:
    with counting_service(fault=corrects_the_first_speaker) as service:
        run = home.run(
            *("file", "-", "--endpoint", service.url, "--speaker-labels", "-o", "x.md"),
            *("-o", "x.json"),
            data=speak(30),
        )
    assert run.code == 0, run.err

    assert "B: Días \\*de\\* \\<i\\>hoy\\</i\\> & más\n" in (home.work / "x.md").read_text()
    document = json.loads((home.work / "x.json").read_text())
    assert [turn["speaker"] for turn in document["turns"] if turn["language"] == "es"] == ["B"]
    assert [turn["text"] for turn in document["turns"] if turn["non_speech"]] == ["[Silence]"]


def test_records_of_runs_are_as_the_schema_says(home: Home) -> None:
    write_wav(home.work / "talk.wav", 30)
    for fault in (FAULTS["much else"], FAULTS["dropped"]):
        with counting_service(fault=fault) as service:
            home.run("file", "talk.wav", "--endpoint", service.url, "--speaker-labels")
    offline = home.run("file", "talk.wav", "--jsonl", "--endpoint", "ws://127.0.0.1:9")
    journals = [path.read_text() for path in home.recordings.glob("*/journal.jsonl")]
    records = [json.loads(line) for text in (*journals, offline.out) for line in text.splitlines()]

    assert {record["type"] for record in records} >= {
        *("Recording", "Begin", "Turn", "SpeakerRevision", "Termination", "Summary"),
        *("Disconnected", "Reconnected", "Error"),
    }
    for record in records:
        held_to_schema(record)
        assert undescribed(record) == set()


def test_text_goes_to_standard_output_if_no_file_is_named(
    home: Home, call: Callable[..., Outcome]
) -> None:
    with counting_service(fault=corrects_the_first_speaker) as service:
        home.run("file", "-", "--endpoint", service.url, data=speak(12))
    transcript = (home.only_recording() / "transcript.txt").read_text()

    assert call("recordings", "export", "latest").out == transcript
    hidden = call("recordings", "export", "latest", "--non-speech", "hide").out
    assert hidden == transcript.replace("[Silence]\n", "")
    assert hidden != transcript


def test_killed_recording_is_exported_as_far_as_it_came(
    home: Home, call: Callable[..., Outcome]
) -> None:
    with counting_service() as service:
        process = home.start("file", "-", "--endpoint", service.url, stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(speak(40))
        process.stdin.flush()
        service.wait_for_words(18)
        process.kill()
        process.communicate()
    folder, made = home.only_recording(), home.work / "made"
    with (folder / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"v":1,"seq":99,"type":"Tu')
    journal_before = (folder / "journal.jsonl").read_bytes()
    outcome = call("recordings", "export", "latest", *outputs_in(made))

    assert outcome.code == 0, outcome.err
    assert (folder / "journal.jsonl").read_bytes() == journal_before
    said = words([json.loads(line) for line in (made / "stdin.jsonl").read_text().splitlines()])
    assert len(said) >= 10
    assert said == expected(len(said))
    assert (made / "stdin.txt").read_text().split() == said
    assert re.findall(r"w\d+", (made / "stdin.md").read_text()) == said
    document = json.loads((made / "stdin.json").read_text())
    assert [word["text"] for word in document["words"]] == said
    assert document["summary"] is None


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.first(1)
def test_outputs_of_a_killed_run_are_whole(
    home: Home, call: Callable[..., Outcome], seed: int
) -> None:
    chance, live = random.Random(seed), home.work / "live"
    write_wav(home.work / "talk.wav", 200)
    with counting_service() as service:
        process = home.start(
            *("file", "talk.wav", "--endpoint", service.url, *outputs_in(live)),
            *("--pace", chance.choice(["max", "8"])),
        )
        service.wait_for_words(chance.randint(1, 150))
        threading.Event().wait(chance.uniform(0, 0.05))
        process.kill()
        process.communicate()
    truth = expected(200)
    said = {suffix: _said(live / f"talk{suffix}") for suffix in SUFFIXES}

    for suffix in SUFFIXES:
        assert said[suffix] == truth[: len(said[suffix])], suffix
    # What is not in the files is in the journal.
    again = home.work / "again"
    assert call("recordings", "export", "latest", *outputs_in(again)).code == 0
    for suffix in SUFFIXES:
        exported = _said(again / f"talk{suffix}")
        assert len(exported) % 5 == 0
        assert exported == truth[: len(exported)]
        assert exported[: len(said[suffix])] == said[suffix]


def _said(path: Path) -> list[str]:
    """The words of an output, which must be whole; none where nothing was written yet."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if path.suffix == ".json":
        document: dict[str, Any] = json.loads(text) if path.exists() else {"words": []}
        return [word["text"] for word in document["words"]]
    assert text.endswith("\n") or not text
    if path.suffix == ".jsonl":
        return words([json.loads(line) for line in text.splitlines()])
    return re.findall(
        r"\bw\d+", text.partition("## Transcript")[2] if path.suffix == ".md" else text
    )


def test_several_files_in_one_output_follow_each_other(home: Home) -> None:
    write_wav(home.work / "a.wav", 5)
    write_wav(home.work / "b.wav", 10)
    (home.work / "broken.wav").write_bytes(b"RIFF")
    with counting_service() as service:
        outcome = home.run(
            *("file", "a.wav", "broken.wav", "b.wav", "--endpoint", service.url),
            *("--pace", "max", "-o", "all.md", "-o", "all.json", "-o", "all.jsonl"),
        )
    assert outcome.code == 3
    a, broken, b = json.loads((home.work / "all.json").read_text())
    text = (home.work / "all.md").read_text()
    lines = (home.work / "all.jsonl").read_text().splitlines()

    assert [word["text"] for one in (a, b) for word in one["words"]] == expected(5) + expected(10)
    assert [one["recording"]["source"] for one in (a, broken, b)] == [
        *("a.wav", "broken.wav", "b.wav")
    ]
    assert (broken["error"]["exit_code"], broken["turns"], a["error"]) == (3, [], None)
    assert re.findall(r"^# (.*)", text, re.MULTILINE) == ["a.wav", "broken.wav", "b.wav"]
    assert re.findall(r"w\d+", text) == expected(5) + expected(10)
    assert {held_to_schema(json.loads(line))["source"] for line in lines} == {
        *("a.wav", "broken.wav", "b.wav")
    }


REFUSED = {
    "no such recording": (["2001"], "recordings list"),
    "no format": (["latest", "-o", "x.doc"], ".json"),
    "no such folder": (["latest", "-o", "none/x.md"], "none/x.md"),
    "its own journal": (["latest", "-o", "{journal}"], "its own journal"),
}


@pytest.mark.parametrize(("arguments", "hint"), REFUSED.values(), ids=REFUSED)
@pytest.mark.first(2)
def test_what_cannot_be_exported_is_a_wrong_use(
    home: Home, call: Callable[..., Outcome], arguments: list[str], hint: str
) -> None:
    with counting_service() as service:
        home.run("file", "-", "--endpoint", service.url, data=speak(5))
    journal = home.only_recording() / "journal.jsonl"
    before = journal.read_bytes()
    outcome = call("recordings", "export", *(part.format(journal=journal) for part in arguments))

    assert (outcome.code, outcome.out) == (2, "")
    assert hint in outcome.err.replace("recording's own", "recording's its own")
    assert journal.read_bytes() == before


@needs_full
def test_disk_that_is_full_is_told_and_the_other_files_are_written(
    home: Home, call: Callable[..., Outcome]
) -> None:
    with counting_service() as service:
        home.run("file", "-", "--endpoint", service.url, data=speak(5))
    for name in ("full.txt", "full.md", "full.json"):
        (home.work / name).symlink_to(FULL)
        outcome = call("recordings", "export", "latest", "-o", name, "-o", "x.txt")

        assert outcome.code == 6
        assert f"error: '{name}' cannot be written: No space left on device.\n" in outcome.err
        assert (home.work / "x.txt").read_text() == "w1 w2 w3 w4 w5\n"


@needs_full
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.first(1)
def test_full_disk_on_one_output_of_a_run_is_told_once_and_the_others_go_on(
    home: Home, suffix: str
) -> None:
    full = home.work / f"full{suffix}"
    full.symlink_to(FULL)
    with counting_service() as service:
        outcome = home.run(
            *("file", "-", "--endpoint", service.url, "-o", full.name, "-o", "x.md", "--jsonl"),
            data=speak(10),
        )

    assert outcome.code == 6
    assert outcome.err.count(full.name) == 1
    assert len(finals(outcome.records)) == 2
    assert "w10" in (home.work / "x.md").read_text()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of POSIX")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.first(1)
def test_pipe_with_a_name_gets_what_a_file_gets(home: Home, suffix: str) -> None:
    pipe = home.work / f"pipe{suffix}"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with counting_service() as service:
        outcome = home.run(
            *("file", "-", "--endpoint", service.url, "-o", pipe.name, "-o", f"x{suffix}"),
            data=speak(12),
        )
    reader.join(DEADLINE_S)

    assert outcome.code == 0, outcome.err
    assert pipe.is_fifo()
    assert read == [(home.work / f"x{suffix}").read_bytes()] != [b""]


def test_it_says_what_it_has_replaced_or_refuses_to(
    home: Home, call: Callable[..., Outcome]
) -> None:
    make_recording(home)
    export = ("recordings", "export", "latest", "-o", "x.srt")
    assert call(*export).err == "written: x.srt\n"
    assert call(*export).err == "replaced: x.srt\n"
    (home.work / "x.srt").write_text("mine")
    refused = call(*export, "-o", "y.md", "--no-clobber")
    assert (refused.code, "error: 'x.srt' is there already." in refused.err) == (2, True)
    assert (home.work / "x.srt").read_text() == "mine"
    assert not (home.work / "y.md").exists()
