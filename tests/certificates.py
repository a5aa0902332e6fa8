"""Certificates that nobody vouches for, made on the spot."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.requirements import require_programs


class Certificate(NamedTuple):
    """Paths of PEM files."""

    cert: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """A new certificate for localhost and 127.0.0.1."""
    require_programs("openssl")
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    subprocess.run(
        [
            *"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1".split(),
            *"-nodes -days 2 -subj /CN=localhost".split(),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(made.key), "-out", str(made.cert)),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return made
