"""Models of local engines are fetched from a hub: a real server here, which may break off."""

import hashlib
import http.server
import io
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.program import Home, Outcome
from transcribe_cli.emulator.engines import model_fetch
from transcribe_cli.emulator.engines.model_store import WHISPER, repository_of
from transcribe_cli.emulator.engines.registry import MissingModel, SpeechEngineInfo
from transcribe_cli.jobs.local_models import fetch_model
from transcribe_cli.settings.environment import Environment

MODEL = bytes(range(256)) * 4000  # 1 MB
FILES = {
    "model.bin": MODEL,
    "config.json": b"{}",
    "vocabulary.json": b'["<|endoftext|>"]',
    "README.md": b"no part of it",
}
REVISION = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "Systran/faster-whisper-base"


class Hub:
    """A hub with one model.

    Attributes:
        files: what it sends.
        breaks_after: no byte of model.bin behind this one is sent; None: all are.
        authorizations: what clients said of who they are.
        ranges: where clients asked model.bin from.
    """

    def __init__(self) -> None:
        self.files = dict(FILES)
        self.authorizations: set[str | None] = set()
        self.breaks_after: int | None = None
        self.ranges: list[int] = []
        self.requests: list[str] = []

    def info(self) -> dict[str, Any]:
        lfs = {"sha256": hashlib.sha256(MODEL).hexdigest(), "size": len(MODEL), "pointerSize": 134}
        files = [
            {
                "rfilename": name,
                "size": len(data),
                "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
            }
            | ({"lfs": lfs} if name == "model.bin" else {})
            for name, data in FILES.items()
        ]
        return {"id": REPOSITORY, "modelId": REPOSITORY, "sha": REVISION, "siblings": files}


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, with_body: bool) -> None:
            hub.requests.append(f"{self.command} {self.path}")
            hub.authorizations.add(self.headers.get("Authorization"))
            path = self.path.partition("?")[0]
            if path.startswith(f"/api/models/{REPOSITORY}"):
                self._send(200, json.dumps(hub.info()).encode(), with_body, {})
                return
            match = re.fullmatch(f"/{REPOSITORY}/resolve/{REVISION}/(.+)", path)
            if not match or match[1] not in hub.files:
                self._send(404, b"{}", with_body, {})
                return
            data = hub.files[match[1]]
            first = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
            if with_body and match[1] == "model.bin":
                hub.ranges.append(first)
            whole = hashlib.sha256(FILES[match[1]]).hexdigest()
            headers = {"ETag": f'"{whole}"', "X-Repo-Commit": REVISION}
            if first:
                headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            cut = hub.breaks_after if with_body and match[1] == "model.bin" else None
            left = None if cut is None else max(cut - first, 0)
            self._send(206 if first else 200, data[first:], with_body, headers, left)

        def _send(
            self,
            status: int,
            body: bytes,
            with_body: bool,
            headers: dict[str, str],
            cut: int | None = None,
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body[:cut])
            if cut is not None:
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="test-hub")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


FETCH = ("models", "--fetch", "whisper:base")
Call = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What recognises need not be here for its model to be fetched."""
    monkeypatch.setattr(SpeechEngineInfo, "is_installed", True)


def stored(home: Home) -> Path:
    return home.path / ".cache" / "aai-stream" / "models" / REPOSITORY.replace("/", "--")


def test_it_says_what_how_big_and_where_to_and_keeps_what_is_the_model(
    home: Home, call: Call
) -> None:
    hub = Hub()
    with serving(hub) as url:
        done = call(*FETCH, HF_ENDPOINT=url)
    assert done.code == 0, done.err
    assert done.out == ""
    first, last = done.err.splitlines()
    assert first == f"The model {REPOSITORY} (1 MB) from {url} to {stored(home)}"
    assert last == "Whisper base is on this machine: --engine whisper:base"
    assert {path.name: path.read_bytes() for path in stored(home).iterdir()} == {
        name: data for name, data in FILES.items() if name != "README.md"
    }


def test_what_broke_off_goes_on_where_it_was(home: Home, call: Call) -> None:
    hub = Hub()
    hub.breaks_after = 600_000
    with serving(hub) as url:
        broken = call(*FETCH, HF_ENDPOINT=url)
        tried = len(hub.ranges)
        hub.breaks_after = None
        done = call(*FETCH, HF_ENDPOINT=url)
    assert broken.code == 5, broken.err
    assert "what has come is kept" in broken.err
    assert "it broke off after 600000 of 1024000 bytes" in broken.err
    assert done.code == 0, done.err
    assert hub.ranges[tried] == 600_000
    assert (stored(home) / "model.bin").read_bytes() == MODEL


def test_what_came_damaged_is_thrown_away(home: Home, call: Call) -> None:
    hub = Hub()
    hub.files["model.bin"] = MODEL[:-1] + b"?"
    with serving(hub) as url:
        damaged = call(*FETCH, HF_ENDPOINT=url)
        hub.files["model.bin"] = MODEL
        mended = call(*FETCH, HF_ENDPOINT=url)
    assert damaged.code == 5
    assert "model.bin of Systran/faster-whisper-base came damaged" in damaged.err
    assert mended.code == 0, mended.err
    assert (stored(home) / "model.bin").read_bytes() == MODEL


def test_a_mirror_is_told_the_password_of_its_address_and_nobody_else_is(
    home: Home, call: Call
) -> None:
    hub = Hub()
    hub.files["model.bin"] = MODEL[:-1] + b"?"
    with serving(hub) as url:
        damaged = call(*FETCH, HF_ENDPOINT=url.replace("://", "://me:se%40cret@"))
    assert f"came damaged from {url}." in damaged.err
    assert "cret" not in damaged.err
    assert hub.authorizations == {"Basic bWU6c2VAY3JldA=="}  # me:se@cret


@pytest.mark.parametrize(
    "endpoint", ["ftp://me:secret@hub", "https://me:secret@hub:port", "http://me:secret@[::1"]
)
def test_an_address_that_is_none_is_told_without_its_password(call: Call, endpoint: str) -> None:
    refused = call(*FETCH, HF_ENDPOINT=endpoint)
    assert refused.code in (2, 5)
    assert "secret" not in refused.err


def test_without_a_terminal_nothing_is_fetched_unasked(call: Call) -> None:
    hub = Hub()
    with serving(hub) as url:
        asked = ("file", "--sample", "--engine", "whisper:base")
        refused = call(*asked, HF_ENDPOINT=url)
    assert refused.code == 2
    assert "The model whisper:base is not on this machine." in refused.err
    assert "aai-stream models --fetch whisper:base" in refused.err
    assert hub.requests == []


def test_whoever_does_not_agree_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = model_fetch.Fetch(REPOSITORY, REVISION, "https://hub.example", (), Path("models"))
    monkeypatch.setattr(model_fetch, "plan_fetch", lambda repository: plan)
    monkeypatch.setattr(model_fetch, "fetch", lambda plan, tell: pytest.fail("fetched"))
    missing = MissingModel("whisper:base", REPOSITORY)
    with pytest.raises(MissingModel):
        fetch_model(
            missing,
            Environment(io.BytesIO(), io.StringIO(), io.StringIO(), {}, Path()),
            lambda: False,
        )


@pytest.mark.parametrize("name", ["no/such", "Systran/faster-whisper-tiny"])
def test_what_the_hub_does_not_know_is_told(call: Call, name: str) -> None:
    with serving(Hub()) as url:
        unknown = call("models", "--fetch", f"whisper:{name}", HF_ENDPOINT=url)
    assert unknown.code == 2
    assert f"The hub knows no model {name}." in unknown.err


def test_a_hub_that_is_not_there_is_told(call: Call) -> None:
    with socket.socket() as silent:  # bound, so that nobody else listens there
        silent.bind(("127.0.0.1", 0))
        gone = call(*FETCH, HF_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert gone.code == 5
    assert "could not be fetched" in gone.err


def test_names_stand_for_repositories_and_folders_for_none() -> None:
    assert repository_of("base", WHISPER) == REPOSITORY
    assert repository_of("me/mine.v2", WHISPER) == "me/mine.v2"
    for folder in ("./base", "/models/base", "a/b/c", "..", "C:\\models"):
        assert repository_of(folder, WHISPER) is None
