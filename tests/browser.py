"""A real browser without a window: chromium, or Chrome, through its DevTools protocol."""

import base64
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.program import DEADLINE_S
from tests.requirements import require_programs

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update --disable-dev-shm-usage"
    " --hide-scrollbars --remote-debugging-port=0 --remote-allow-origins=*"
).split()


_WAIT = """new Promise((resolve) => {
  const ends = Date.now() + %d;
  const look = () => {
    if (document.body && (%s)) resolve(true);
    else if (Date.now() > ends) resolve(false);
    else setTimeout(look, 10);
  };
  look();
})"""


class CommandFailed(Exception):
    """The browser refused a command, or a script threw."""


class Tab:
    """One page of the browser."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command to this page, and its result."""
        return self._browser.call(method, self._session, **params)

    def open(self, url: str) -> None:
        """Go to a page and wait until it is there."""
        self.call("Page.navigate", url=url)
        self.wait(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression comes to, a promise's value where it is one."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise CommandFailed(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript condition holds; a page that is replaced is asked again."""
        for tries_left in (2, 1, 0):
            try:
                held = self.value(_WAIT % (DEADLINE_S * 800, condition))
                seen = "" if held else self.value("document.body.innerText")
                break
            except CommandFailed:  # the page was left while it waited
                if not tries_left:
                    raise
        assert held, f"not so: {condition}; the page says {seen!r}"

    def picture(self, path: Path) -> None:
        """A PNG of what is to be seen."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


class Browser:
    """A running browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """One command of the protocol, and its result; events are passed over."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        self._connection.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while (answer := json.loads(self._connection.recv(DEADLINE_S))).get("id") != number:
            pass
        if "error" in answer:
            raise CommandFailed(str(answer["error"]))
        result: dict[str, Any] = answer["result"]
        return result

    def tab(self, width: int = 1280, height: int = 720) -> Tab:
        """A new, empty page of that size."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        tab = Tab(self, attached["sessionId"])
        tab.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        return tab


@contextmanager
def browser(*flags: str) -> Iterator[Browser]:
    """A browser whose settings and cache are in an empty folder."""
    program = "google-chrome" if shutil.which("google-chrome") else "chromium"
    require_programs(program)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        _running(program, folder, *flags) as running,
    ):
        yield running


@contextmanager
def _running(program: str, folder: str, *flags: str) -> Iterator[Browser]:
    process = subprocess.Popen(
        [program, *_FLAGS, *flags, f"--user-data-dir={folder}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={"HOME": folder, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            _, found, url = line.decode(errors="replace").partition("DevTools listening on ")
            if found:
                break
        else:
            raise AssertionError("chromium ended")
        with connect(url.strip(), max_size=None, compression=None) as connection:
            yield Browser(connection)
    finally:
        # All of its processes: the rest would go on for a while, and write into the folder.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
