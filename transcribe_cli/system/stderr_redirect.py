"""Silences what sound libraries print to standard error.

PortAudio, ALSA, JACK and PulseAudio write to file descriptor 2, some of them later and on their own
threads. So while a device is in use, descriptor 2 is the null device, and `sys.stderr` has a
descriptor of its own.
"""

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator

_lock = threading.Lock()  # guards the two variables below
_users = 0
_restore = contextlib.ExitStack()


@contextlib.contextmanager
def libraries_are_silent() -> Iterator[None]:
    """While open, only `sys.stderr` writes to standard error. May be nested."""
    global _users
    with _lock:
        if not _users:
            with contextlib.ExitStack() as restore:  # undoes everything on an error
                _part(restore)
                _restore.push(restore.pop_all())
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _restore.close()


def _part(restore: contextlib.ExitStack) -> None:
    """Give `sys.stderr` its own descriptor, and redirect descriptor 2 to the null device."""
    try:
        saved = os.dup(2)
    except OSError:  # no standard error at all
        return
    restore.callback(os.close, saved)
    _move(saved, restore)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
    finally:
        os.close(nowhere)
    restore.callback(os.dup2, saved, 2)


def _move(number: int, restore: contextlib.ExitStack) -> None:
    before = sys.stderr
    if not isinstance(before, io.TextIOWrapper):  # a test has replaced it, or there is none
        return
    try:
        if before.fileno() != 2:
            return
    except (OSError, ValueError):
        return
    before.flush()
    ours = open(  # noqa: SIM115
        number,
        "w",
        encoding=before.encoding,
        errors=before.errors,
        buffering=1,
        closefd=False,
    )
    sys.stderr = ours

    def put_back() -> None:
        with contextlib.suppress(OSError, ValueError):
            ours.close()
        if sys.stderr is ours:
            sys.stderr = before

    restore.callback(put_back)
