"""The ready line: where a service is that has just begun to listen, as one line of JSON."""

import os
import sys
from pathlib import Path

import msgspec

from transcribe_cli.protocol.endpoint import PATH

TOKEN = "/v3/token"  # nosec B105
HEALTH = "/health"
CONTROL = "/control"


class ReadyLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """The fields of the line.

    Attributes:
        url: opens sessions.
        control_url, control_key: steer the service; only where it is to be steered.
        ca_file: PEM of the certificate authority that vouches for it, with `--tls`.
    """

    url: str
    token_url: str
    health_url: str
    pid: int
    control_url: str | None = None
    control_key: str | None = None
    ca_file: str | None = None

    def __repr__(self) -> str:
        """Without the key."""
        return f"ReadyLine({self.url!r})"


def ready_line(base: str, control_key: str | None, ca_file: Path | None) -> ReadyLine:
    """The line of a service at `base`, a `ws` or `wss` URL without a path."""
    http = f"http{base.removeprefix('ws')}"
    return ReadyLine(
        url=f"{base}{PATH}",
        token_url=f"{http}{TOKEN}",
        health_url=f"{http}{HEALTH}",
        pid=os.getpid(),
        control_url=None if control_key is None else f"{http}{CONTROL}",
        control_key=control_key,
        ca_file=None if ca_file is None else str(ca_file),
    )


def print_ready_line(line: ReadyLine) -> None:
    """Print it on standard output, for the process that started this one."""
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
