"""One output for several recordings at once: each recording's records stay together, in order."""

import tempfile
from collections.abc import Callable, Iterator

import msgspec

from transcribe_cli.outputs.jsonl_records import Record, encode_record, read_record
from transcribe_cli.outputs.output import Flushable, Output

_IN_MEMORY_BYTES = 1 << 16  # a quarter of an hour of speech; more is kept on the disk


class SharedOutput:
    """Gives each recording an entry, and writes the entries to `output` one after the other.

    Records of the first open entry are written at once. Records of later entries are kept until the
    entries before them have ended; their partials are dropped, since the finals are known by then.

    Args:
        failed: called once, when the output has failed.
    """

    def __init__(self, output: Output, failed: Callable[[Output, OSError], None]) -> None:
        self.output = output
        self._failed = failed
        self._entries: list[RecordingEntry] = []
        self._works = True

    def enter(self) -> "RecordingEntry":
        """The entry of the next recording."""
        entry = RecordingEntry(self)
        self._entries.append(entry)
        self._move_up()
        return entry

    def tell(self, action: Callable[[], None]) -> None:
        """Call `action`, which may write to the output, unless the output has failed before."""
        if self._works:
            try:
                action()
            except OSError as e:
                self._works = False
                self._failed(self.output, e)

    def leave(self) -> None:
        """A recording has ended: write those that wait behind it."""
        while self._entries and self._entries[0].ended:
            self._entries.pop(0)
            self._move_up()

    def _move_up(self) -> None:
        if self._entries:
            self._entries[0].let_through()


class RecordingEntry:
    """One recording's entry of a shared output. Its methods never fail.

    Attributes:
        ended: nothing more comes from this recording.
    """

    def __init__(self, shared: SharedOutput) -> None:
        self.name = shared.output.name
        self.ended = False
        self._shared = shared
        self._kept: _RecordSpool | None = _RecordSpool()  # None once it is the first open entry

    def let_through(self) -> None:
        """It is the first open entry now: write what was kept, and then write at once."""
        kept, self._kept = self._kept, None
        if kept is not None:
            self._shared.tell(lambda: self._write_all(kept))
            kept.close()

    def _write_all(self, kept: "_RecordSpool") -> None:
        for record in kept.records():
            self._shared.output.write(record)

    def write(self, record: Record) -> None:
        """Write a record, or keep it until the entries before this one have ended."""
        kept = self._kept
        if kept is None:
            self._shared.tell(lambda: self._shared.output.write(record))
        elif record.update is None or record.update.final:
            self._shared.tell(lambda: kept.add(record))

    def flush(self) -> None:
        """Report it if the output has failed."""
        output = self._shared.output
        if isinstance(output, Flushable):
            self._shared.tell(output.flush)

    def close(self) -> None:
        """The recording has ended. May be called twice."""
        if not self.ended:
            self.ended = True
            self._shared.leave()


class _RecordSpool:
    """Keeps records as JSON lines, which take much less memory than objects."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115

    def add(self, record: Record) -> None:
        self._file.write(encode_record(record, 0))

    def records(self) -> Iterator[Record]:
        self._file.seek(0)
        for line in self._file:
            yield read_record(msgspec.json.decode(line))

    def close(self) -> None:
        self._file.close()
