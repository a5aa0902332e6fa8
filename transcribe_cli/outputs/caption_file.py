"""The file of `--captions-file`, which OBS shows: the newest caption lines and nothing else."""

import threading
import time
from pathlib import Path

from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.output import usage_error_if_unwritable

QUIET_S = 10.0  # without new words; then old captions are removed
_END_TIMEOUT_S = 1.0


class CaptionFile:
    """A text file with the newest two caption lines, replaced whenever they change.

    The file is empty at first, and after `quiet_s` without new words. At the end of the run the
    last lines stay. There is no line feed at the end: OBS would show an empty line.

    Args:
        non_speech: show turns that are only tags such as `[Music]`.
        quiet_s: seconds without new words after which the file is emptied.

    Raises:
        UsageError: it cannot be written.
    """

    def __init__(self, path: Path, *, non_speech: bool = True, quiet_s: float = QUIET_S) -> None:
        from transcribe_cli.outputs.atomic_file import AtomicFile
        from transcribe_cli.outputs.rolling_captions import RollingCaptions

        self.name = str(path)
        self._file = AtomicFile(path)
        self._captions = RollingCaptions(non_speech=non_speech)
        self._quiet_s = quiet_s
        self._shown = ""
        self._empty_at: float | None = None
        self._problem: OSError | None = None
        self._closed = False
        self._changed = threading.Condition()  # guards all of these
        with usage_error_if_unwritable(path):
            self._file.put(b"")
        self._thread = threading.Thread(
            target=self._empty_when_quiet, name="aai-captions-file", daemon=True
        )
        self._thread.start()

    def write(self, record: Record) -> None:
        """Take a record, and replace the file if the lines changed."""
        with self._changed:
            if self._problem is not None:
                raise self._problem
            self._captions.take(record)
            self._show("\n".join(self._captions.lines))

    def _show(self, text: str) -> None:
        """Replace the file; the caller holds `_changed`."""
        if text == self._shown:
            return
        self._file.put(text.encode("utf-8", "replace"))
        self._shown = text
        if text and self._empty_at is None:
            self._changed.notify()
        self._empty_at = time.monotonic() + self._quiet_s if text else None

    def _empty_when_quiet(self) -> None:
        with self._changed:
            while not self._closed:
                left = None if self._empty_at is None else self._empty_at - time.monotonic()
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                self._captions.clear()
                try:
                    self._show("")
                except OSError as e:  # raised by the next `write`, on the main thread
                    self._problem = e
                    return

    def close(self) -> None:
        """Stop; the last lines stay in the file. May be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            self._file.close()
        self._thread.join(_END_TIMEOUT_S)
