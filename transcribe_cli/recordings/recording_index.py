"""The recordings in a save-dir by what was transcribed; lets processes tell each other theirs."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path

from transcribe_cli.errors import UsageError
from transcribe_cli.recordings.folder import JOURNAL, is_link, is_recording
from transcribe_cli.recordings.lock import LOCK_FILE, read_lock_note, save_dir_locked
from transcribe_cli.system.regular_file import is_regular, open_regular

LOG_FILE = ".begun"
_NAME = re.compile(r"\d{4}-\d\d-\d\d-\d{6}-(.+)")
_NUMBERED = re.compile(r"(.+)-\d+")
_PLAIN = re.compile(r"[\w-]+")
_LOG_HEAD = re.compile(rb"\d{10} [0-9a-f]{16}\n")  # time of creation, and a random id
_LOG_HEAD_BYTES = 28
_LOG_LASTS_S = 24 * 3600
_LIST_EVERY_S = 1.0
_write = os.write


class RecordingIndex:
    """The recordings of a save-dir by what was transcribed; there may be thousands.

    Processes share the file `.begun` in the save-dir, called the log here. Its rules:

    - Create: a process that transcribes many files creates the log if there is none.
    - Write: while the log exists, every process notes in it each recording that it begins.
    - Read: each process reads the new lines of the log. It opens the log each time, because NFS
      shows new content only after opening.
    - List: a process lists the save-dir under the lock once for each log, and every time if there
      is no log.
    - Remove: a process that keeps the log removes it at its end, and so does a process that cannot
      read or write it. A log that is a day old is removed too, since its keeper may have been
      killed. The others then list the save-dir once and create another log.

    So for a file only those recordings are opened that are noted for it or have its name; and a
    process that holds the lock knows all recordings that others began under it.

    Recordings that came otherwise, by a move or where no lock is possible, are seen within a
    second: the save-dir is then listed again, so often that it takes a hundredth of the time. (The
    save-dir's time of change does not help, because the lock file comes and goes in it.)

    Attributes:
        keeps_log: create the log if there is none.
    """

    def __init__(self, save_dir: Path) -> None:
        self.keeps_log = False
        self._save_dir = save_dir
        self._names: set[str] = set()
        self._unread: dict[str, set[str]] = {}  # by slug: names of recordings not read yet
        self._by_work: dict[str, set[str]] = {}
        self._log = b""  # the first line of the log that was read; empty if there is none
        self._offset = 0  # number of its bytes that were read
        self._listed_with = b""  # the first line of the log at the last listing under the lock
        self._list_at = float("-inf")

    def glance(self) -> None:
        """Take in new recordings; those of the last second may be missing, or more over NFS."""
        self._read_log()
        if time.monotonic() >= self._list_at:
            self._list()

    def look(self) -> None:
        """Take in all new recordings; call it inside `save_dir_locked`."""
        if not self._read_log():
            self._remove_log()  # this process cannot read it, so the others have to list
        if self._log and abs(time.time() - int(self._log.split()[0])) > _LOG_LASTS_S:
            self._remove_log()
        if self._log and self._log == self._listed_with:
            return
        self._list()
        if self.keeps_log and not self._log:
            self._write_log("w", f"{time.time():010.0f} {os.urandom(8).hex()}\n")
            self._read_log()
        self._listed_with = self._log

    def note(self, work: str, name: str) -> None:
        """Note in the log that a recording begins; call it inside `save_dir_locked`.

        Args:
            work: the digest of what is transcribed.
        """
        if self._log:
            self._write_log("a", f"\n{work} {name}\n")  # the last line may be incomplete

    def close(self) -> None:
        """Remove the log."""
        if self.keeps_log and self._log:
            with contextlib.suppress(UsageError), save_dir_locked(self._save_dir):
                self._remove_log()

    def of_work(
        self, slug: str, work: Iterable[str], read: Callable[[Path], str | None]
    ) -> list[Path]:
        """The folders that may hold recordings of some work, the oldest first.

        Args:
            slug: the slug of its name; journals of recordings with this slug are read.
            work: the digests of the work.
            read: returns the digest in a recording's journal; None if it cannot tell yet.
        """
        for name in sorted(self._unread.pop(slug, ())):
            folder = self._save_dir / name
            digest = read(folder) if is_recording(folder) else None
            if digest is None:  # it may become a readable recording later
                self._unread.setdefault(slug, set()).add(name)
            else:
                self._by_work.setdefault(digest, set()).add(name)
        names = {name for digest in work for name in self._by_work.get(digest, ())}
        folders = [self._save_dir / name for name in sorted(names)]
        return [folder for folder in folders if not is_link(folder)]

    @property
    def _log_path(self) -> Path:
        return self._save_dir / LOG_FILE

    def _read_log(self) -> bool:
        """Take in the new lines of the log; all lines if it is another log.

        Returns False if the log exists but cannot be read.
        """
        lines, is_known = b"", True
        try:
            with FileIO(self._log_path, opener=open_regular) as file:
                head = file.read(_LOG_HEAD_BYTES)
                if head != self._log:
                    self._log = head if _LOG_HEAD.fullmatch(head) else b""
                    self._offset = len(head)
                if self._log:
                    file.seek(self._offset)
                    lines = file.readall()
        except OSError as e:
            self._log, is_known = b"", isinstance(e, FileNotFoundError)
        whole = lines[: lines.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            work, _, name = line.partition(" ")
            if _PLAIN.fullmatch(name):
                self._names.add(name)
                self._by_work.setdefault(work, set()).add(name)
        return is_known

    def _write_log(self, mode: str, line: str) -> None:
        """Write a line to the log; if that fails, remove the log, so all list the save-dir."""
        data = line.encode()
        try:
            with FileIO(self._log_path, mode, opener=open_regular) as file:
                whole = _write(file.fileno(), data) == len(data)
        except OSError:
            whole = False
        if not whole:  # the disk is full, or the file belongs to somebody else
            self._remove_log()

    def _remove_log(self) -> None:
        self._log = b""
        with contextlib.suppress(OSError):
            if is_regular(self._log_path):
                self._log_path.unlink()

    def _list(self) -> None:
        """Take in the folders that have a journal, or whose lock file has a note of their work.

        A folder with neither may be new, so it is looked at again the next time.
        """
        began = time.monotonic()
        try:
            names = set(os.listdir(self._save_dir))  # noqa: PTH208  # only names, and many
        except OSError:
            names = set()
        for name in names - self._names:
            path = f"{self._save_dir}{os.sep}{name}"
            locked = os.path.lexists(f"{path}{os.sep}{LOCK_FILE}") and not is_link(path)
            note = read_lock_note(self._save_dir / name) if locked else ""
            if note:
                self._by_work.setdefault(note, set()).add(name)
            if note or os.path.lexists(f"{path}{os.sep}{JOURNAL}"):
                self._names.add(name)
                for slug in _slugs(name):
                    self._unread.setdefault(slug, set()).add(name)
        ended = time.monotonic()
        self._list_at = ended + max(_LIST_EVERY_S, 100 * (ended - began))


def _slugs(name: str) -> list[str]:
    """The slugs that a folder's name may contain: a number at its end may not be part of one."""
    if (found := _NAME.fullmatch(name)) is None:
        return []
    slug = found[1]
    numbered = _NUMBERED.fullmatch(slug)
    return [slug] if numbered is None else [slug, numbered[1]]
