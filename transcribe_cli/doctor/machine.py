"""Checks this machine: the program and its settings, disk, terminal, optional parts."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from transcribe_cli import __version__
from transcribe_cli.doctor.findings import Finding, failed, ok, warning
from transcribe_cli.errors import StreamError, UsageError
from transcribe_cli.settings.config_file import load_config
from transcribe_cli.settings.dotenv import notes_on_variables, settings_in_dotenv
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.precedence import config_path
from transcribe_cli.settings.user_folders import save_dir_of

_BYTES_AN_HOUR = 16000 * 2 * 3600  # at the default rate, and little more for the journal
_FEW_HOURS = 3.0  # what one session may last
_LEAST_COLUMNS, _LEAST_ROWS = 40, 8


def check_program(environment: Environment, kinds: Mapping[str, Any]) -> Iterator[Finding]:
    """Check versions and settings files; `kinds`: of the options that `config.toml` may set."""
    yield ok(
        "program",
        f"aai-stream {__version__}, Python {platform.python_version()}, {platform.platform()}",
    )
    dotenv = settings_in_dotenv(environment)
    if dotenv.options:
        names = ", ".join(name.replace("_", "-") for name in dotenv.options)
        yield ok("settings", f"{dotenv.path} sets {names}")
    for note in dotenv.notes:
        yield warning("settings", note, "take it out of .env")
    for note in notes_on_variables(environment.variables):
        yield warning("settings", note, "mend its name, or unset it")
    try:
        path = config_path(environment.variables)
        settings = load_config(path, kinds).values
    except StreamError as e:
        yield failed("settings", e)
        return
    if settings:
        names = ", ".join(name.replace("_", "-") for name in settings)
        yield ok("settings", f"{path} sets {names}")


def check_disk(save_dir: str | None) -> Iterator[Finding]:
    """Check that recordings can be saved, and how many hours; leaves no file behind."""
    folder = save_dir_of(save_dir)
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        with tempfile.TemporaryFile(dir=there) as trial:
            trial.write(b"-")
        free_bytes = shutil.disk_usage(there).free
    except OSError as e:
        yield failed(
            "disk",
            UsageError(
                f"No recording can be saved in '{folder}': {e.strerror or e}.",
                "choose another --save-dir, or --no-save",
            ),
        )
        return
    yield space_finding(folder, free_bytes)


def space_finding(folder: Path, free_bytes: int) -> Finding:
    """The finding about the free space of a disk."""
    hours = free_bytes / _BYTES_AN_HOUR
    room = f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} minutes"
    text = f"{folder}: {free_bytes / 1e9:.1f} GB free, room for {room} of audio"
    if hours < _FEW_HOURS:
        return warning("disk", text, "make room, or choose another --save-dir")
    return ok("disk", text)


class Terminal(NamedTuple):
    """The terminal of this process.

    Attributes:
        shows: standard output is a terminal.
        has_keys: standard input is a terminal too.
        moves: the cursor can be moved.
        colors: Rich's name of its colour system; None without colours.
    """

    shows: bool
    has_keys: bool
    moves: bool
    columns: int
    rows: int
    colors: str | None
    encoding: str


def inspect_terminal(environment: Environment) -> Terminal:
    """The terminal of this process."""
    from transcribe_cli.settings.option_types import Color
    from transcribe_cli.ui.notices import make_consoles

    console, _ = make_consoles(Color.AUTO, environment.variables)
    columns, rows = shutil.get_terminal_size()
    return Terminal(
        shows=console.is_terminal,
        has_keys=environment.stdin.isatty(),
        moves=environment.variables.get("TERM", "").lower() not in ("dumb", "unknown"),
        columns=columns,
        rows=rows,
        colors=None if console.no_color else console.color_system,
        encoding=environment.stdout.encoding or "",
    )


def check_terminal(terminal: Terminal) -> Iterator[Finding]:
    """Check that the terminal can show the live view."""
    if not terminal.shows:
        yield ok("terminal", "standard output is no terminal: final turns go there as plain lines")
        return
    colors = f"{terminal.colors} colours" if terminal.colors else "no colours"
    text = f"{terminal.columns} x {terminal.rows}, {colors}, {terminal.encoding}"
    if not terminal.moves:
        yield warning("terminal", f"{text}, and TERM is dumb", "set TERM to what it is, or --text")
    elif terminal.columns < _LEAST_COLUMNS or terminal.rows < _LEAST_ROWS:
        yield warning(
            "terminal", text, f"make the window larger: {_LEAST_COLUMNS} x {_LEAST_ROWS} at least"
        )
    elif terminal.encoding.lower().replace("-", "") != "utf8":
        yield warning(
            "terminal",
            text,
            "what it cannot show becomes '?': set LANG to a UTF-8 locale, such as C.UTF-8"
            if sys.platform != "win32"
            else "what it cannot show becomes '?': set PYTHONUTF8=1",
        )
    else:
        yield ok("terminal", text + ("" if terminal.has_keys else "; no keys, input is a pipe"))


def check_parts() -> Iterator[Finding]:
    """Check optional parts: ffmpeg and the local service."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg:
        yield ok("parts", f"ffmpeg for video, m4a and others: {ffmpeg}")
    else:
        yield warning(
            "parts",
            "no ffmpeg: WAV, FLAC, Ogg, MP3 and AIFF can be read, video and m4a cannot",
            "install ffmpeg",
        )
    from transcribe_cli.emulator.engines.registry import choose_engine

    try:
        yield ok("parts", f"the local service for --local: {choose_engine(None).title}")
    except UsageError as e:
        yield warning("parts", f"no local service: {e}", e.hint)
