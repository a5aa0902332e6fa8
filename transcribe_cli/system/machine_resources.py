"""What the machine, or the container on it, lets this program have: processors, memory, files.

The one door to how each platform tells that.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_MOST_OPEN_FILES = 10_240  # macOS takes no more, though it says that there is no limit
_ROOT = Path("/")


def processors(root: Path = _ROOT) -> int:
    """How many processors this process may keep busy, at least 1."""
    # Linux alone says which ones a process was given.
    given = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quotas = [quota for folder in _groups("cpu", root) if (quota := _cpu_quota(folder)) is not None]
    return max(1, int(min([given, *quotas])))


def memory_bytes(root: Path = _ROOT) -> int | None:
    """The memory that there is for this process and all others; None where nothing tells.

    A container's limit counts, and so does that of each group of processes around it.
    """
    limits = [
        int(text)
        for folder in _groups("memory", root)
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := _read(folder / name)).isdecimal()  # "max" is none
    ]
    installed = _installed_bytes()
    return min(limits if installed is None else [installed, *limits], default=None)


def allow_open_files(count: int) -> None:
    """Ask for so many open files, where the system lets a program ask."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 256
    if soft < wanted:
        most = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else hard
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most), hard))


if sys.platform == "win32":
    import ctypes

    class _MemoryStatus(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API; only the total is read."""

        _fields_ = [
            *(("length", ctypes.c_ulong), ("load", ctypes.c_ulong)),
            ("total", ctypes.c_ulonglong),
            ("others", ctypes.c_ulonglong * 6),
        ]

    def _installed_bytes() -> int | None:
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        told = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status.total) if told else None

else:

    def _installed_bytes() -> int | None:
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (ValueError, OSError):
            return None


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of the control groups that this process is in, the innermost first (Linux).

    Sources: "Control Group v2" and "cgroup v1" in the kernel's documentation.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        mount = root / "sys/fs/cgroup"
        if controllers:  # version 1: a tree for each controller
            if controller not in controllers.split(","):
                continue
            mount /= controller
        group = PurePosixPath("/", path)
        for folder in (group, *group.parents):
            yield mount / folder.relative_to("/")


def _cpu_quota(folder: Path) -> float | None:
    """How many processors' time a control group gets."""
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    if not quota:
        quota = _read(folder / "cpu.cfs_quota_us")
        period = _read(folder / "cpu.cfs_period_us")
    if not (quota.isdecimal() and period.isdecimal()):  # "max" and -1 are no limit
        return None
    return int(quota) / int(period) if int(period) else None


def _read(path: Path) -> str:
    """A small file's text; empty where there is none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
