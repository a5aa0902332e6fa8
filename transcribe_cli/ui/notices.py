"""Notices for the user on standard error, and the Rich consoles.

Nothing else prints to standard error. Each notice is one line of safe text, never markup. While a
live view is on the same terminal, notices go through it: set `sink` to the view's `notice`, and
back to None when the view is closed.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

from transcribe_cli.errors import InternalError
from transcribe_cli.outputs.queued_stream import QueuedStream, open_queued_stream
from transcribe_cli.redaction import redact
from transcribe_cli.settings.environment import point_at_nothing, say
from transcribe_cli.settings.option_types import Color
from transcribe_cli.ui.safe_text import encodable, safe_text

if TYPE_CHECKING:
    # Rich takes longer to import than everything else a one-line error needs.
    from rich.console import Console
    from rich.text import Text

MOST_CHARACTERS = 2000
"""A notice is cut here: it may quote a long text of a service or a proxy."""

_PATIENCE_S = 2.0  # at the end


class ExplainedError(Protocol):
    """An error with a message and a hint, such as `StreamError`."""

    message: str

    @property
    def hint(self) -> str: ...


class PlainConsole:
    """Standard output or standard error where it is no terminal and gets no colour.

    Nothing is drawn there, so that Rich, which takes long to import, is not needed.
    """

    is_terminal = False

    def __init__(self, *, stderr: bool) -> None:
        self._stderr = stderr

    @property
    def file(self) -> TextIO:
        """The stream, as it is just now."""
        return sys.stderr if self._stderr else sys.stdout


class Notices:
    """Writes notices to standard error, one line each.

    Args:
        quiet: errors and warnings only.
        verbose: debug notices too.

    Attributes:
        sink: called with each line while a live view owns the terminal.
    """

    def __init__(
        self, console: Console | PlainConsole, *, quiet: bool = False, verbose: bool = False
    ) -> None:
        self.console = console
        self.quiet = quiet
        self.verbose = verbose
        self.sink: Callable[[Text], None] | None = None
        self._queue: QueuedStream | None = None

    def error(self, error: ExplainedError | str, hint: str = "") -> None:
        """Write an error, and its hint on a second line; `hint` replaces the error's own."""
        message = error if isinstance(error, str) else error.message
        hint = hint or ("" if isinstance(error, str) else error.hint)
        self._line("error: ", "bold red", message)
        if hint:
            self._line("hint: ", "bold", hint)
        if self.verbose and isinstance(error, InternalError):
            for line in error.traceback.splitlines():
                self.debug(line)

    def warning(self, text: str) -> None:
        """Write a warning: something is wrong, and the run goes on."""
        self._line("warning: ", "bold yellow", text)

    def note(self, text: str) -> None:
        """Write a note, unless quiet."""
        if not self.quiet:
            self._line("", "", text)

    def debug(self, text: str) -> None:
        """Write a debug notice, if verbose."""
        if self.verbose:
            self._line("", "", text, "dim")

    def _line(self, label: str, label_style: str, text: str, style: str = "") -> None:
        text = redact(text)  # before cutting, which might leave a part of the key
        if len(text) > MOST_CHARACTERS:
            text = f"{text[:MOST_CHARACTERS]}..."
        # Redacted again: characters that `safe_text` removes may have split the key.
        self._show(label, label_style, redact(safe_text(text)), style)

    def _show(self, label: str, label_style: str, text: str, style: str) -> None:
        """Show a line of text that is safe, and without our key."""
        encoding = getattr(self.console.file, "encoding", None)
        if isinstance(self.console, PlainConsole):
            self._write(f"{encodable(label + text, encoding)}\n", encoding)
            return
        from rich.text import Text

        line = Text().append(label, label_style).append(text, style)
        # A stderr that goes elsewhere than the view's terminal is written to directly.
        if self.sink is not None and self.console.is_terminal:
            self.sink(line)
            return
        # A character that stderr cannot show must not become a crash.
        line.plain = encodable(line.plain, encoding)
        with self.console.capture() as captured:
            self.console.print(line, soft_wrap=True, highlight=False)
        self._write(captured.get(), encoding)

    def _write(self, line: str, encoding: str | None) -> None:
        """Write a line without Rich, which exits the program when the reader of a pipe has gone."""
        if self._queue is None:
            say(self.console.file, line)
        else:
            with contextlib.suppress(OSError):  # a run does not end because stderr has no reader
                self._queue.write_text(line, encoding)

    @contextlib.contextmanager
    def queued(self) -> Iterator[None]:
        """While open, a blocked reader of standard error does not block the program."""
        queue = None if self._queue is not None else open_queued_stream(self.console.file)
        if queue is None:
            yield
            return
        self._queue = queue
        try:
            yield
        finally:
            self._queue = None
            queue.close()
            try:
                is_taken = queue.drain(_PATIENCE_S)
            except OSError:
                is_taken = True
            if not is_taken:  # a further write would block
                with contextlib.suppress(OSError, ValueError):
                    point_at_nothing(self.console.file.fileno())


class NamedNotices(Notices):
    """The notices of one of several recordings: each line begins with the recording's name.

    `quiet`: errors and warnings only, also where `notices` has more.
    """

    def __init__(self, notices: Notices, name: str, *, quiet: bool = False) -> None:
        quiet |= notices.quiet
        super().__init__(notices.console, quiet=quiet, verbose=notices.verbose)
        self._notices = notices
        self._name = name

    def _line(self, label: str, label_style: str, text: str, style: str = "") -> None:
        self._notices._line(label, label_style, f"{self._name}: {text}", style)


def make_consoles(color: Color, environ: Mapping[str, str]) -> tuple[Console, Console]:
    """The consoles of stdout and stderr.

    `color` takes precedence over NO_COLOR, and NO_COLOR over FORCE_COLOR. On a pipe, forced colour
    gives colour codes but no cursor movement. TERM=dumb gets no control sequences unless colour is
    forced. COLUMNS sets the width.
    """
    return _console(color, environ, stderr=False), _console(color, environ, stderr=True)


def make_light_consoles(
    color: Color, environ: Mapping[str, str]
) -> tuple[Console | PlainConsole, Console | PlainConsole]:
    """The same, but without Rich where it would only hand the text on."""

    def make(stderr: bool) -> Console | PlainConsole:
        if _is_terminal(stderr) or _is_forced(color, environ):
            return _console(color, environ, stderr=stderr)
        return PlainConsole(stderr=stderr)

    return make(stderr=False), make(stderr=True)


def _console(color: Color, environ: Mapping[str, str], *, stderr: bool) -> Console:
    from rich.console import Console

    is_terminal = _is_terminal(stderr)
    dumb = environ.get("TERM", "").lower() in ("dumb", "unknown")
    system: Literal["auto", "standard"] | None
    if _is_forced(color, environ):
        system = "standard"  # all that the view uses
    else:
        system = "auto" if is_terminal and not dumb else None
    columns = environ.get("COLUMNS", "")
    return Console(
        stderr=stderr,
        color_system=system,
        force_terminal=is_terminal,
        no_color=_is_off(color, environ),
        width=int(columns) if columns.isdecimal() and int(columns) > 0 else None,
        highlight=False,
        markup=False,
        emoji=False,
        _environ=environ,
    )


def _is_terminal(stderr: bool) -> bool:
    stream = sys.stderr if stderr else sys.stdout
    return stream is not None and stream.isatty()


def _is_off(color: Color, environ: Mapping[str, str]) -> bool:
    return color is Color.NEVER or (color is Color.AUTO and bool(environ.get("NO_COLOR")))


def _is_forced(color: Color, environ: Mapping[str, str]) -> bool:
    """Whether there is colour wherever the text goes."""
    forced = color is Color.ALWAYS or (color is Color.AUTO and _is_on(environ.get("FORCE_COLOR")))
    return forced and not _is_off(color, environ)


def _is_on(value: str | None) -> bool:
    return bool(value) and value not in ("0", "false")
