"""`aai-stream recordings list`: the saved recordings with their first words."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.listings import cut_to, window_columns, write_json, write_table
from transcribe_cli.outputs.plain_text import one_line
from transcribe_cli.settings.environment import Environment, say
from transcribe_cli.settings.user_folders import save_dir_of
from transcribe_cli.ui.safe_text import safe_text

if TYPE_CHECKING:
    from transcribe_cli.recordings.overview import Overview

_ON_A_TERMINAL = 20
_LEAST_WORDS = 20  # columns for the first words, before an id is cut to the part that tells it
_AGO = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def list_recordings(
    environment: Environment,
    save_dir: str | None,
    *,
    typed: bool,
    limit: int | None,
    since: str | None,
    as_json: bool,
) -> ExitStatus:
    """The recordings, the newest last.

    Args:
        typed: `save_dir` stood on the command line; any other need not be there yet.
        limit: so many of the newest; None: 20 on a terminal, else all.
        since: a date, or how long ago: only those that were begun after it.

    Raises:
        UsageError: `since` is no time, or `--save-dir` no folder.
    """
    from transcribe_cli.recordings.saved_recordings import check_is_there, recording_folders

    after = None if since is None else parse_since(since, datetime.now().astimezone())
    folder = save_dir_of(save_dir)
    folders = recording_folders(folder)
    if not folders:
        try:
            check_is_there(folder)
        except UsageError as e:
            if typed:
                raise
            say(environment.stderr, safe_text(e.message) + "\n")
    if limit is None and environment.stdout.isatty() and not as_json:
        limit = _ON_A_TERMINAL
    found, more = _newest(folders, after, limit)
    if as_json:
        return write_json(environment, [_described(overview) for overview in found])
    if not found:
        environment.write("no recordings\n")
        return ExitStatus.OK
    status = _write_table(environment, found)
    if more:
        say(environment.stderr, f"{more} older ones: --limit {len(found) + more} lists them too\n")
    return status


def _newest(
    folders: Sequence[Path], after: datetime | None, limit: int | None
) -> "tuple[list[Overview], int]":
    """So many of the newest that were begun after a time, and how many older ones there are."""
    from transcribe_cli.recordings.overview import overview_of

    found: list[Overview] = []
    if after is None:
        kept = folders if limit is None else folders[-limit:]
        return [overview_of(folder) for folder in kept], len(folders) - len(kept)
    for folder in folders:
        overview = overview_of(folder)
        started = _started(overview)
        if started is None or started >= after:
            found.append(overview)
    kept_found = found if limit is None else found[-limit:]
    return kept_found, len(found) - len(kept_found)


def _started(overview: "Overview") -> datetime | None:
    """When it began; None where its journal cannot be read."""
    time = overview.recording.journal.start.get("time")
    return None if time is None else datetime.fromisoformat(time)


def _write_table(environment: Environment, found: "Sequence[Overview]") -> ExitStatus:
    from transcribe_cli.transcript.recording_clock import format_time

    ids = [one_line(overview.recording.id) for overview in found]
    rows = [
        (
            overview.recording.state,
            format_time(round(overview.recording.audio_s) * 1000),
            size_of(overview.size_bytes),
            one_line(overview.first_words),
        )
        for overview in found
    ]
    columns = window_columns(environment)
    titles = ("recording", "state", "length", "size", "first words")
    if columns is not None:
        taken = sum(
            2 + max(len(title), *(len(row[number]) for row in rows))
            for number, title in enumerate(titles[1:4])
        )
        ids = _beginnings(ids, columns - taken - 2 - _LEAST_WORDS)
        left = max(1, columns - taken - 2 - max(len(titles[0]), *map(len, ids)))
        rows = [(*row[:3], cut_to(row[3], left)) for row in rows]
    table = [(name, *row) for name, row in zip(ids, rows, strict=True)]
    return write_table(environment, titles, table)


def _beginnings(ids: Sequence[str], columns: int) -> list[str]:
    """The ids, or beginnings of them that tell one from the other and take fewer columns.

    The beginning of an id is taken for it, so that it can be typed as it is shown.
    """
    longest = max(map(len, ids))
    apart = next(n for n in range(1, longest + 1) if len({i[:n] for i in ids}) == len(set(ids)))
    most = max(columns, apart, len("2026-11-20-201837"))
    return [name[:most] for name in ids]


def size_of(size_bytes: int) -> str:
    """A size in the unit that suits it.

    >>> size_of(999), size_of(115_200_044)
    ('999 B', '115 MB')
    """
    size, units = float(size_bytes), ["B", "kB", "MB", "GB"]
    while size >= 999.5 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.1f} {units[0]}" if size < 9.95 and units[0] != "B" else f"{size:.0f} {units[0]}"


def parse_since(text: str, now: datetime) -> datetime:
    """The time that is meant by a date, or by how long ago it was.

    Args:
        now: with its zone, which is that of a date without one.

    >>> now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    >>> parse_since("7d", now).isoformat(), parse_since("2026-11-01", now).isoformat()
    ('2026-11-13T12:00:00+00:00', '2026-11-01T00:00:00+00:00')

    Raises:
        UsageError: it is neither.
    """
    try:
        number, unit = text[:-1], _AGO.get(text[-1:])
        if unit is not None and number.isdecimal() and number.isascii():
            return now - timedelta(**{unit: int(number)})
        # A month, or a year, is its first day.
        padded = text + "-01" * (text.isascii() and {4: 2, 7: 1}.get(len(text), 0))
        time = datetime.fromisoformat(padded)
        time = time if time.tzinfo is not None else time.replace(tzinfo=now.tzinfo)
        time.astimezone(UTC)
    except (ValueError, OverflowError) as e:
        raise UsageError(
            f"--since '{text}' is no time.", "for example 2026-11-20, 2026-11, 7d or 12h"
        ) from e
    return time


def _described(overview: "Overview") -> dict[str, object]:
    recording = overview.recording
    start, summary = recording.journal.start, recording.journal.summary or {}
    return {
        "id": recording.id,
        "state": recording.state,
        "source": start.get("source"),
        "model": start.get("model"),
        "started": start.get("time"),
        "audio_s": round(recording.audio_s, 3),
        "turns": overview.turns,
        "words": summary.get("words"),
        "languages": summary.get("languages"),
        "bytes": overview.size_bytes,
        "first_words": overview.first_words,
        "folder": str(recording.folder),
    }
