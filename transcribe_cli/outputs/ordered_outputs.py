"""Several recordings at once, one output: what each says stays together, in the order of asking."""

import tempfile
from collections.abc import Callable, Iterator

import msgspec

from transcribe_cli.outputs.output import Flushable, Output
from transcribe_cli.outputs.record import Record, encode_record, read_record

_IN_MEMORY_BYTES = 1 << 16  # a quarter of an hour of speech; more of it waits on the disk


class OrderedOutputs:
    """Gives each recording a way of its own, and puts them one after the other into `output`.

    The recording whose turn it is writes at once. What the later ones say is kept until then, but
    for partials: whoever reads it then knows how they ended.

    Args:
        failed: told, once, that the output takes nothing any more.
    """

    def __init__(self, output: Output, failed: Callable[[Output, OSError], None]) -> None:
        self.output = output
        self._failed = failed
        self._entries: list[RecordingEntry] = []
        self._works = True

    def enter(self) -> "RecordingEntry":
        """The next recording's way."""
        entry = RecordingEntry(self)
        self._entries.append(entry)
        self._move_up()
        return entry

    def tell(self, action: Callable[[], None]) -> None:
        """Do something for the output, unless it has failed before."""
        if self._works:
            try:
                action()
            except OSError as e:
                self._works = False
                self._failed(self.output, e)

    def leave(self) -> None:
        """A recording has ended: those behind it move up."""
        while self._entries and self._entries[0].ended:
            self._entries.pop(0)
            self._move_up()

    def _move_up(self) -> None:
        if self._entries:
            self._entries[0].let_through()


class RecordingEntry:
    """One recording's way to a shared output; it never fails.

    Attributes:
        ended: nothing more comes from this recording.
    """

    def __init__(self, turns: OrderedOutputs) -> None:
        self.name = turns.output.name
        self.ended = False
        self._turns = turns
        self._kept: _RecordSpool | None = _RecordSpool()  # None: it is its turn

    def let_through(self) -> None:
        """It is its turn: write what was kept, and what comes."""
        kept, self._kept = self._kept, None
        if kept is not None:
            self._turns.tell(lambda: self._write_all(kept))
            kept.close()

    def _write_all(self, kept: "_RecordSpool") -> None:
        for record in kept.records():
            self._turns.output.write(record)

    def write(self, record: Record) -> None:
        """Write a record, or keep it until it is its turn."""
        kept = self._kept
        if kept is None:
            self._turns.tell(lambda: self._turns.output.write(record))
        elif record.update is None or record.update.final:
            self._turns.tell(lambda: kept.add(record))

    def flush(self) -> None:
        """Find out whether the output still works."""
        output = self._turns.output
        if isinstance(output, Flushable):
            self._turns.tell(output.flush)

    def close(self) -> None:
        """The recording has ended; harmless twice."""
        if not self.ended:
            self.ended = True
            self._turns.leave()


class _RecordSpool:
    """Records as lines of JSON: a long recording would take much more memory as objects."""

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
