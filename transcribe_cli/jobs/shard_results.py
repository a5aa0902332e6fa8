"""What shards have left in JSON Lines: each file once, in the order of their list.

The records of files that ran at once alternate, and there may be more of them than memory holds. So
the first reading notes where each file's lines are, and the second reads one file at a time.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from transcribe_cli.errors import UsageError
from transcribe_cli.recordings.folder import JOURNAL, is_recording
from transcribe_cli.recordings.journal import MOST_LINE_BYTES, JournalRecord, read_line
from transcribe_cli.recordings.saved_recordings import recording_folders
from transcribe_cli.system.regular_file import open_regular


class _Line(msgspec.Struct):
    """What is looked at of each line."""

    type: str
    source: str | None = None
    time: str = ""
    final: bool = True
    complete: bool = False
    session: int | None = None
    file: dict[str, object] | None = None


_MOST_SHARDS = 999_999  # as many as `--shard` takes


class _Cut(msgspec.Struct):
    """A Shard record."""

    shard: Annotated[int, Meta(ge=1, le=_MOST_SHARDS)]
    shards: Annotated[int, Meta(ge=1, le=_MOST_SHARDS)]
    total: Annotated[int, Meta(ge=0, le=sys.maxsize)]
    places: list[int]
    files: list[str]


_MOST_NAMED = 10

_LINE = msgspec.json.Decoder(_Line)
_CUT = msgspec.json.Decoder(_Cut)


@dataclass
class FileResult:
    """What one run has left of one file.

    Attributes:
        name: of the file.
        path: the JSON Lines that hold it.
        begun: when, as its first record says it.
        content: by its fingerprint; "" where nothing could be recorded of it.
        complete: its last Summary says so.
        ended: it has a Summary.
    """

    name: str
    path: Path
    begun: str
    content: str = ""
    complete: bool = False
    ended: bool = False
    _lines: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, line: _Line, at: int) -> None:
        """Take one of its records, which begins at that byte."""
        self._lines.append(at)
        if line.type == "Recording":
            self.content = str((line.file or {}).get("content") or "-")
        elif line.type == "Summary":
            self.ended, self.complete = True, line.complete

    @property
    def worth(self) -> tuple[bool, bool, str]:
        """The greater of two of the same file is the better one."""
        return self.complete, bool(self.content), self.begun

    def records(self) -> Iterator[JournalRecord]:
        """All of its records, in order.

        Raises:
            OSError: they cannot be read any more.
        """
        with _opened(self.path) as file:
            for at in self._lines:
                file.seek(at)
                record = read_line(file.readline(MOST_LINE_BYTES).rstrip())
                if record is not None:
                    yield record


class Results(NamedTuple):
    """What there is of a list of files.

    Attributes:
        files: the best result of each file, or only its name if it has none, in the order of the
            list; without a list, in the order found.
        missing: the shards that are not there, else how many files no shard had, in words.
    """

    files: list[FileResult | str]
    missing: list[str]


def read_results(paths: Sequence[Path], *, partials: bool) -> Results:
    """Look through JSON Lines files, recordings' folders and folders of either.

    Args:
        partials: keep Turns that are not final.

    Raises:
        UsageError: one of them is not there or holds nothing of the kind, or shards are of
            different lists.
    """
    found: list[FileResult] = []
    cuts: dict[int, tuple[Path, _Cut]] = {}
    for path in (inner for given in paths for inner in _inside(given)):
        try:
            found += _read(path, cuts, partials=partials)
        except OSError as e:
            raise UsageError(
                f"'{path}' cannot be read: {e.strerror or e}.", "name a JSON Lines file"
            ) from e
    if not found and not cuts:
        raise UsageError("There is nothing to merge.", "name what '-o NAME.jsonl' of shards wrote")
    return _in_order(found, [cut for _, cut in cuts.values()])


def _inside(path: Path) -> list[Path]:
    if not path.is_dir():
        if path.exists() and not path.is_file():
            raise UsageError(
                f"'{path}' is a pipe or a device, and is read twice.", "write it to a file first"
            )
        return [path]
    if is_recording(path):
        return [path / JOURNAL]
    inside = [folder / JOURNAL for folder in recording_folders(path)]
    inside += sorted(found for found in path.glob("*.jsonl") if found.is_file())
    if not inside:
        raise UsageError(f"'{path}' holds no recordings and no .jsonl.", "name another folder")
    return inside


def _opened(path: Path) -> BufferedReader:
    # A recording's folder may be a stranger's; what was named is read wherever it lies.
    opener = open_regular if path.name == JOURNAL else None
    return BufferedReader(FileIO(path, "r", opener=opener))


def _read(
    path: Path, cuts: dict[int, tuple[Path, _Cut]], *, partials: bool
) -> Iterable[FileResult]:
    """What one JSON Lines file holds; its Shard record is added to `cuts`."""
    found: list[FileResult] = []
    newest: dict[str, FileResult] = {}
    current = ""  # of a run of one file only the first record names its source
    at = 0
    with _opened(path) as file:
        while data := file.readline(MOST_LINE_BYTES):
            start, at = at, at + len(data)
            try:
                line = _LINE.decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if line.type == "Shard":
                _add_cut(path, data, cuts)
                continue
            if line.type == "Recording":
                current = line.source or path.stem
            name = line.source or current
            result = newest.get(name)
            # An Error without a Recording: nothing could be recorded of that source.
            failed = line.type == "Error" and line.session is None
            if line.type == "Recording" or (failed and (result is None or result.ended)):
                result = newest[name] = FileResult(name, path, line.time)
                found.append(result)
            is_partial = line.type == "Turn" and not line.final
            if result is not None and (partials or not is_partial):
                result.add(line, start)
    return found


def _add_cut(path: Path, data: bytes, cuts: dict[int, tuple[Path, _Cut]]) -> None:
    try:
        cut = _CUT.decode(data)
    except msgspec.ValidationError:
        return  # it is no record of ours
    for other_path, other in cuts.values():
        if (cut.shards, cut.total) != (other.shards, other.total):
            raise UsageError(
                f"'{other_path}' and '{path}' are shards of different lists.",
                "merge the shards of one list",
            )
    cuts[cut.shard] = path, cut


def _in_order(found: Sequence[FileResult], cuts: Sequence[_Cut]) -> Results:
    names = {
        place: name for cut in cuts for place, name in zip(cut.places, cut.files, strict=False)
    }
    listed = set(names.values())
    best: dict[tuple[str, str], FileResult] = {}
    recorded = {result.name for result in found if result.content}
    for result in found:
        if not result.content and result.name in recorded:
            continue
        # Of a list each name is one file; otherwise files of several folders may share a name.
        key = (result.name, "" if result.name in listed else result.content)
        other = best.get(key)
        if other is None or result.worth >= other.worth:
            best[key] = result
    files: list[FileResult | str] = [
        best.pop((name, ""), name) for _, name in sorted(names.items())
    ]
    files += best.values()
    return Results(files, _missing(cuts, names))


def _missing(cuts: Sequence[_Cut], names: dict[int, str]) -> list[str]:
    if not cuts:
        return []
    shards, total = cuts[0].shards, cuts[0].total
    lacking = sorted(set(range(1, shards + 1)) - {cut.shard for cut in cuts})
    if lacking:
        which = ", ".join(map(str, lacking[:_MOST_NAMED]))
        if len(lacking) > _MOST_NAMED:
            which += f" and {len(lacking) - _MOST_NAMED} more"
        return [f"shard{'s' if len(lacking) > 1 else ''} {which} of {shards}"]
    left = total - len(names)
    return [f"{left} files that no shard had, since each saw another list"] if left else []
