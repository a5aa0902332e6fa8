"""The world as one object: streams, variables, the folder; tests hand in one of their own."""

import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

APP = "aai-stream"
KEY_VARIABLE = "ASSEMBLYAI_API_KEY"
TOKEN_VARIABLE = "AAI_STREAM_TOKEN"


@dataclass(frozen=True)
class Environment:
    """What the process was given."""

    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    variables: Mapping[str, str] = field(repr=False)  # may hold the key
    folder: Path

    @classmethod
    def current(cls) -> "Environment":
        """This process's own."""
        return cls(
            stdin=sys.stdin.buffer if sys.stdin is not None else open(os.devnull, "rb"),  # noqa: PTH123
            stdout=sys.stdout,
            stderr=sys.stderr,
            variables=os.environ,
            folder=Path.cwd(),
        )


def load_dotenv(folder: Path) -> None:
    """Take settings from the folder's `.env`; variables that are set already win.

    Only this program's own names are taken: a `.env` is often another program's too.
    """
    path = folder / ".env"
    if not path.is_file():
        return
    from dotenv import dotenv_values

    try:
        # Some editors begin a file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return
    for name, value in dotenv_values(stream=io.StringIO(text)).items():
        if value is not None and (name == KEY_VARIABLE or name.startswith("AAI_STREAM_")):
            os.environ.setdefault(name, value)
