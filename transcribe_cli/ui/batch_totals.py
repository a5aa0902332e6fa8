"""How far a batch is, and how long it will still take, by the files that have begun. Pure."""

from collections.abc import Sequence

from transcribe_cli.ui.batch_rows import BatchProgress, FileProgress

_SOON_S = 3.0  # before that no estimate of the time left is any good


class BatchTotals:
    """Adds up the files of a batch. Audio in seconds; times are monotonic, in seconds.

    Args:
        files: number of files in the batch.
    """

    def __init__(self, files: int) -> None:
        self._files = files
        self._done = self._failed = 0
        self._lengths: list[float] = []  # of the files that have ended, as far as known
        self._heard_s = 0.0  # audio of the files that have ended
        self._skipped_s = 0.0  # and what of it earlier runs had done
        self._began: float | None = None

    def begin(self, now: float) -> None:
        """A file begins."""
        if self._began is None:
            self._began = now

    def end(self, last: FileProgress, first_s: float) -> None:
        """A file has ended, which began at `first_s`: above 0 where it resumed a recording."""
        length_s = last.length_s or last.position_s
        self._heard_s += length_s  # nobody says words for its last silence
        self._skipped_s += first_s
        self._lengths.append(length_s)

    def count(self, *, failed: bool) -> None:
        """Count one more file as done or failed."""
        if failed:
            self._failed += 1
        else:
            self._done += 1

    def progress(
        self, running: Sequence[FileProgress], first_s: float, now: float
    ) -> BatchProgress:
        """How far the whole batch is.

        Args:
            first_s: what earlier runs had done of the files that run, in all.
        """
        lengths = [one.length_s for one in running if one.length_s]
        known = [*self._lengths, *lengths]
        share = left_s = None
        if known:
            usual_s = sum(known) / len(known)
            heard_s = self._heard_s + sum(one.position_s for one in running)
            begun_s = sum(self._lengths) + sum(one.length_s or usual_s for one in running)
            ended = self._done + self._failed
            to_come = max(self._files - ended - len(running), 0)
            whole_s = begun_s + to_come * usual_s
            share = min(heard_s / whole_s, 1.0) if whole_s else None
            elapsed_s = now - (now if self._began is None else self._began)
            new_s = heard_s - self._skipped_s - first_s
            if elapsed_s >= _SOON_S and new_s > 0:
                left_s = max(whole_s - heard_s, 0.0) * elapsed_s / new_s
        return BatchProgress(self._files, self._done, self._failed, len(running), share, left_s)
