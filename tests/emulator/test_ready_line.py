"""The first line on standard output says where a service is."""

import json
import os
import sys
import urllib.request
from pathlib import Path

from tests.emulator.protocol_client import talk
from tests.program import DEADLINE_S, Home
from transcribe_cli.emulator.local_service import LocalService


def test_the_ready_line_says_where_everything_is(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    process = home.start("serve", "--engine", "counting", "--port", "0", "--ready-json")
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {
            *("url", "token_url", "health_url", "control_url", "control_key", "pid"),
        }
        assert ready["pid"] == process.pid or sys.platform == "win32"
        assert talk(ready["url"]).code == 1000
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{ready['token_url']}?expires_in_seconds=60", timeout=DEADLINE_S) as told:
            assert json.load(told)["expires_in_seconds"] == 60
        with opener.open(ready["health_url"], timeout=DEADLINE_S) as told:
            assert json.load(told) == {"status": "ok"}
        asked = urllib.request.Request(
            f"{ready['control_url']}/shutdown",
            method="POST",
            headers={"Authorization": ready["control_key"]},
        )
        with opener.open(asked, timeout=DEADLINE_S) as told:
            assert json.load(told) == {"stopping": True}
        assert process.wait(DEADLINE_S) == 0
        assert process.stdout.read() == b""
    finally:
        process.kill()
        process.communicate()


def test_a_service_that_is_stopped_before_it_has_loaded_ends_as_any_other(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    process = home.start("serve", "--engine", "counting", "--port", "0", "--ready-json")
    try:
        assert process.stdout is not None and process.stdout.readline()
        process.terminate()
        assert process.wait(DEADLINE_S) == 0 or sys.platform == "win32"
    finally:
        process.kill()
        process.communicate()


def test_without_ready_json_there_is_no_control() -> None:
    with LocalService("--engine", "counting") as service:
        ready = service.ready
    assert ready is not None and ready.url.endswith("/v3/ws")
    assert ready.control_url is None and ready.control_key is None and ready.pid != os.getpid()
