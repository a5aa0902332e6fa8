"""Shards: one list of files, transcribed by several machines that do not talk to each other.

Each is given the same list, cuts it in the same way, and takes its own part. Pure, but for the
files' lengths.
"""

import heapq
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from transcribe_cli.audio.estimated_length import estimated_length_s
from transcribe_cli.audio.excerpt import EVERYTHING, Range
from transcribe_cli.errors import UsageError
from transcribe_cli.jobs.sources import STDIN
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.transcript.recording_clock import format_time

_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")


class Shard(NamedTuple):
    """One part of a list.

    Attributes:
        number: from 1; of: how many parts there are.
        places: which files of the list are its own, from 0, in order.
        names: what they are called, of the whole list.
        length_s: about how long they are; total_s: all of the list.
        total: how many files the list has.
    """

    number: int
    of: int
    places: list[int]
    names: list[str]
    length_s: float
    total_s: float
    total: int

    @property
    def note(self) -> str:
        """What it is, in a line."""
        files = f"{len(self.places)} of {self.total} files"
        lengths = f"{_clock(self.length_s)} of {_clock(self.total_s)}"
        return f"shard {self.number} of {self.of}: {files}, about {lengths}"

    def record(self, time: datetime) -> Record:
        """What `merge` puts the files in order by, and finds what is missing."""
        body: dict[str, Any] = {
            "shard": self.number,
            "shards": self.of,
            "total": self.total,
            "places": self.places,
            "files": self.names,
        }
        return Record(time, "Shard", body)


def make_shard(
    asked: str, paths: Sequence[str], names: Sequence[str], part: Range = EVERYTHING
) -> Shard:
    """The part of a list that was asked for as I/N.

    Args:
        names: of the files, each its own.
        part: of each file that is transcribed.

    Raises:
        UsageError: it is no such number, or standard input is in the list.
    """
    number, of = parse_shard(asked)
    if STDIN in paths:
        raise UsageError(
            "Standard input is one source, and cannot be shared by shards.",
            "name files, folders or a list of them: --from-list",
        )
    lengths = [_stretch_s(estimated_length_s(Path(path)), part) for path in paths]
    places = [at for at, owner in enumerate(owners(lengths, names, of)) if owner == number]
    own = [names[at] for at in places]
    length_s = sum(lengths[at] for at in places)
    return Shard(number, of, places, own, length_s, sum(lengths), len(paths))


def parse_shard(asked: str) -> tuple[int, int]:
    """I and N of I/N.

    >>> parse_shard("2/3")
    (2, 3)

    Raises:
        UsageError: it is not of that kind, or I is not one of 1 to N.
    """
    found = _SHARD.fullmatch(asked.strip())
    number, of = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= of:
        raise UsageError(
            f"--shard '{asked}' is no shard.", "the first of three is 1/3, the last 3/3"
        )
    return number, of


def owners(lengths_s: Sequence[float], names: Sequence[str], shards: int) -> list[int]:
    """The number of the shard that each file is for, so that all have about as much to do.

    The longest first, each to the shard that has least until then: none gets more than 4/3 of what
    the best cut would give it (Graham, "Bounds on multiprocessing timing anomalies", 1969). The
    order of the list does not count.

    >>> owners([10, 10, 30, 20], ["a", "b", "c", "d"], 2)
    [2, 1, 1, 2]
    """
    loads = [(0.0, 0, shard) for shard in range(1, shards + 1)]  # s, files, number
    found = [0] * len(names)
    for at in sorted(range(len(names)), key=lambda at: (-lengths_s[at], names[at], at)):
        load_s, files, shard = heapq.heappop(loads)
        found[at] = shard
        heapq.heappush(loads, (load_s + lengths_s[at], files + 1, shard))
    return found


def _stretch_s(length_s: float, part: Range) -> float:
    left_s = max(0.0, length_s - part.start_s)
    return left_s if part.duration_s is None else min(left_s, part.duration_s)


def _clock(seconds: float) -> str:
    return format_time(round(seconds) * 1000)
