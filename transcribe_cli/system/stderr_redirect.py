"""Standard error without what the sound system's libraries write to it behind our back.

PortAudio, ALSA, JACK and PulseAudio write to file descriptor 2, some of them much later and from
threads of their own. So while a device is in use that number leads nowhere, and `sys.stderr`, which
is ours, has another one.
"""

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator

_lock = threading.Lock()  # guards what follows
_users = 0
_restore = contextlib.ExitStack()


@contextlib.contextmanager
def libraries_are_silent() -> Iterator[None]:
    """While open, only `sys.stderr` writes to standard error; may be open several times."""
    global _users
    with _lock:
        if not _users:
            with contextlib.ExitStack() as restore:  # on an error all is as it was
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
    """Give `sys.stderr` a number of its own, and lead number 2 nowhere."""
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
    if not isinstance(before, io.TextIOWrapper):  # a test's, or none
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
