"""`--keyterms-file`: key terms from a file, one a line, and again whenever the file changes."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from transcribe_cli.errors import UsageError
from transcribe_cli.settings.parameter_changes import MOST_KEYTERMS, without_doubles

LOOK_EVERY_S = 0.5
"""How often the file is looked at. A change counts at the second look that finds it: an editor may
still have been writing at the first."""

_MOST_BYTES = 1 << 20


def parse_keyterms(text: str, name: str) -> list[str]:
    """The key terms in a file's text; empty lines and those that begin with `#` are none.

    Raises:
        UsageError: there are more than the service takes; `name` is the file's.

    >>> parse_keyterms("# people\\nSonny Miller\\n\\n  RNase \\n", "terms.txt")
    ['Sonny Miller', 'RNase']
    """
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    terms = without_doubles(line for line in lines if line and not line.startswith("#"))
    if len(terms) > MOST_KEYTERMS:
        raise UsageError(
            f"'{name}' holds {len(terms)} key terms, more than {MOST_KEYTERMS}.",
            "leave some out, or begin their lines with #",
        )
    return terms


class KeytermsFile:
    """A file of key terms.

    Attributes:
        first: what it held when it was first read.
        terms: what it held when it was last read and right.
    """

    def __init__(self, path: str) -> None:
        """Read it.

        Raises:
            UsageError: it cannot be read, or holds more than the service takes.
        """
        self._path = Path(path).expanduser()
        self._seen, self._taken = b"", self._read()
        self.first: Sequence[str] = self._parse(self._taken)
        self.terms = self.first

    def look(self) -> bool:
        """Look at the file; returns whether `terms` is new.

        Raises:
            UsageError: it has become wrong, which is said once; `terms` is as before.
        """
        problem: UsageError | None = None
        try:
            found = self._read()
        except UsageError as e:
            found, problem = e.message.encode(), e
        settled, self._seen = found == self._seen, found
        if not settled or found == self._taken:
            return False
        self._taken = found
        if problem is not None:
            raise problem
        terms = self._parse(found)
        changed, self.terms = terms != self.terms, terms
        return changed

    @contextlib.contextmanager
    def watched(self, changed: Callable[[], None], wrong: Callable[[str], None]) -> Iterator[None]:
        """Look again and again on a thread of its own, which calls these, until the context ends.

        Args:
            wrong: takes what is wrong with the file, in words.
        """
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(LOOK_EVERY_S):
                try:
                    if self.look():
                        changed()
                except UsageError as e:
                    wrong(f"{e.message.rstrip('.')}; the key terms are as before")

        thread = threading.Thread(target=watch, name="aai-keyterms", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(LOOK_EVERY_S)  # a file system that hangs holds nobody up

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                found = file.read(_MOST_BYTES + 1)
        except OSError as e:
            raise UsageError(
                f"The key terms in '{self._path}' cannot be read: {e.strerror or e}.",
                "check --keyterms-file",
            ) from e
        if len(found) > _MOST_BYTES:
            raise UsageError(
                f"'{self._path}' is no list of key terms: it is far too long.",
                "check --keyterms-file",
            )
        return found

    def _parse(self, found: bytes) -> list[str]:
        try:
            return parse_keyterms(found.decode(), str(self._path))
        except UnicodeDecodeError as e:
            raise UsageError(f"'{self._path}' is not UTF-8.", "save it as UTF-8") from e
