"""A document that is being written when its process is killed."""

import json
import random
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.outputs.document_child import WORDS
from tests.program import ROOT


def kill_after(path: Path, turns: int, more_s: float) -> int:
    """A writer that is killed a moment after it has written so many turns; how many it has."""
    command = [sys.executable, "-m", "tests.outputs.document_child", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(turns):
            child.stdout.readline()
        threading.Event().wait(more_s)  # or it would always be killed between two versions
        child.kill()
        said = child.stdout.read().split()
    return turns + len(said)


def said_in(path: Path) -> list[str]:
    """The words of a document, which is whole."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        document = json.loads(text)
        words = [word["text"] for word in document["words"]]
        assert " ".join(words) == " ".join(turn["text"] for turn in document["turns"])
        return words
    title, transcript = text.split("## Transcript\n")
    assert title.startswith("# a.wav\n")
    assert text.endswith("\n")
    return re.findall(r"w\d+", transcript)


@pytest.mark.parametrize("suffix", [".md", ".json"])
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.first(2)
def test_document_of_a_killed_run_is_whole(tmp_path: Path, suffix: str, seed: int) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_text("of yesterday")
    chance = random.Random(seed)
    turns = kill_after(path, chance.randint(1, 60), chance.uniform(0, 0.02))
    words = said_in(path)

    count = len(words) // WORDS
    assert words == [f"w{number}" for number in range(count) for _ in range(WORDS)]
    assert turns <= count <= turns + 1  # the last line may not have come out
