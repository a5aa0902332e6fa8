"""What the machine, or a container on it, lets a program have."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from transcribe_cli.system import machine_resources
from transcribe_cli.system.machine_resources import memory_bytes, processors

GB = 1 << 30


def linux(root: Path, cgroup: str, limits: dict[str, str]) -> Path:
    """The kernel's files below a root: this process's groups, and limits of some."""
    files = {f"sys/fs/cgroup/{name}": text + "\n" for name, text in limits.items()}
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_what_is_installed_is_told_without_any_container(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path) == pytest.approx(psutil.virtual_memory().total, rel=0.01)
    assert 1 <= processors(tmp_path) <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("cgroup", "limits"),
    [
        ("0::/\n", {"memory.max": str(GB)}),
        ("0::/a/b\n", {"a/b/memory.max": str(GB)}),
        # Of nested groups the smallest counts, wherever it stands.
        (
            "0::/a/b\n",
            {"a/b/memory.max": "max", "a/memory.max": str(GB), "memory.max": str(2 * GB)},
        ),
        ("0::/a/b\n", {"a/b/memory.max": str(2 * GB), "a/memory.max": str(GB)}),
        # The path of the machine's own view, in a container that sees only its group's folder.
        ("0::/docker/0123abcd\n", {"memory.max": str(GB)}),
        ("9:memory:/x\n3:cpu,cpuacct:/x\n0::/\n", {"memory/x/memory.limit_in_bytes": str(GB)}),
        ("9:memory:/x\n", {"memory/memory.limit_in_bytes": str(GB)}),
    ],
)
def test_a_container_s_memory_is_the_memory(
    tmp_path: Path, cgroup: str, limits: dict[str, str]
) -> None:
    assert memory_bytes(linux(tmp_path, cgroup, limits)) == GB


@pytest.mark.parametrize("text", ["max", "", "-1", "9223372036854771712", "nonsense", "1e9"])
def test_a_limit_that_is_none_changes_nothing(tmp_path: Path, text: str) -> None:
    root = linux(tmp_path, "0::/a\n", {"a/memory.max": text, "a/cpu.max": text})
    assert memory_bytes(root) == memory_bytes(tmp_path / "nothing")
    assert processors(root) == processors(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("cgroup", "limits"),
    [
        ("0::/a\n", {"a/cpu.max": "100000 100000"}),
        ("0::/a\n", {"a/cpu.max": "50000 100000"}),
        ("0::/a\n", {"a/cpu.max": "max 100000", "cpu.max": "199999 100000"}),
        (
            "3:cpu,cpuacct:/a\n",
            {"cpu/cpu.cfs_quota_us": "1000", "cpu/cpu.cfs_period_us": "900"},
        ),
    ],
)
def test_a_container_s_processors_are_the_processors(
    tmp_path: Path, cgroup: str, limits: dict[str, str]
) -> None:
    assert processors(linux(tmp_path, cgroup, limits)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone says which ones a process has")
def test_processors_are_those_that_the_process_was_given() -> None:
    one = min(os.sched_getaffinity(0))
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from transcribe_cli.system.machine_resources import *; print(processors())",
        ],
        preexec_fn=lambda: os.sched_setaffinity(0, {one}),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    assert said.stdout == "1\n"


def test_a_platform_that_does_not_say_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_resources, "_installed_bytes", lambda: None)
    assert memory_bytes(tmp_path) is None
    assert memory_bytes(linux(tmp_path, "0::/\n", {"memory.max": str(GB)})) == GB
