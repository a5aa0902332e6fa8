"""The outputs of a command, as its options ask: standard output, files, live captions."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from transcribe_cli.errors import IncompleteError, StreamError
from transcribe_cli.exit_status import ExitStatus, of_outputs
from transcribe_cli.outputs.formats import (
    STANDARD_OUTPUT,
    is_fifo_or_device,
    open_outputs,
    open_stdout,
    output_path,
)
from transcribe_cli.outputs.jsonl_output import JsonlOutput
from transcribe_cli.outputs.jsonl_records import Record, error_record
from transcribe_cli.outputs.output import Output, Outputs
from transcribe_cli.outputs.plain_text import TextOutput
from transcribe_cli.outputs.queued_stream import QueuedStream, open_queued_stream
from transcribe_cli.run.loop import Loop
from transcribe_cli.session.events import OutputFailed, StopRequested
from transcribe_cli.settings.environment import Environment, reader_is_gone
from transcribe_cli.settings.option_types import Format, NonSpeech
from transcribe_cli.settings.run_options import RunOptions
from transcribe_cli.ui.notices import Notices

if TYPE_CHECKING:
    from transcribe_cli.outputs.queued_output import QueuedOutput
    from transcribe_cli.outputs.written_files import WrittenFiles

_HURRIED_S = 2.0  # so long an output may take nothing after a person has stopped the program


class CommandStdout:
    """A command's standard output, with a queue where its reader may be slow.

    Args:
        broke: called when it takes nothing any more.

    Attributes:
        is_broken: it takes nothing any more, so that the command ends.
        problem: why; None where only its reader has gone.
    """

    def __init__(self, environment: Environment, broke: Callable[[], None]) -> None:
        self.is_broken = False
        self.problem: StreamError | None = None
        self._environment = environment
        self._broke = broke
        self._queued: QueuedStream | None = None

    def open(self) -> BinaryIO:
        """Open it, or its queue."""
        stream = self._environment.binary_stdout
        self._queued = open_queued_stream(stream)
        return stream if self._queued is None else cast(BinaryIO, self._queued)

    def tell_failure(self, failed: Callable[[], None]) -> None:
        """Have `failed` called by the queue's thread where it cannot be written."""
        if self._queued is not None:
            self._queued.failed = failed

    def drain(self) -> None:
        """Wait until its reader has taken everything."""
        if self._queued is not None and not self.is_broken:
            try:
                self._queued.drain()
            except OSError as e:
                self.give_up(e)

    def give_up(self, e: OSError) -> None:
        """Stop the command; without a problem where only the reader has gone."""
        self.is_broken = True
        if not reader_is_gone(e):
            self.problem = IncompleteError(
                f"Standard output cannot be written: {e.strerror or e}.",
                "everything else is saved",
            )
        self._broke()
        self._environment.forget_stdout()

    def close(self) -> None:
        """Close its queue."""
        if self._queued is not None:
            with contextlib.suppress(OSError):  # which has been told
                self._queued.close()


class CommandOutputs:
    """Opens and closes the outputs that a command's recordings share, and those of each recording.

    What lies in a recording's folder is not among them.

    Args:
        several: records and headings name their source.
        at_once: several recordings run at the same time.
        live: standard output is the live view's.

    Attributes:
        stdout: standard output, which may break by itself.
        hurried: a person has stopped it, so outputs wait only a moment for their readers.
        given_up: the names of the outputs that could not be written to their end; standard output
            is among them only where that was found after the run.
        last_line: how to go on with the one recording, said when all outputs are closed.
    """

    def __init__(
        self,
        options: RunOptions,
        environment: Environment,
        notices: Notices,
        *,
        several: bool,
        at_once: bool,
        live: bool,
    ) -> None:
        self._options = options
        self._notices = notices
        self._several = several
        self._at_once = at_once
        self._live = live
        self.stdout = CommandStdout(environment, self._stop)
        self.hurried = False
        self.given_up: set[str] = set()
        self.last_line: str | None = None
        self._loop: Loop | None = None
        self._shared: dict[Output, Callable[[contextlib.ExitStack], Output]] = {}
        self._broken: list[Output] = []
        self._ending: list[QueuedOutput] = []  # of recordings that are over
        self._files: WrittenFiles | None = None  # those of `-o`

    @contextlib.contextmanager
    def open_shared(self) -> Iterator[None]:
        """Open standard output and the files that all recordings of the command share."""
        options = self._options
        opened: list[Output] = []
        stdout = self.stdout.open()
        bare = None
        if not self._live:
            bare = open_stdout(
                stdout,
                options.stdout_format or Format.TXT,
                partials=options.partials,
                non_speech=self._keeps_non_speech,
                headings=self._several,
            )
        at_once = isinstance(bare, JsonlOutput | TextOutput)  # the others take work
        if bare is not None and at_once:
            opened.append(bare)
        stack = contextlib.ExitStack()
        stack.enter_context(self._notices.queued())
        try:
            self._shared = {output: self._ordered(output, output) for output in opened}
            if bare is not None and not at_once:
                opened += self._share([bare])
            shared = [t for t in options.output_files if "{stem}" not in t]
            opened += self._share(self._open_files(shared, "", headings=self._several))
            if options.captions_file is not None or options.captions_port is not None:
                from transcribe_cli.outputs.live_captions import open_live_captions

                captions = open_live_captions(
                    options.captions_file,
                    options.captions_port,
                    self._notices.note,
                    non_speech=self._keeps_non_speech,
                )
                opened += self._share(captions)
            yield
        finally:
            works = [o for o in (*opened, *self._ending) if o not in self._broken]
            Outputs(works, self.output_broken).close()
            self.stdout.close()
            stack.close()
        self._end_stdout()
        lines = [] if self._files is None else self._files.lines(self.given_up)
        if self.last_line is not None and not self._several:
            lines.append(self.last_line)
        for line in lines:
            self._notices.note(line)

    @property
    def _keeps_non_speech(self) -> bool:
        return self._options.non_speech is not NonSpeech.HIDE

    def exit_status(self, command: ExitStatus) -> ExitStatus:
        """The command's exit code: `command`; 6 if that is 0 and an output was given up.

        Call it after the outputs are closed, because closing may fail too.
        """
        return of_outputs(command, given_up=bool(self.given_up))

    def open_own(self, name: str) -> list[Output]:
        """Open the files of `-o` that belong to one source's recording alone."""
        own = [t for t in self._options.output_files if "{stem}" in t]
        outputs = self._open_files(own, Path(name).stem, headings=False)
        return [self._queue(output) for output in outputs]

    def _open_files(
        self, templates: Sequence[str], stem: str, *, headings: bool
    ) -> Sequence[Output]:
        for template in templates:
            if self._files is None:
                from transcribe_cli.outputs.written_files import WrittenFiles

                self._files = WrittenFiles()
            self._files.add(output_path(template, stem))
        return open_outputs(
            templates,
            stem,
            partials=self._options.partials,
            non_speech=self._keeps_non_speech,
            headings=headings,
        )

    def _share(self, outputs: Sequence[Output]) -> list[Output]:
        """Add outputs that all recordings share; returns them as main writes to them."""
        queued = [self._queue(output) for output in outputs]
        self._shared |= dict(zip(queued, map(self._ordered, queued, outputs), strict=True))
        return queued

    def _queue(self, output: Output) -> Output:
        """Give an output a queue and a thread, so that main does not wait for it."""
        from transcribe_cli.outputs.caption_file import CaptionFile
        from transcribe_cli.outputs.live_captions import PAGE_NAME
        from transcribe_cli.outputs.queued_output import QueuedOutput

        if output.name == PAGE_NAME:
            return output  # whose readers are not waited for anyway
        return QueuedOutput(
            output,
            partials=isinstance(output, JsonlOutput | CaptionFile),
            newest=isinstance(output, CaptionFile),
            failed=self._post_failed,
            patience_s=self._reader_timeout_s if is_fifo_or_device(Path(output.name)) else None,
        )

    def _reader_timeout_s(self) -> float | None:
        return _HURRIED_S if self.hurried else None

    def _post_failed(self) -> None:
        if self._loop is not None:
            self._loop.post(None, OutputFailed())

    def _close_own(self, own: Sequence[Output]) -> None:
        """Close a recording's outputs; while others run, without waiting for that."""
        if not self._at_once:
            Outputs(own, self.output_broken).close()
            return
        from transcribe_cli.outputs.queued_output import QueuedOutput

        later = [output for output in own if isinstance(output, QueuedOutput)]
        Outputs([o for o in own if o not in later], self.output_broken).close()
        self._ending = [output for output in self._ending if not output.has_ended]
        for output in later:
            if output not in self._broken:
                output.finish()
                self._ending.append(output)

    def of_recording(
        self, loop: Loop | None, own: Sequence[Output], stack: contextlib.ExitStack
    ) -> Outputs:
        """All outputs of one recording; its own are closed with the stack."""
        stack.callback(self._close_own, own)
        self._loop = loop
        self.stdout.tell_failure(self._post_failed)
        return Outputs(
            [*own, *(enter(stack) for enter in self._shared.values())], self.output_broken
        )

    def _ordered(self, output: Output, bare: Output) -> Callable[[contextlib.ExitStack], Output]:
        """What gives a recording its access to a shared output, until the stack is closed.

        Recordings that run at once follow each other in it. JSON lines name their source, and may
        be mixed.

        Args:
            bare: the same output without its queue.
        """
        if not self._at_once or isinstance(bare, JsonlOutput):
            return lambda _: output
        from transcribe_cli.outputs.shared_output import SharedOutput

        ordered = SharedOutput(output, self.output_broken)

        def enter(stack: contextlib.ExitStack) -> Output:
            entry = ordered.enter()
            stack.callback(entry.close)
            return entry

        return enter

    def tell_error(self, error: StreamError, name: str) -> None:
        """Report that one of several files could not be transcribed."""
        self._notices.error(error)
        record = error_record(error, datetime.now(UTC))
        record.body["source"] = name
        self.tell(record)

    def tell(self, record: Record) -> None:
        """Give a record that is of no recording to the outputs that all of them share."""
        with contextlib.ExitStack() as stack:
            Outputs([enter(stack) for enter in self._shared.values()], self.output_broken).write(
                record
            )

    def _end_stdout(self) -> None:
        """Wait for the reader of a document, which is written when everything else is over."""
        self._loop = None
        told = self.stdout.problem
        self.stdout.drain()
        if self.stdout.problem is not told and self.stdout.problem is not None:
            self._notices.error(self.stdout.problem)
            self.given_up.add(STANDARD_OUTPUT)

    def output_broken(self, output: Output, e: OSError) -> None:
        """Give up an output that cannot be written any more."""
        self._broken.append(output)
        self._shared.pop(output, None)
        if output.name == STANDARD_OUTPUT:
            self.stdout.give_up(e)
        else:
            self.given_up.add(output.name)
            self._notices.warning(f"'{output.name}' is given up: {e.strerror or e}")

    def _stop(self) -> None:
        if self._loop is not None:
            self._loop.post(None, StopRequested("output"))
