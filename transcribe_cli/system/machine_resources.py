"""The processors, memory and open files that the machine or container allows this program.

All differences between platforms are here.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_MOST_OPEN_FILES = 10_240  # macOS accepts no more, though it reports no limit
_ROOT = Path("/")


def processors(root: Path = _ROOT) -> int:
    """The number of processors that this process may use, at least 1."""
    # Only Linux has an affinity mask.
    given = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quotas = [quota for folder in _groups("cpu", root) if (quota := _cpu_quota(folder)) is not None]
    return max(1, int(min([given, *quotas])))


def memory_bytes(root: Path = _ROOT) -> int | None:
    """The memory of the machine, in bytes; None if it is not known.

    Limits of the container and of each enclosing control group count.
    """
    limits = [
        int(text)
        for folder in _groups("memory", root)
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := _read(folder / name)).isdecimal()  # "max" means no limit
    ]
    installed = _installed_bytes()
    return min(limits if installed is None else [installed, *limits], default=None)


def allow_open_files(count: int) -> None:
    """Raise the limit of open files to `count` and some more, if the system allows it."""
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
    """The folders of this process's control groups, the innermost first (Linux).

    Sources: "Control Group v2" and "cgroup v1" in the kernel's documentation.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        mount = root / "sys/fs/cgroup"
        if controllers:  # version 1: each controller has a tree of its own
            if controller not in controllers.split(","):
                continue
            mount /= controller
        group = PurePosixPath("/", path)
        for folder in (group, *group.parents):
            yield mount / folder.relative_to("/")


def _cpu_quota(folder: Path) -> float | None:
    """The processor time of a control group, in processors; None without a limit."""
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    if not quota:
        quota = _read(folder / "cpu.cfs_quota_us")
        period = _read(folder / "cpu.cfs_period_us")
    if not (quota.isdecimal() and period.isdecimal()):  # "max" and -1 mean no limit
        return None
    return int(quota) / int(period) if int(period) else None


def _read(path: Path) -> str:
    """The text of a small file; "" if it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
