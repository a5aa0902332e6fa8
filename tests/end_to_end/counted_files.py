"""Many files that each say other words, and what a run of them should have told."""

import wave
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.counting import RATE, Seen, speak
from tests.program import finals


def write_talk(path: Path, words: int, first: int = 1) -> Path:
    """A WAV file that says the words `first`, `first` + 1, ..."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(speak(words, first))
    return path


def write_talks(folder: Path, *sizes: int) -> dict[str, list[str]]:
    """Files of so many words, no word in two of them; gives the words by the file's name."""
    folder.mkdir(exist_ok=True)
    said = {}
    for number, size in enumerate(sizes, 1):
        name = f"talk{number}.wav"
        write_talk(folder / name, size, number * 1000)
        said[name] = spoken(size, number * 1000)
    return said


def spoken(words: int, first: int = 1) -> list[str]:
    """The words that such a file says."""
    return [f"w{number}" for number in range(first, first + words)]


def words_by_source(records: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The transcript of each file."""
    heard: dict[str, list[str]] = {}
    for turn in finals(records):
        heard.setdefault(turn["source"], []).extend(word["text"] for word in turn["words"])
    return heard


def words_by_heading(text: str) -> list[tuple[str, list[str]]]:
    """The same from lines of text, in their order: each file under a line with its name."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("# "):
            found.append((line[2:], []))
        else:
            found[-1][1].extend(line.split())
    return found


def at_once(sessions: list[Seen]) -> int:
    """The greatest number of sessions that were open at the same time."""
    times = [(seen.opened, 1) for seen in sessions]
    times += [(seen.terminated_at, -1) for seen in sessions]
    most = now = 0
    for _, change in sorted(times):
        now += change
        most = max(most, now)
    return most


def changes_of_source(records: list[dict[str, Any]]) -> int:
    """How often the records go from one source to another."""
    return sum(1 for _ in groupby(record["source"] for record in records)) - 1
