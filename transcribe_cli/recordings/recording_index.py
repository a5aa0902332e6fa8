"""What lies in a save-dir, by what was transcribed; tells other processes what begins there."""

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
_LOG_HEAD = re.compile(rb"\d{10} [0-9a-f]{16}\n")  # when it was begun, and which one it is
_LOG_HEAD_BYTES = 28
_LOG_LASTS_S = 24 * 3600
_LIST_EVERY_S = 1.0
_write = os.write


class RecordingIndex:
    """The recordings of a save-dir by what was transcribed: thousands may lie there.

    Who transcribes many files begins a log there, in which all write down what they begin while it
    is there. Of it each process reads what is new; it lists the save-dir under its lock once for
    each log, and each time where there is none. So nothing is opened for a file but what is noted
    for it or has its name, and who has the lock knows all that others began under it.

    What came otherwise, moved there or begun where no lock can be had, is seen within a second: the
    save-dir is then listed again, as often as that takes a hundredth of the time. (Its time of
    change says nothing, since the lock's file comes and goes.)

    A log is removed when one who keeps it ends, by whoever cannot write into it, and when it is a
    day old, since who kept it may have been killed: others, who may still need it, list once and
    begin another. It is opened anew each time, as NFS shows the newest to those who do.

    Attributes:
        keeps_log: a log is begun where there is none.
    """

    def __init__(self, save_dir: Path) -> None:
        self.keeps_log = False
        self._save_dir = save_dir
        self._names: set[str] = set()
        self._unread: dict[str, set[str]] = {}  # by slug: what is in their journals is not known
        self._by_work: dict[str, set[str]] = {}
        self._log = b""  # the first line of the one that was read; empty where there is none
        self._offset = 0  # of what was read of it, in bytes
        self._listed_with = b""  # the log that was there when it was listed under its lock
        self._list_at = float("-inf")

    def glance(self) -> None:
        """Take in what has come since; others may be a second ahead, or more on a shared disk."""
        self._read_log()
        if time.monotonic() >= self._list_at:
            self._list()

    def look(self) -> None:
        """Take in all that has come since; to be called in `save_dir_locked`."""
        if not self._read_log():
            self._remove_log()  # who has not read it cannot add to it, so others have to list
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
        """Write down for others that a recording is begun; to be called where `look` is.

        Args:
            work: its digest.
        """
        if self._log:
            self._write_log("a", f"\n{work} {name}\n")  # the last one may be torn

    def close(self) -> None:
        """Remove the log."""
        if self.keeps_log and self._log:
            with contextlib.suppress(UsageError), save_dir_locked(self._save_dir):
                self._remove_log()

    def of_work(
        self, slug: str, work: Iterable[str], read: Callable[[Path], str | None]
    ) -> list[Path]:
        """What may be the recordings of some work, the oldest first.

        Args:
            slug: of its name: journals of recordings with that slug are read until they tell.
            work: its digests.
            read: says by a recording's journal which digest it has; None where it does not tell.
        """
        for name in sorted(self._unread.pop(slug, ())):
            folder = self._save_dir / name
            digest = read(folder) if is_recording(folder) else None
            if digest is None:  # it may become one, and be readable
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
        """Take in what the log tells; from its beginning, where it is another one.

        Returns whether that could be known: there is none, or it was read.
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
        """Write a line into the log; where that fails there is none, so all list the save-dir."""
        data = line.encode()
        try:
            with FileIO(self._log_path, mode, opener=open_regular) as file:
                whole = _write(file.fileno(), data) == len(data)
        except OSError:
            whole = False
        if not whole:  # a full disk, or it is somebody else's
            self._remove_log()

    def _remove_log(self) -> None:
        self._log = b""
        with contextlib.suppress(OSError):
            if is_regular(self._log_path):
                self._log_path.unlink()

    def _list(self) -> None:
        """Take in what is there and has a journal, or says in its lock what it is of.

        What has neither may only just be made, and is looked at again.
        """
        began = time.monotonic()
        try:
            names = set(os.listdir(self._save_dir))  # noqa: PTH208  # names alone, many of them
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
    """The slugs that a folder's name may hold: its end may be a number of a second one."""
    if (found := _NAME.fullmatch(name)) is None:
        return []
    slug = found[1]
    numbered = _NUMBERED.fullmatch(slug)
    return [slug] if numbered is None else [slug, numbered[1]]
