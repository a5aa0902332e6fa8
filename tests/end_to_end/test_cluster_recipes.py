"""The recipes of docs/cluster.md, run as they stand there, as far as one machine can."""

import contextlib
import getpass
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.counting import CountingService, counting_service
from tests.end_to_end.counted_files import words_by_heading, write_talks
from tests.program import DEADLINE_S, LONG_DEADLINE_S, ROOT, Home
from tests.requirements import require_package, require_programs

SIZES = (9, 4, 6, 3, 5)


def recipe(heading: str) -> str:
    """The first block of code under a heading that begins so."""
    text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    found = re.search(rf"^### {heading}[^\n]*\n+```\w+\n(.*?)^```$", text, re.M | re.S)
    assert found is not None
    return found[1]


class Site:
    """A folder of talks, and a shell in which `aai-stream` is this program at that service."""

    def __init__(self, home: Home, service: CountingService) -> None:
        self.work = home.work
        self.said = write_talks(home.work / "calls", *SIZES)
        self.service = service
        programs = home.path / "bin"
        programs.mkdir()
        program = programs / "aai-stream"
        program.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m transcribe_cli "$@"\n'
        )
        program.chmod(0o755)
        self.variables = home.environment(
            {
                "PATH": f"{programs}:{os.environ['PATH']}",
                "AAI_STREAM_ENDPOINT": service.url,
                "AAI_STREAM_PACE": "max",
                "PARALLEL_HOME": str(home.path / "parallel"),
            }
        )

    def shell(self, script: str, **variables: str) -> str:
        """Run a script to its end; gives what it prints."""
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=self.work,
            env=self.variables | variables,
            capture_output=True,
            text=True,
            timeout=LONG_DEADLINE_S,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Start a service, which says nothing."""
        return subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.work,
            env=self.variables | {"PYTHONWARNINGS": "default"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def check(self) -> None:
        """Each file had one session, and every word is in the merged document, in order."""
        assert len(self.service.sessions) == len(SIZES)
        merged = self.shell("aai-stream merge shard-*.jsonl")
        assert words_by_heading(merged) == list(self.said.items())

    def check_captions(self) -> None:
        """Each file's captions have its words, once."""
        for name, words in self.said.items():
            captions = (self.work / f"{Path(name).stem}.srt").read_text().split()
            assert [word for word in captions if word.startswith("w")] == words


@pytest.fixture
def site(home: Home) -> Iterator[Site]:
    with counting_service() as service:
        yield Site(home, service)


@pytest.mark.long
def test_gnu_parallel(site: Site) -> None:
    require_programs("parallel")
    site.shell(recipe("GNU parallel"))
    site.check()
    site.check_captions()


@pytest.mark.long
def test_a_kubernetes_job_has_a_pod_for_each_shard(site: Site) -> None:
    job = yaml.safe_load(recipe("Kubernetes"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (rule,) = job["spec"]["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["containerName"] == container["name"]
    command = shlex.join([*container["command"], *container["args"]])
    for index in range(job["spec"]["completions"]):
        site.shell(command, JOB_COMPLETION_INDEX=str(index))
    site.check()
    site.check_captions()


@pytest.mark.long
def test_a_ci_matrix(site: Site) -> None:
    jobs = yaml.safe_load(recipe("A CI matrix"))["jobs"]
    shards = jobs["transcribe"]["strategy"]["matrix"]["shard"]
    for shard in shards:
        values = {"matrix.shard": shard, "strategy.job-total": len(shards)}
        site.shell(filled_in(own_steps(jobs["transcribe"])[0], values))
    site.check()
    site.shell(own_steps(jobs["merge"])[0])
    assert (site.work / "calls.md").read_text().count("# talk") == len(SIZES)


def own_steps(job: dict[str, Any]) -> list[str]:
    """What a job runs of this program."""
    return [step["run"] for step in job["steps"] if step.get("run", "").startswith("aai-stream")]


def filled_in(text: str, values: dict[str, Any]) -> str:
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: str(values[found[1]]), text)


@pytest.mark.long
def test_a_slurm_array(site: Site, slurm: dict[str, str]) -> None:
    (site.work / "transcribe.sh").write_text(recipe("Slurm"))
    site.shell("sbatch --wait transcribe.sh", **slurm)
    site.check()
    site.check_captions()


@pytest.mark.long
def test_a_scheduler_with_certificates_and_workers_of_its_own(site: Site) -> None:
    require_package("distributed")
    require_programs("openssl")
    port, _ = free_ports()
    with contextlib.ExitStack() as services:
        setup, scheduler, worker, command = cut_up(recipe("A scheduler"), port)
        site.shell(setup)
        for line in (scheduler, worker):
            services.callback(end, site.start(line))
            wait_for_port(port)
        site.shell(command)
        merged = site.shell(f"cat calls.md; {command.replace('calls.md', '-')} --format txt")
        with pytest.raises(AssertionError, match="cannot be reached"):  # without a certificate
            site.shell(command, DASK_CONFIG="/nowhere", HOME="/nowhere")
    assert len(site.service.sessions) == len(SIZES)
    assert words_by_heading(merged[merged.index("# talk1.wav\nw") :]) == list(site.said.items())


def cut_up(recipe: str, port: int) -> list[str]:
    """The recipe's set-up, scheduler, worker and command, all on this machine."""
    lines = recipe.replace("head", "127.0.0.1").replace("8786", str(port)).splitlines()
    runs = [line.removesuffix(" &") for line in lines[-3:]]
    dask = f"exec {shlex.quote(sys.executable)} -m dask"
    return ["\n".join(lines[:-3]), *(re.sub("^dask", dask, line) for line in runs)]


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + LONG_DEADLINE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A Slurm of one node, and the variables by which its commands find it."""
    require_programs("slurmctld", "slurmd", "munged", "sbatch")
    with contextlib.ExitStack() as stack:
        for attempt in range(3):  # somebody else may take a port before a daemon does
            with contextlib.ExitStack() as daemons:
                variables, told = started_slurm(tmp_path / f"slurm{attempt}", daemons)
                if variables:
                    stack.push(daemons.pop_all())
                    break
        else:
            pytest.fail(f"Slurm's node is {told}")
        yield variables


def started_slurm(folder: Path, daemons: contextlib.ExitStack) -> tuple[dict[str, str], str]:
    """Start it; gives the variables, none where the node is not idle in time, and its state."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    conf = folder / "slurm.conf"
    host = socket.gethostname().split(".")[0]
    ports, user = free_ports(), getpass.getuser()
    conf.write_text(SLURM_CONF.format(host=host, folder=folder, ports=ports, user=user))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    variables = {"SLURM_CONF": str(conf)}
    files = {"key": key} | {n: folder / f"munge.{n}" for n in ("socket", "pid", "log", "seed")}
    named = {"pid": "pid-file", "log": "log-file", "seed": "seed-file", "key": "key-file"}
    options = [f"--{named.get(name, name)}={path}" for name, path in files.items()]
    commands = [
        ["munged", "--foreground", "--force", *options],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D"],
    ]
    for command in commands:
        process = subprocess.Popen(
            command,
            env=os.environ | variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        daemons.callback(end, process)
    state = state_of_node(os.environ | variables)
    return (variables if state == "idle" else {}), state


def end(process: subprocess.Popen[bytes]) -> None:
    """End a service."""
    process.terminate()
    try:
        process.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(DEADLINE_S)


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def state_of_node(environment: dict[str, str]) -> str:
    """Its state once it is idle, or when it is not after 20 s."""
    deadline = time.monotonic() + 20.0
    state = "not asked for"
    while time.monotonic() < deadline:
        asked = ["sinfo", "--noheader", "--format=%T"]
        told = subprocess.run(asked, env=environment, capture_output=True, text=True, timeout=60)
        state = told.stdout.strip() or told.stderr
        if state == "idle":
            break
        time.sleep(0.2)
    return state


SLURM_CONF = """\
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
MpiDefault=none
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=500 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
