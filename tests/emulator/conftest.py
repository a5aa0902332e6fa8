"""Services that listen, one for many tests or one of a test's own, and a model of Whisper."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.requirements import require_package
from tests.whisper_base import PARTS, put_together
from transcribe_cli.emulator.local_service import LocalService
from transcribe_cli.testing.service import AssemblyAIService


@pytest.fixture(scope="session")
def sphinx() -> Iterator[str]:
    """The address of a service with PocketSphinx."""
    with LocalService("--engine", "pocketsphinx") as service:
        yield service.url


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the model, put together of its two packages."""
    for package in ("ctranslate2", *PARTS):
        require_package(package)
    folder = tmp_path_factory.mktemp("whisper-base")
    put_together(folder)
    return folder


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a service with options of its own; returns its address."""
    services: list[LocalService] = []

    def start(*arguments: str) -> str:
        service = LocalService("--logbook", str(tmp_path / "logbook.jsonl"), *arguments)
        services.append(service)
        service.__enter__()
        return service.url

    yield start
    for service in services:
        service.close()


@pytest.fixture(scope="session")
def running() -> Iterator[AssemblyAIService]:
    """A service that each test tells what is played or goes wrong: that is cheaper than a start."""
    with AssemblyAIService() as service:
        yield service


@pytest.fixture
def play(running: AssemblyAIService) -> Callable[..., str]:
    """Have a service that runs begin anew and play these lines; returns its address."""

    def begin(*lines: dict[str, Any]) -> str:
        running.reset()
        running.play(lines)
        return running.url

    return begin


@pytest.fixture
def start_playing(serve: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """Start a service with options of its own that plays this line; returns its address."""

    def start(line: dict[str, Any], *options: str) -> str:
        script = tmp_path / "script.jsonl"
        script.write_text(json.dumps(line) + "\n", encoding="utf-8")
        return serve("--script", str(script), *options)

    return start


@pytest.fixture
def logbook(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What the service of `serve` has written down so far."""

    def read() -> list[dict[str, Any]]:
        text = (tmp_path / "logbook.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    return read
