"""Which recordings a save-dir holds: looked through once, and then only for what is new.

Thousands of files may be transcribed into one save-dir, and each asks what there is of it already.
"""

import os
import re
import time
from pathlib import Path

from transcribe_cli.recordings.lock import LOCK_FILE, is_locked
from transcribe_cli.recordings.saved_recordings import is_recording

_NAME = re.compile(r"\d{4}-\d\d-\d\d-\d{6}-(.+)")
_NUMBERED = re.compile(r"(.+)-\d+")


class RecordingIndex:
    """The recordings of a save-dir by their slugs, and those that may be running."""

    def __init__(self, save_dir: Path) -> None:
        self._save_dir = save_dir
        self._names: set[str] = set()
        self._by_slug: dict[str, set[str]] = {}
        self._maybe_running: set[str] = set()
        self._looked_at = float("-inf")

    def look(self, *, unless_within_s: float = 0.0) -> None:
        """Take in what has come since the last time; nothing is opened for that.

        Args:
            unless_within_s: what was seen so lately is good enough. The names of all recordings are
                read, which takes some ms where there are ten thousand.
        """
        now = time.monotonic()
        if now - self._looked_at < unless_within_s:
            return
        self._looked_at = now
        try:
            names = set(os.listdir(self._save_dir))  # noqa: PTH208  # names alone, many of them
        except OSError:
            names = set()
        new = names - self._names
        for name in new:
            for slug in _slugs(name):
                self._by_slug.setdefault(slug, set()).add(name)
        self._names = names
        self._maybe_running |= new

    def with_slug(self, slug: str) -> list[Path]:
        """The recordings with that slug, the oldest first."""
        names = self._by_slug.get(slug, set()) & self._names
        return [path for name in sorted(names) if is_recording(path := self._save_dir / name)]

    def running(self, slug: str) -> list[Path]:
        """The recordings that run: of those with that slug, and of what is new or ran before.

        To be asked while the save-dir is locked: who makes a folder in it has not locked that yet.
        """
        self._maybe_running = {
            name for name in self._maybe_running if (self._save_dir / name / LOCK_FILE).is_file()
        }
        names = self._maybe_running | (self._by_slug.get(slug, set()) & self._names)
        return [path for name in sorted(names) if is_locked(path := self._save_dir / name)]


def _slugs(name: str) -> list[str]:
    """The slugs that a folder's name may hold: its end may be a number of a second one."""
    if (found := _NAME.fullmatch(name)) is None:
        return []
    slug = found[1]
    numbered = _NUMBERED.fullmatch(slug)
    return [slug] if numbered is None else [slug, numbered[1]]
