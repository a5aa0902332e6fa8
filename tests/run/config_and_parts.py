"""A run's config and its parts, as tests of runs need them; a source and an output beside them."""

import io
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console

from tests.counting import speak
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.source import Source, SourceEvent
from transcribe_cli.errors import AudioError
from transcribe_cli.outputs.jsonl_records import Record
from transcribe_cli.outputs.output import Output, Outputs
from transcribe_cli.protocol.models import MODELS, Tariff
from transcribe_cli.run.config import RunConfig, Sending, Service
from transcribe_cli.run.limits import Limits
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.parts import Doors, RunParts
from transcribe_cli.session.session import Target
from transcribe_cli.settings.session_parameters import Parameters
from transcribe_cli.supervisor.session_quota import SessionQuota
from transcribe_cli.ui.notices import Notices


def run_config(**changes: Any) -> RunConfig:
    """An ordinary run's, of a file that goes as fast as it can, with these changes."""
    service: dict[str, Any] = {
        "parameters": Parameters({"speech_model": "u3-rt-pro"}, MODELS["u3-rt-pro"], []),
        "target": Target("", {}),
        "endpoint": "here",
        "local": False,
    }
    sending: dict[str, Any] = {"chunk_ms": 50, "pace": None, "limited": False}
    usual: dict[str, Any] = {
        "recording": "test",
        "folder": None,
        "service": Service(**service | _taken(changes, Service._fields)),
        "audio": AudioFormat(),
        "sending": Sending(**sending | _taken(changes, Sending._fields)),
        "tariff": Tariff({"speech_model": "u3-rt-pro"}),
        "limits": Limits(),
    }
    return RunConfig(**usual | changes)


def _taken(changes: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those that have one of the names, taken out."""
    return {name: changes.pop(name) for name in names if name in changes}


def run_parts(
    source: Source,
    log: AudioLog,
    loop: Loop,
    outputs: Sequence[Output],
    stderr: io.StringIO | None = None,
    **changes: Any,
) -> RunParts:
    """What such a run works with; an output that breaks breaks the test."""
    usual: dict[str, Any] = {
        "outputs": Outputs(outputs, _broken),
        "notices": Notices(Console(file=stderr or io.StringIO(), width=200)),
        "quota": SessionQuota(None),
    }
    doors = Doors(**_taken(changes, Doors.__slots__))
    return RunParts(source=source, log=log, loop=loop, doors=doors, **usual | changes)


def _broken(output: Output, problem: OSError) -> None:
    raise problem


class Words:
    """A source that says words as fast as they are taken, then breaks or ends."""

    name = "words"
    kind = "file"
    live = False
    length_s: float | None = None
    path: str | None = None

    def __init__(self, count: int, breaks: bool = False) -> None:
        self._count = count
        self._breaks = breaks
        self._stopped = threading.Event()

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        for number in range(1, self._count + 1):
            if self._stopped.is_set():
                return
            yield speak(1, first=number)
        if self._breaks:
            raise AudioError("The tape is torn.")

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self.stop()


class Kept:
    """An output that keeps what it is given, and may be told to break."""

    name = "kept"

    def __init__(self, breaks_at: str = "") -> None:
        self.records: list[Record] = []
        self._breaks_at = breaks_at

    def write(self, record: Record) -> None:
        if record.type == self._breaks_at:
            raise RuntimeError("a bug")
        self.records.append(record)

    def close(self) -> None:
        pass
